"""How what happened to a run reads in its history. Presentation only; no queries."""

from dataclasses import dataclass

from django import template
from django.utils.translation import gettext as _

from runs.models import RunEvent
from runs.sayings import told
from runs.status import LOOKS, VERDICT_LOOKS, Verdict

register = template.Library()

ICONS = {"contact": "wifi-off", "settle": "refresh-cw", "desktop": "monitor", "wait": "clock-alert"}
ICONS |= {"extend": "clock-plus", "computer": "monitor", "word": "info"}


@dataclass(frozen=True)
class Happening:
    """`quote` is what a person wrote; `run` the other run it is about."""

    title: str
    text: str = ""
    quote: str = ""
    icon: str = ""
    tone: str = ""
    is_status: bool = False
    run: str = ""


@register.filter
def happening(event: RunEvent) -> Happening:
    """How an event reads: a title, what there is to add, its icon and tone."""
    return READERS.get(event.kind, _other)(event)


def _status(event: RunEvent) -> Happening:
    look = LOOKS[event.now]
    title = f"{look.label}, {look.more}" if look.more else str(look.label)
    is_follow_up = event.now == "queued" and not event.was and event.run.is_follow_up
    said = {"quote": event.why} if is_follow_up else {"text": told(event.why)}
    return Happening(title, icon=look.icon, tone=look.tone, is_status=True, **said)


def _session(event: RunEvent) -> Happening:
    return Happening(_("Session created"), event.why.removeprefix("Session "), icon="messages-square")


def _verdict(event: RunEvent) -> Happening:
    if not event.why:
        return Happening(_("Judgement taken back"), icon="rotate-ccw")
    look = VERDICT_LOOKS.get(event.why)
    label = Verdict(event.why).label
    if look is None:
        return Happening(_("Judged: %(verdict)s") % {"verdict": label}, icon="circle-question-mark")
    return Happening(_("Judged: %(verdict)s") % {"verdict": label}, icon=look.icon, tone=look.tone)


def _tag(event: RunEvent) -> Happening:
    title = _("Tags: %(names)s") % {"names": event.why} if event.why else _("Tags taken away")
    return Happening(title, icon="tag")


def _other(event: RunEvent) -> Happening:
    return Happening(told(event.why) or event.kind, icon=ICONS.get(event.kind, ""))


READERS = {
    "status": _status,
    "session": _session,
    "verdict": _verdict,
    "tag": _tag,
    "note": lambda event: Happening(_("Note"), quote=event.why, icon="message-square"),
    "flag": lambda event: Happening(_("Needs somebody"), quote=event.why, icon="flag", tone="amber"),
    "take": lambda event: Happening(_("Taken on"), icon="hand"),
    "unflag": lambda event: Happening(_("Nobody is needed any more"), icon="flag"),
    "relaunch": lambda event: Happening(_("Relaunched"), icon="rotate-ccw", run=event.why),
    "follow_up": lambda event: Happening(_("Followed up"), icon="corner-down-left", run=event.why),
}
