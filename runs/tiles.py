"""Which runs stand on the wall, and where: newest need first. For the page and its socket; reads only."""

from datetime import datetime, timedelta
from enum import IntEnum

from django.utils import timezone

from people.models import Membership
from runs.models import Run, RunEvent
from runs.status import Status

MOST_TILES = 120
# An ended run stays so long, with how it ended.
ENDED_STAYS = timedelta(seconds=60)
JUST = timedelta(minutes=2)
LITTLE_LEFT = timedelta(minutes=15)
WAITING = (Status.QUEUED, Status.SENDING)
# Whatever ended within the last minute is among so many of the newest events.
RECENT_EVENTS = 200


class Need(IntEnum):
    """Why a tile stands before another; the first comes first."""

    NEEDS_YOU = 0
    LITTLE_LEFT = 1
    NO_CONTACT = 2
    JUST = 3
    REST = 4


def shown(membership: Membership, filters: dict) -> list[Run]:
    """The active runs of the workspace and those that just ended, in the order of the wall."""
    now = timezone.now()
    newest = RunEvent.objects.filter(workspace=membership.workspace_id).order_by("-id")
    recent = set(newest.values_list("run_id", flat=True)[:RECENT_EVENTS])
    runs = filtered(membership, filters)
    ended = runs.filter(pk__in=recent, ended_at__gt=now - ENDED_STAYS)
    found = [*runs.in_group("active").order_by("-id")[:MOST_TILES], *ended]
    return sorted(found, key=lambda run: (*place_at(run, now), run.pk))


def filtered(membership: Membership, filters: dict):
    """The workspace's runs that fit the filters of a wall, whatever became of them."""
    runs = Run.objects.visible_to(membership.user).filter(workspace=membership.workspace_id)
    runs = runs.for_display().select_related("needs_by", "taken_by")
    if "who" in filters:
        runs = runs.filter(created_by=filters["who"])
    if "template" in filters:
        runs = runs.filter(agent_session__sandbox_template=filters["template"])
    return runs


def large(runs: list[Run], *, slots: int, most_live: int) -> set[int]:
    """Ids of the runs that begin as large tiles: as many desktops as may be live, then others while there is
    room, but none that has no computer yet."""
    live = [run.pk for run in runs if run.has_desktop][: min(slots, most_live)]
    others = [run.pk for run in runs if not (run.has_desktop or run.status in WAITING)][: slots - len(live)]
    return {*live, *others}


def is_shown(run: Run, now: datetime) -> bool:
    """Whether this run still stands on the wall."""
    return run.is_active or (run.ended_at is not None and run.ended_at > now - ENDED_STAYS)


def places(run: Run) -> list[tuple[int, int, int]]:
    """Where this run stands among the others: since when (in ms), by which need, and where within it; the
    last that has begun counts. The page moves its tiles by the clock, by these."""
    began, over = run.started_at or run.queued_at, run.ends_at
    if run.is_final:
        return [(0, Need.JUST, -_ms(run.ended_at or began))]
    if run.needs_somebody and run.needs_at:
        return [(0, Need.NEEDS_YOU, -_ms(run.needs_at))]
    if run.has_no_contact or run.status == Status.UNKNOWN:
        found = [(0, Need.NO_CONTACT, _ms(run.contact_at or began))]
    else:
        found = [(0, Need.JUST, -_ms(began)), (_ms(began + JUST), Need.REST, _ms(run.queued_at))]
    if over:
        # From then on nothing but its end counts.
        little = _ms(over - LITTLE_LEFT)
        found = [place for place in found if place[0] < little]
        found.append((little if found else 0, Need.LITTLE_LEFT, _ms(over)))
    return found


def place_at(run: Run, now: datetime) -> tuple[int, int]:
    """By which need it stands now, and where within it."""
    _since, need, order = [place for place in places(run) if place[0] <= _ms(now)][-1]
    return need, order


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
