"""What the pages' pictures are drawn from: the strip to scale, the checklist, the history's words, avatars.
Presentation only; no queries."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.translation import gettext as _

from people.models import initials_of
from runs.models import Phase, Run, RunEvent
from runs.status import BAD, Status

register = template.Library()

AVATAR_TONES = ["blue", "green", "orange", "violet", "teal", "slate"]
LITTLE_LEFT_S, VERY_LITTLE_LEFT_S = 15 * 60, 5 * 60
# In hundredths of the strip's width: no segment vanishes, and a gap parts two of them.
THINNEST, GAP = 0.5, 0.17
TICK_STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 240, 360]
EVENT_ICONS = {"contact": "wifi-off", "settle": "refresh-cw", "desktop": "monitor", "wait": "clock-alert"}


@register.filter
def person_name(user) -> str:
    """The full name, else the login name; someone who is gone is said to be."""
    return (user.get_full_name() or user.get_username()) if user else _("somebody who has left")


@register.simple_tag
def avatar(user):
    """A round badge with two letters, the name on hover and for screen readers."""
    if user is None:
        return ""
    name = person_name(user)
    tone = AVATAR_TONES[user.pk % len(AVATAR_TONES)]
    return format_html(
        '<span class="avatar tone-{}" role="img" aria-label="{}" title="{}">{}</span>',
        tone,
        name,
        name,
        initials_of(name),
    )


@register.filter
def phase(run: Run, key: str) -> Phase | None:
    """One stretch of the run's life by its key; `start` is the one between sending and running."""
    keys = ("starting", "unknown") if key == "start" else (key,)
    return next((phase for phase in run.phases if phase.key in keys), None)


@register.filter
def current_phase(run: Run) -> Phase | None:
    """The stretch this run is in now; None when it is over."""
    return run.phases[-1] if run.is_active else None


@dataclass(frozen=True)
class TimeLeft:
    seconds: float
    tone: str
    share: float


@register.filter
def time_left(run: Run) -> TimeLeft | None:
    """Paid time left, its tone, and its share of the whole in hundredths."""
    left = run.left_s
    if left is None:
        return None
    tone = "red" if left < VERY_LITTLE_LEFT_S else "amber" if left < LITTLE_LEFT_S else ""
    return TimeLeft(left, tone, round(100 * min(1, left / (run.agent_session.duration_hours * 3600)), 2))


@dataclass(frozen=True)
class Segment:
    key: str
    x: float
    width: float
    is_growing: bool = False


@dataclass(frozen=True)
class Tick:
    text: str
    x: float
    anchor: str = "middle"
    css_class: str = ""


@register.simple_tag
def strip(run: Run) -> dict:
    """The run's time as a bar to scale: segments and clock ticks, in hundredths of its width."""
    now = timezone.now()
    start, end = run.queued_at, _strip_end(run, now)
    whole = max((end - start).total_seconds(), 1)
    widths = _at_least([100 * phase.seconds / whole for phase in run.phases], has_rest=run.is_active)
    segments, x = [], 0.0
    for part, width in zip(run.phases, widths, strict=True):
        is_growing = run.is_active and part.ended_at is None
        segments.append(Segment(part.key, round(x, 2), round(max(width - GAP, 0.2), 2), is_growing))
        x += width
    if run.status in BAD:
        segments.append(Segment("stop", 100 - THINNEST, THINNEST))
    return {
        "segments": segments,
        "rest": Segment("rest", round(x, 2), round(100 - x, 2)) if run.is_active and x < 100 else None,
        "ticks": _ticks(run, now, start, end, x),
        "from_ms": int(start.timestamp() * 1000),
        "to_ms": int(end.timestamp() * 1000),
    }


def _strip_end(run: Run, now: datetime) -> datetime:
    if run.is_final:
        return max(run.ended_at or now, run.queued_at)
    hoped = run.ends_at or now + timedelta(hours=run.agent_session.duration_hours)
    return max(hoped, now)


def _at_least(widths: list[float], *, has_rest: bool) -> list[float]:
    """No segment thinner than can be seen; without a rest the widest gives way."""
    seen = [max(width, THINNEST) for width in widths]
    if seen and not has_rest:
        widest = seen.index(max(seen))
        seen[widest] = max(THINNEST, seen[widest] + 100 - sum(seen))
    return seen


