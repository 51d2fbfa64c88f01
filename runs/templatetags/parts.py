"""What the pages' pictures are drawn from: the strip to scale, the checklist, the history's words, avatars.
Presentation only; no queries."""

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, lru_cache
from urllib.parse import quote

from django import template
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import number_format
from django.utils.html import escape, format_html, format_html_join
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from people.models import initials_of
from runs import sayings, tiles
from runs.forms import CREDITS_AN_HOUR
from runs.models import Phase, Run
from runs.sayings import told
from runs.status import BAD, Status, look_of
from runs.templatetags.gigawatch import about, clock, duration
from runs.usual import Usual, marks_of

register = template.Library()

# For so long after the desktop was reached its frame is waited for.
FIRST_PICTURE = timedelta(minutes=1)
# As Giga makes them, and we: words and numbers held together by signs at which a line would break.
ID = re.compile(r"(?<![\w-])((?=[\w-]*\d)[^\W_]+(?:[_-]+[^\W_]+)+)(?![\w-])")
AVATAR_TONES = ["blue", "green", "orange", "violet", "teal", "slate"]
LITTLE_LEFT_S, VERY_LITTLE_LEFT_S = 15 * 60, 5 * 60
# The tones of `tokens.css` as they look on ink, for where no style sheet reaches.
TONES_ON_INK = {
    "grey": "#a6b0b2",
    "violet": "#b99ef8",
    "blue": "#82b2ff",
    "amber": "#edb64c",
    "teal": "#4fc7b7",
    "green": "#5bcb83",
    "orange": "#f49b60",
    "red": "#f8837f",
    "slate": "#a2b0c4",
}
# In hundredths of the strip's width: no segment vanishes, and a gap parts two of them.
THINNEST, GAP = 0.5, 0.17
# A letter under the strip in the widest font, and the narrowest strips above and below what run.css calls
# narrow.
LETTER_PX, TICK_GAP_PX = 7.5, 6
WIDE_PX, NARROW_PX = 520, 288
TICK_STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 240, 360]


@register.filter
def person_name(user) -> str:
    """The full name, else the login name; someone who is gone is said to be."""
    return (user.get_full_name() or user.get_username()) if user else _("somebody who has left")


@register.simple_tag
def tab_icon(tone: str) -> str:
    """The address of an icon for the browser's tab: a dot in this tone."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8.6"'
        f' fill="#14191b"/><circle cx="16" cy="16" r="8" fill="{TONES_ON_INK[tone]}"/></svg>'
    )
    return "data:image/svg+xml," + quote(svg)


@register.simple_tag
def avatar(user):
    """A round badge with two letters, the name on hover and for screen readers."""
    return _avatar(user.pk, person_name(user)) if user else ""


@lru_cache(1024)
def _avatar(user_id: int, name: str) -> str:
    """Kept: a list shows the same few dozens of times."""
    tone = AVATAR_TONES[user_id % len(AVATAR_TONES)]
    return format_html(
        '<span class="avatar tone-{}" role="img" aria-label="{}" title="{}">{}</span>',
        tone,
        name,
        name,
        initials_of(name),
    )


@register.simple_tag
def by(user):
    """Who did it, behind what was done."""
    return _by(person_name(user), get_language())


@lru_cache(1024)
def _by(name: str, language: str):
    """Kept: a history names the same few dozens of times."""
    return format_html('<span class="mut">{}</span>', _("by %(who)s") % {"who": name})


@register.simple_tag
def pill(run: Run) -> str:
    """The run's status as an icon and a word."""
    return _pill(run.status, run.verdict, get_language())


@cache
def _pill(status: str, verdict: str, language: str) -> str:
    """Kept: a list shows the same few dozens of times."""
    return render_to_string("runs/_pill.html", {"look": look_of(status, verdict), "status": status})


@register.simple_tag
def tick(phase: Phase | None, is_active: bool) -> str:
    """How long a stretch of a run's life took, or takes: then it ticks. A dash for one that never was."""
    if phase is None:
        return "–"
    text = duration(phase.seconds)
    if phase.ended_at or not is_active:
        return text
    return format_html('<span data-tick-since="{}">{}</span>', phase.started_at.isoformat(), text)


