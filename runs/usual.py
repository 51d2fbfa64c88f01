"""How long starting usually takes, from this workspace's own history. Reads only."""

from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from statistics import median

from django.core.cache import cache

from runs.models import Run

RUNS_OF_A_TEMPLATE = 50
# So far back the history is looked through, for all templates together.
RUNS_LOOKED_AT = 1000
KEPT_S = 60


@dataclass(frozen=True)
class Usual:
    """Medians in seconds. `steps` are the steps of the waiting checklist by their keys; a step nobody
    measured is left out."""

    runs: int
    whole_s: float
    steps: dict[str, float]


def marks_of(run: Run) -> list[tuple[str, datetime | None]]:
    """The steps until a run's desktop is there, and when each was done."""
    session = [] if run.is_follow_up else [("session", run.session_at)]
    return [
        ("accepted", run.queued_at),
        *session,
        ("started", run.accepted_at),
        ("booted", run.started_at or run.desktop_at),
        ("desktop", run.desktop_at),
    ]


def usual_of(workspace_id: int) -> dict[str, Usual]:
    """What is usual for each template whose desktop was reached before. One query, kept for a minute."""
    found = cache.get_or_set(f"usual-{workspace_id}", lambda: _measure(workspace_id), KEPT_S)
    return {template: Usual(**usual) for template, usual in found.items()}


def _measure(workspace_id: int) -> dict[str, dict]:
    newest = Run.objects.filter(workspace=workspace_id).order_by("-id").values("pk")[:RUNS_LOOKED_AT]
    arrived = (
        Run.objects.filter(pk__in=newest, desktop_at__isnull=False, message="")
        .order_by("-id")
        .select_related("agent_session")
        .only(
            "queued_at",
            "session_at",
            "accepted_at",
            "started_at",
            "desktop_at",
            "message",
            "agent_session__sandbox_template",
        )
    )
    by_template: dict[str, list[Run]] = {}
    for run in arrived:
        by_template.setdefault(run.agent_session.sandbox_template, []).append(run)
    return {
        template: asdict(_medians(list(islice(runs, RUNS_OF_A_TEMPLATE))))
        for template, runs in by_template.items()
    }


def _medians(runs: list[Run]) -> Usual:
    steps: dict[str, list[float]] = {}
    for run in runs:
        before = run.queued_at
        for key, at in marks_of(run)[1:]:
            if at:
                steps.setdefault(key, []).append(max(0.0, (at - before).total_seconds()))
                before = at
    whole = median((run.desktop_at - run.queued_at).total_seconds() for run in runs)
    return Usual(len(runs), whole, {key: median(took) for key, took in steps.items()})
