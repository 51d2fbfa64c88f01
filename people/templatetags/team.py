"""What templates ask about a person's workspaces."""

from django import template
from django.utils.translation import gettext as _

from people.models import Workspace
from people.texts import beginning

register = template.Library()

BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


@register.filter
def device_name(user_agent: str) -> str:
    """`Firefox on Linux`, as far as the browser says; else what it says of itself."""
    browser = next((name for mark, name in BROWSERS.items() if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or beginning(user_agent, 90) or _("Unknown browser")


@register.simple_tag(takes_context=True)
def belongs_elsewhere(context) -> bool:
    """Whether this person has more than one workspace."""
    return Workspace.objects.of(context["request"].user)[1:].exists()