@register.filter
def message_tone(level: str) -> str:
    """The tone of a message of Django's by the tag of its level."""
    return {"error": "red", "warning": "amber", "success": "green"}.get(level, "slate")


@register.filter
def phase(run: Run, key: str) -> Phase | None:
    """One stretch of the run's life by its key; `start` is the one between sending and running."""
    keys = ("starting", "unknown") if key == "start" else (key,)
    return next((phase for phase in run.phases if phase.key in keys), None)


@register.filter
def current_phase(run: Run) -> Phase | None:
    """The stretch this run is in now; None when it is over."""
    return run.phases[-1] if run.is_active else None


@register.filter
def places(run: Run) -> str:
    """Where its tile stands on the wall, for the page's clock: `tiles.places` as JSON."""
    return json.dumps(tiles.places(run))


@register.filter
def stays_until(run: Run) -> str:
    """Until when an ended run stays on the wall; empty while it goes on."""
    return (run.ended_at + tiles.ENDED_STAYS).isoformat() if run.is_final and run.ended_at else ""


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


@register.simple_tag
def left_bar(run: Run, left: TimeLeft | None) -> str:
    """The paid time left in words and as a bar that gets shorter; nothing for a run without a computer."""
    if left is None:
        return ""
    return format_html(
        '<span class="left{}" data-left-until="{}" data-left-hours="{}"><span data-word="{}">{}</span>'
        '<svg aria-hidden="true"><rect class="rail" width="100%" height="3" rx="1.5"></rect>'
        '<rect class="fill" width="{}%" height="3" rx="1.5"></rect></svg></span>',
        left.tone and f" tone-{left.tone}",
        run.ends_at.isoformat(),
        run.agent_session.duration_hours,
        _("left"),
        about(left.seconds),
        left.share,
    )


@dataclass(frozen=True)
class Segment:
    key: str
    x: float
    width: float
    is_growing: bool = False


@dataclass(frozen=True)
class Tick:
    """A label under the strip, at a hundredth of its width. A narrow strip leaves out its word."""

    text: str
    x: float
    anchor: str = "middle"
    word: str = ""
    css_class: str = ""

    def is_clear_of(self, other: "Tick", strip_px: float) -> bool:
        """Whether both can be read on a strip so wide."""
        left, right = sorted([self._reach(strip_px), other._reach(strip_px)])
        return left[1] + TICK_GAP_PX <= right[0]

    def _reach(self, strip_px: float) -> tuple[float, float]:
        letters = len(self.text) + (len(self.word) + 1 if self.word and strip_px >= WIDE_PX else 0)
        width = letters * LETTER_PX
        left = self.x * strip_px / 100 - width * {"start": 0, "middle": 0.5, "end": 1}[self.anchor]
        return left, left + width


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
    """What is written under the strip. The end of a run, or "now", comes first and always has its place;
    live.js moves "now" on, and hides what it comes near."""
    edges = [Tick(sayings.clock(start), 0, "start")]
    if run.is_final:
        words = {Status.FAILED: _("failed"), Status.REJECTED: _("refused"), Status.LOST: _("lost")}
        word = words.get(run.status, _("ended"))
        first = Tick(f"{word} {clock(end)}", 100, "end", css_class="now")
    else:
        first = Tick(_hour(now), round(max(4, min(96, now_x)), 2), word=_("now"), css_class="now")
        edges.append(Tick(sayings.clock(end), 100, "end"))
    return _with_room([first, *edges, *_round_ticks(start, end)])


def _round_ticks(start: datetime, end: datetime) -> list[Tick]:
    """Round clock times between both, a few."""
    whole_min = (end - start).total_seconds() / 60
    step = next((step for step in TICK_STEPS_MIN if whole_min / step <= 4.5), TICK_STEPS_MIN[-1])
    local = timezone.localtime(start).replace(second=0, microsecond=0)
    at = local - timedelta(minutes=(local.hour * 60 + local.minute) % step)
    ticks = []
    while (at := at + timedelta(minutes=step)) < end:
        ticks.append(Tick(_hour(at), round(100 * (at - start) / (end - start), 2)))
    return ticks


