"""What a row of the audit log is about, as an address."""

import re

from django import template
from django.urls import reverse

from people.audit import Act, AuditEntry

register = template.Library()

PAGES = {
    Act.KEY_REPLACED: "team-key",
    Act.KEY_TESTED: "team-key",
    Act.LIMITS_CHANGED: "team-limits",
    Act.WORKSPACE_CHANGED: "team-settings",
    Act.INVITED: "team",
    Act.INVITATION_REVOKED: "team",
    Act.JOINED: "team",
    Act.ROLE_CHANGED: "team",
    Act.REMOVED: "team",
}
OF_SESSIONS = {Act.FILE_OPENED, Act.THREAD_READ}
# How runs and sessions are named there, and where a refused request went.
NUMBER = re.compile(r"(?:(?:GET|POST) /(runs|sessions)/)?([0-9]{1,18})[:/]", re.ASCII)


@register.filter
def leads_to(entry: AuditEntry) -> str:
    """The path of the run, session or page this row speaks of; "" where there is none."""
    if entry.act in PAGES:
        return reverse(PAGES[entry.act])
    found = NUMBER.match(entry.object)
    is_of_run = entry.act.startswith("run-") or entry.act in (
        Act.LAUNCHED,
        Act.DESKTOP_OPENED,
        Act.DESKTOP_SEEN,
        Act.REFUSED,
    )
    if not found or not (is_of_run or entry.act in OF_SESSIONS):
        return ""
    is_session = found[1] == "sessions" or entry.act in OF_SESSIONS
    return reverse("session-detail" if is_session else "run-detail", args=[int(found[2])])