def _ticks(run: Run, now: datetime, start: datetime, end: datetime, now_x: float) -> list[Tick]:
    if run.is_final:
        word = {Status.FAILED: _("failed"), Status.REJECTED: _("refused"), Status.LOST: _("lost")}.get(
            run.status, _("ended")
        )
        fixed = [Tick(_hour(start), 0, "start"), Tick(f"{word} {_hour(end)}", 100, "end", "now")]
        taken = [0.0, 100.0]
    elif now_x < 9:
        fixed = [Tick(f"{_('now')} {_hour(now)}", 0, "start", "now"), Tick(_hour(end), 100, "end")]
        taken = [4.0, 100.0]
    else:
        anchor = "end" if now_x > 94 else "middle"
        fixed = [
            Tick(_hour(start), 0, "start", "near" if now_x < 28 else ""),
            Tick(f"{_('now')} {_hour(now)}", round(now_x, 2), anchor, "now"),
        ]
        if now_x < 88:
            fixed.append(Tick(_hour(end), 100, "end", "near" if now_x > 72 else ""))
        taken = [0.0, now_x, 100.0]
    return fixed + _round_ticks(start, end, taken)


def _round_ticks(start: datetime, end: datetime, taken: list[float]) -> list[Tick]:
    """Round clock times between the fixed ones, at most four, none close to another tick."""
    whole_min = (end - start).total_seconds() / 60
    step = next((step for step in TICK_STEPS_MIN if whole_min / step <= 4.5), TICK_STEPS_MIN[-1])
    local = timezone.localtime(start).replace(second=0, microsecond=0)
    at = local - timedelta(minutes=(local.hour * 60 + local.minute) % step)
    ticks = []
    while (at := at + timedelta(minutes=step)) < end:
        x = 100 * (at - start) / (end - start)
        nearest = min(abs(x - other) for other in taken)
        if nearest > 9:
            ticks.append(Tick(_hour(at), round(x, 2), css_class="near" if nearest < 18 else ""))
    return ticks[:5]


def _hour(at: datetime) -> str:
    return timezone.localtime(at).strftime("%H:%M")


@dataclass(frozen=True)
class Step:
    label: str
    place: str  # done, now or next
    took_s: float | None
    since: datetime | None
    at: datetime | None


@register.simple_tag
def boot_steps(run: Run) -> list[Step]:
    """What has to happen until the desktop is there: done, happening now, to come."""
    marks = [
        (_("Accepted"), run.queued_at),
        (_("Session created"), run.session_at),
        (_("Run started"), run.accepted_at),
        (_("Computer booting"), run.started_at or run.desktop_at),
        (_("Desktop reachable"), run.desktop_at),
    ]
    steps, before = [], None
    for label, at in marks:
        if at:
            took = (at - before).total_seconds() if before else None
            steps.append(Step(label, "done", took, None, at))
            before = at
        else:
            is_first_open = not any(step.place == "now" for step in steps)
            steps.append(Step(label, "now" if is_first_open else "next", None, before, None))
    return steps


@register.filter
def short(seconds: float | None) -> str:
    """`0.4 s`, `38 s`, then minutes: how long a step took."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


@dataclass(frozen=True)
class Happening:
    title: str
    text: str
    icon: str
    tone: str
    is_status: bool


@register.filter
def happening(event: RunEvent) -> Happening:
    """How an event reads in the history: a title, what there is to add, its icon and tone."""
    if event.kind == "status":
        return Happening(str(event.look.label), event.why, event.look.icon, event.look.tone, True)
    if event.kind == "session":
        return Happening(
            _("Session created"), event.why.removeprefix("Session "), "messages-square", "", False
        )
    return Happening(event.why or event.kind, "", EVENT_ICONS.get(event.kind, ""), "", False)


@register.filter
def readings_left(run: Run) -> str:
    """When the session of an unknown run is read next, `in 0:44`; empty when no reading is due."""
    if not run.due_at:
        return ""
    seconds = max(0, int((run.due_at - timezone.now()).total_seconds()))
    return _("in %(time)s") % {"time": f"{seconds // 60}:{seconds % 60:02}"}


@register.filter
def pretty_json(value) -> str:
    """JSON to read: one value a line, its own alphabet kept."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


@register.filter
def is_other_than(name, computers: list[dict]) -> bool:
    """Whether this sandbox template is none of the cards."""
    return all(name != computer["name"] for computer in computers)


@register.filter
def stamp(text) -> datetime | None:
    """A kept time of Giga's as a time; None for what is none."""
    try:
        at = parse_datetime(text)
    except (TypeError, ValueError):
        return None
    return timezone.make_aware(at) if at and timezone.is_naive(at) else at
