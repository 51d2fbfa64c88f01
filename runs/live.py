"""The live parts of the pages, rendered once for the page and for the push, so that both show the same.
Reads only."""

from collections.abc import Iterable

from django.template.loader import render_to_string

from runs.models import Run

# Each is the outermost element of its template, and its id.
RUN_PARTS = ["run-head", "run-alert", "run-strip", "run-bar", "desktop", "run-activity", "run-details"]


def run_context(run: Run, membership) -> dict:
    """What the run page and its parts need."""
    return {
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


def list_rows(runs: Iterable[Run]) -> str:
    """Rows of the runs list as partials, each addressed to the row it replaces."""
    return "".join(
        _partial(f"#run-{run.pk}", render_to_string("runs/_run_row.html", {"run": run})) for run in runs
    )


def list_counts(chips: list, active_count: int) -> str:
    """The counts above the list and in the side bar."""
    return _partial("#chips", render_to_string("runs/_chips.html", {"chips": chips})) + active_badge(
        active_count
    )


def active_badge(active_count: int) -> str:
    return _partial("#active-count", render_to_string("_active_count.html", {"active_count": active_count}))


def _partial(target: str, html: str) -> str:
    return f'<hx-partial hx-target="{target}" hx-swap="outerMorph">{html}</hx-partial>'
