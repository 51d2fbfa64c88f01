"""What the palette finds for what somebody typed: runs, pages, actions. Reads only."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from runs.models import Run
from runs.places import places_for
from runs.words import folded

MOST_RUNS = 8


@dataclass(frozen=True)
class Action:
    """A line of the palette: goes to `url`, or does in the page what a button with this attribute does."""

    name: str
    label: str | Promise
    icon: str
    keys: str = ""
    url: str = ""
    attribute: str = ""
    value: str = ""


def runs_found(user, workspace, text: str) -> list[Run]:
    """The newest runs of the workspace with this text; first the one with this number."""
    runs = Run.objects.visible_to(user).filter(workspace=workspace).for_display()
    number = text.removeprefix("#")
    is_number = number.isascii() and number.isdecimal() and len(number) < 19
    named = list(runs.filter(pk=number)) if is_number else []
    others = (
        runs.matching(text, workspace=workspace.pk).exclude(pk__in=[run.pk for run in named]).order_by("-id")
    )
    return named + list(others[: MOST_RUNS - len(named)])


def actions_found(user, membership, text: str = "", run: Run | None = None) -> list[Action]:
    """Pages and actions with this text in their name; `run` is the one that is open or chosen in the page."""
    wanted = folded(text)
    return [action for action in _actions(user, membership, run) if wanted in folded(str(action.label))]


def _actions(user, membership, run: Run | None) -> list[Action]:
    actions = []
    if membership and membership.can_operate:
        actions.append(Action("new", _("New run"), "plus", "n", reverse("run-new")))
        if run:
            label = _("Relaunch “%(title)s”") % {"title": run.agent_session.title}
            url = f"{reverse('run-new')}?run={run.pk}&from={run.agent_session_id}"
            actions.append(Action("relaunch", label, "rotate-ccw", "r", url))
    actions += [
        Action(place.name.replace(":", "-"), place.label, place.icon, place.keys, place.url)
        for place in places_for(user)
    ]
    return [
        *actions,
        Action("me", _("Preferences"), "user", url=reverse("me")),
        Action("light", _("Theme: light"), "sun", attribute="data-theme-choice", value="light"),
        Action("dark", _("Theme: dark"), "moon", attribute="data-theme-choice", value="dark"),
        Action("system", _("Theme: system"), "sun-moon", attribute="data-theme-choice", value="system"),
        Action("keyboard", _("Keyboard"), "keyboard", "?", attribute="data-help"),
    ]