def _with_room(ticks: list[Tick]) -> list[Tick]:
    """Without those that would touch an earlier one. What touches one on a narrow strip only is kept for wide
    ones."""
    on_wide: list[Tick] = []
    on_narrow: list[Tick] = []
    for tick in ticks:
        if not all(tick.is_clear_of(other, WIDE_PX) for other in on_wide):
            continue
        if all(tick.is_clear_of(other, NARROW_PX) for other in on_narrow):
            on_narrow.append(tick)
        else:
            tick = replace(tick, css_class="wide")
        on_wide.append(tick)
    return on_wide


def _hour(at: datetime) -> str:
    return timezone.localtime(at).strftime("%H:%M")


@dataclass(frozen=True)
class Step:
    key: str
    label: str
    place: str  # done, now or next
    took_s: float | None
    since: datetime | None
    usual_s: float | None

    @property
    def is_late(self) -> bool:
        """Whether it takes more than twice as long as usual."""
        if self.place != "now" or not self.usual_s or not self.since:
            return False
        return (timezone.now() - self.since).total_seconds() > 2 * self.usual_s

    @property
    def share(self) -> float:
        """How far its bar is, in hundredths; the bar ends at twice the usual time."""
        if not self.usual_s or not self.since:
            return 0
        return round(min(100, 50 * (timezone.now() - self.since).total_seconds() / self.usual_s), 1)


@register.simple_tag
def boot_steps(run: Run, usual: Usual | None) -> list[Step]:
    """What has to happen until the desktop is seen: done, happening now, to come. Whether it is seen, only
    the browser knows: of Giga's page in the frame that it was loaded, and no more."""
    labels = {
        "accepted": _("Accepted"),
        "session": _("Session created"),
        "started": _("Run started"),
        "booted": _("Computer booting"),
        "desktop": _("Desktop reachable"),
        "picture": _("Giga’s page loaded") if run.desktop_kind == "page" else _("First picture"),
    }
    marks = [*marks_of(run), ("picture", None)]
    # What came later proves what came before, also where nobody was there to see it.
    now_at = max(number for number, (_key, at) in enumerate(marks) if at) + 1
    steps, before = [], None
    for number, (key, at) in enumerate(marks):
        usual_s = usual.steps.get(key) if usual else None
        if number < now_at:
            took = (at - before).total_seconds() if at and before else None
            steps.append(Step(key, labels[key], "done", took, None, usual_s))
            before = at or before
        else:
            place = "now" if number == now_at else "next"
            steps.append(Step(key, labels[key], place, None, before, usual_s))
    return steps


@register.filter
def awaits_picture(run: Run) -> bool:
    """Whether its desktop was reached just now, so that the checklist waits for the picture in the frame."""
    return bool(run.desktop_at) and timezone.now() - run.desktop_at < FIRST_PICTURE


@register.filter
def credits_an_hour(run: Run) -> int | None:
    """What its computer costs by the published rate; None where none is published."""
    return CREDITS_AN_HOUR.get(run.agent_session.sandbox_template)


@register.filter
def credits_used(run: Run) -> float | None:
    """What the time of its computer cost by the published rate; None where none is published."""
    start, rate = run.started_at or run.desktop_at, credits_an_hour(run)
    if rate is None or start is None or run.ended_at is None:
        return None
    return round(rate * max(0.0, (run.ended_at - start).total_seconds()) / 3600, 1)


@register.filter
def stored_sentence(text: str) -> str:
    """A sentence of ours that was stored in English, in the reader's language."""
    return told(text)


@register.filter
def speaker(role: str) -> str:
    """Who speaks in a conversation, in the reader's language."""
    return sayings.word(role or _("message"), sayings.ROLES)


@register.filter
def whole_ids(text: str):
    """A text whose ids stay in one piece: `Run run_1a2b` does not break in or after `run_`."""
    *pairs, rest = ID.split(text)
    return format_html_join("", "{}<code>{}</code>", zip(pairs[::2], pairs[1::2], strict=True)) + escape(rest)


@register.filter
def short(seconds: float | None) -> str:
    """`0.4 s`, in German `0,4 s`, `38 s`, then minutes: how long a step took."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{number_format(seconds, 1)} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


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
