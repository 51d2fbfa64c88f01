"""The live parts of the pages, rendered once for the page and for the push, so that both show the same; and
what a page needs to know to stay live. Reads only."""

from django.template.loader import render_to_string

from runs.extending import offer
from runs.models import Run, RunEvent

# A page that has heard nothing for two of these has a dead socket, however open it looks.
HEARTBEAT_S = 20
# How far back a socket looks for what it has not told yet. A page that is further behind fetches.
RECENT_EVENTS = 50

# Each is the outermost element of its template, and its id.
RUN_PARTS = ["run-head", "run-alert", "run-strip", "run-bar", "desktop", "run-activity", "run-details"]


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
    return offer(run) | {
        "run": run,
        "agent_session": run.agent_session,
        "events": run.events.select_related("by").order_by("-id")[:200],
        "can_operate": bool(membership and membership.can_operate),
    }


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
    return _partial("#list", listed) + list_counts(context["chips"])


def list_counts(chips: list) -> str:
    """The counts above the list and in the side bar."""
    active_count = next(chip.count for chip in chips if chip.key == "active")
    return _partial("#chips", render_to_string("runs/_chips.html", {"chips": chips})) + active_badge(
        active_count
    )


def active_badge(active_count: int) -> str:
    return _partial("#active-count", render_to_string("_active_count.html", {"active_count": active_count}))


def _partial(target: str, html: str) -> str:
    return f'<hx-partial hx-target="{target}" hx-swap="outerMorph">{html}</hx-partial>'
