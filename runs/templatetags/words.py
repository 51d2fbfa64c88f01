"""What the scripts say, in the language of the page. Each `%s` is filled in by the script."""

import json
from functools import cache

from django import template
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

register = template.Library()

SCRIPT_WORDS = {
    "now": _("now"),
    "in": _("in %s"),
    "min_ago": _("%s min ago"),
    "h_ago": _("%s h ago"),
    "status": _("Status: %s"),
    "paused": _("Live updates are paused. This page asks every ten seconds."),
    "paused_since": _("Live updates paused since %s."),
    "crowded": _("You have many pages open at once: close some to see this one live."),
    "live_again": _("Live again."),
    "last_answer": _("Last answer %s, next in %s s."),
    "as_of": _("as of %s"),
    "new_rows": _("%s new"),
    "picked": _("%s selected"),
    "picture_now": _("picture now"),
    "changed_s": _("last change %s s ago"),
    "changed_min": _("last change %s min ago"),
    "desktop_live": _("The desktop is live."),
    "left_min": _("Less than %s min left"),
    "tell_refused": _("This browser does not allow notifications from here."),
    "failed": _("That did not work. Try again, or load the page anew."),
    "copied": _("Copied."),
    "copy_refused": _("Copying is not allowed here."),
    "draft_from": _("Draft from %s"),
    "launch_for": _("Launch for %s h?"),
    "no_rate": _("rate not published"),
    "credits": _("%s credits"),
    "runtime_only": _("runtime only, AI tokens extra"),
    "character": _("%s character"),
    "characters": _("%s characters"),
    "live_of": _("%s live of %s active"),
}

# By the code with which a desktop's socket was closed, and by name.
VIEWER_WORDS = {
    "1000": _("The desktop closed the connection."),
    "1001": _("The dashboard is restarting."),
    "4400": _("The desktop was reached, but speaks in a way this viewer does not know."),
    "4401": _("This view has expired."),
    "4403": _("You may no longer see this desktop."),
    "4404": _("This desktop is gone."),
    "4406": _(
        "The desktop's address leads into a network that is not public, so it is not dialled. Whoever runs "
        "Gigawatch can name such networks."
    ),
    "4409": _("This view has expired, or the desktop is gone."),
    "4413": _("The desktop sent more at once than is taken."),
    "4429": _("You have too many pages and desktops open: close some."),
    "4502": _("The desktop could not be reached."),
    "4503": _("The connection to the desktop broke."),
    "4504": _("The desktop did not answer in time."),
    "away": _("The dashboard could not be reached."),
    "connecting": _("Connecting to the desktop …"),
    "broke": _("The connection to the desktop broke."),
    "again": _("%s Trying again …"),
    "refused": _("The desktop refused the connection."),
    "refused_because": _("The desktop refused the connection: %s"),
    "password": _("The desktop asks for a password, which Giga did not give."),
}


@register.simple_tag
def script_words() -> str:
    """All words of the pages' scripts as JSON, for an attribute of the page."""
    return _script_words(get_language())


@cache
def _script_words(language: str) -> str:
    """Kept: every page carries them."""
    return _as_json(SCRIPT_WORDS)


@register.simple_tag
def viewer_words() -> str:
    """All words of the desktop's viewer as JSON, for an attribute of its page."""
    return _as_json(VIEWER_WORDS)


def _as_json(words: dict) -> str:
    return json.dumps({key: str(text) for key, text in words.items()}, ensure_ascii=False)
