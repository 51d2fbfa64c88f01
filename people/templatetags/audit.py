"""What a row of the audit log is about, as an address, and what it says of it, in the reader's words."""

import re
from datetime import datetime

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from people.audit import Act, AuditEntry
from people.forms import LIMITS, LimitsForm
from people.models import Role

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

# What rows say is kept in English, by short names.
WORDS = {
    "address": _("address"),
    "by": _("who"),
    "change": _("change"),
    "Giga": "Giga",
    "is_shared": _("shared"),
    "key": _("key"),
    "kind": _("kind"),
    "limit": _("limit"),
    "list": _("list"),
    "name": _("name"),
    "needs_second_factor": _("second factor asked for"),
    "of": _("again"),
    "q": _("text"),
    "reason": _("reason"),
    "result": _("result"),
    "role": _("role"),
    "runs": _("runs"),
    "since": _("since"),
    "times": _("times"),
    "until": _("until"),
    "with": _("with"),
} | {name: field.label for name, field in LimitsForm.base_fields.items()}
YES_NO = {"True": _("yes"), "False": _("no")}
VALUES = {
    "role": dict(Role.choices),
    "is_shared": YES_NO,
    "needs_second_factor": YES_NO,
    "with": {"second factor": _("second factor")},
} | {name: {"None": "–"} for name in LIMITS}


@register.filter
def word(name: str) -> str:
    """What a row says something of."""
    return WORDS.get(name, name)


@register.filter
def in_words(value: str, name: str) -> str:
    """What it says of that. Times are the reader's; a day that was searched for is none."""
    if name in ("since", "until") and "T" in value:
        local = timezone.localtime(datetime.fromisoformat(value))
        return f"{date_format(local, 'DATETIME_FORMAT')} {local.tzname()}"
    return str(VALUES.get(name, {}).get(value, value))


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
