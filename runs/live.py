"""The live parts of the pages, rendered once for the page and for the push, so that both show the same; and
what a page needs to know to stay live. Reads only."""

from threading import Condition

from cachetools import TTLCache, cached
from django.template.loader import render_to_string

from people.reading import way_of_reading
from runs import listing
from runs.accepting import follow_up_token, obstacle_to_follow_up, relaunch_token
from runs.extending import offer
from runs.models import Run, RunEvent
from runs.repeats import folded
from runs.usual import usual_of

# A page that has heard nothing for two of these has a dead socket, however open it looks.
HEARTBEAT_S = 20
# How far back a socket looks for what it has not told yet. A page that is further behind fetches.
RECENT_EVENTS = 50

# Each is the outermost element of its template, and its id.
RUN_PARTS = [
    "run-head",
    "run-actions",
    "run-flag",
    "run-alert",
    "run-strip",
    "run-bar",
    "desktop",
    "run-verdict",
    "run-activity",
    "run-tags",
    "run-notes",
    "run-details",
    "run-follow-up",
]
# Of all that a history holds, and of these without repeats.
EVENTS_READ = 2000
EVENTS_SHOWN = 200


def recent_events(**concerns) -> list[tuple[int, int]]:
    """Id and run of the newest events of a workspace or of a run, newest first."""
    events = RunEvent.objects.filter(**concerns).order_by("-id")
    return list(events.values_list("id", "run_id")[:RECENT_EVENTS])


def newest_event_of_run(run_id: int) -> int:
    """How far this run's history has come; 0 for a run that is not there."""
    events = RunEvent.objects.filter(run__in=Run.objects.filter(pk=run_id)).order_by("-id")
    return events.values_list("id", flat=True).first() or 0


def standing_of(membership) -> str:
    """Who a page was made for, and what they may do. When it changes, the page is loaded anew."""
    return f"{membership.pk}-{membership.role}" if membership else ""


def connection(socket: str, *, page: str, newest_event_id: int, membership) -> dict:
    """What `base.html` needs to keep a page live. `newest_event_id` was read before anything the page
    shows."""
    return {
        "live_path": socket,
        "live_page": page,
        "newest_event_id": newest_event_id,
        "standing": standing_of(membership),
        "heartbeat_s": HEARTBEAT_S,
    }


def run_context(run: Run, membership) -> dict:
    """What the run page and its parts need."""
    agent_session = run.agent_session
    events = folded(list(run.events.select_related("by").order_by("-id")[:EVENTS_READ]))[:EVENTS_SHOWN]
    return (
        offer(run)
        | {
            "run": run,
            "agent_session": agent_session,
            "events": events,
            "judgement": next((event for event in events if event.kind == "verdict"), None),
            "notes": run.notes.select_related("by"),
            "usual": usual_of(run.workspace_id).get(agent_session.sandbox_template),
            "can_operate": _can_operate(membership),
        }
        | _afterwards(run)
    )


def _can_operate(membership) -> bool:
    return bool(membership and membership.can_operate)


def _afterwards(run: Run) -> dict:
    """What may come after this run: a relaunch, a follow-up, or why there is none."""
    obstacle = obstacle_to_follow_up(run.agent_session)
    return {
        "obstacle": obstacle,
        "follow_up_token": "" if obstacle else follow_up_token(run.agent_session),
        "relaunch_token": relaunch_token(run) if run.is_final else "",
    }


def _seen_alike(run_id: int, membership, newest_event_id: int) -> tuple:
    return run_id, newest_event_id, _can_operate(membership), way_of_reading()


@cached(TTLCache(maxsize=64, ttl=1), key=_seen_alike, condition=Condition())
def run_push(run_id: int, membership, newest_event_id: int) -> dict[str, str]:
    """`status` and `content`: what a viewer of a run, known to be one, is told after this event. Many hear of
    it at the same moment: those who see the same wait for the one rendering. Raises Run.DoesNotExist."""
    run = Run.objects.visible_to(membership.user).for_display().get(pk=run_id)
    return {"status": run.status, "content": run_parts(run, membership) + side_counts(membership)}


def run_parts(run: Run, membership) -> str:
    """The run page's live parts as partials, each addressed to its place."""
    context = run_context(run, membership)
    return "".join(
        _partial(f"#{part}", render_to_string(f"runs/_{part.replace('-', '_')}.html", context))
        for part in RUN_PARTS
    )


def list_row(run: Run) -> str:
    """One row of the runs list, addressed to the row it replaces."""
    return _partial(f"#run-{run.pk}", render_to_string("runs/_run_row.html", {"run": run}))


def list_parts(context: dict, request) -> str:
    """The runs list whole, with its counts, for a page that was away."""
    listed = render_to_string("runs/_run_list.html", context, request)
    return _partial("#list", listed) + list_counts(context["chips"], context)


def list_controls(context: dict, request) -> str:
    """What else knows the address of the list, for a page that goes on under another one. Not its fields, in
    one of which that is typed."""
    names = {"#applied": "_applied", "#views-menu": "_views_menu", "#bulk": "_bulk_bar"}
    return "".join(
        _partial(target, render_to_string(f"runs/{name}.html", context, request))
        for target, name in names.items()
    )


def list_counts(chips: list, counts: dict) -> str:
    """The counts above the list and in the side bar."""
    return _partial("#chips", render_to_string("runs/_chips.html", {"chips": chips})) + _side_counts(counts)


def wall_tile(run: Run, membership) -> str:
    """One tile of the wall, addressed to the tile it replaces."""
    context = {"run": run, "can_operate": _can_operate(membership)}
    return _partial(f"#tile-{run.pk}", render_to_string("runs/_tile.html", context))


def side_counts(membership) -> str:
    """The counts in the side bar, which the tab's title and icon repeat."""
    return _side_counts(listing.counts_beside(membership))


def notices(what: dict) -> str:
    """What is wrong, above every page."""
    return _partial("#notices", render_to_string("_notices.html", what))


def _side_counts(counts: dict) -> str:
    return "".join(
        _partial(f"#{name.replace('_', '-')}", render_to_string(f"_{name}.html", counts))
        for name in ("active_count", "needs_count")
    )


def _partial(target: str, html: str) -> str:
    return f'<hx-partial hx-target="{target}" hx-swap="outerMorph">{html}</hx-partial>'
