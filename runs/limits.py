"""How much a workspace may launch, as its managers set it. Counted and kept in the transaction that launches,
while nobody else of the workspace launches: no number of threads gets past a limit. No HTTP."""

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from django.db.models import ExpressionWrapper, F, FloatField, Sum
from django.utils import timezone

from people.audit import Act, audit
from people.models import Membership, Workspace
from runs.models import Run
from runs.status import Status

# Runs that cost no time: Giga never started them.
NEVER_RAN = [Status.REJECTED, Status.NOT_STARTED]

_goes_over: ContextVar[bool] = ContextVar("goes_over", default=False)


class OverLimit(Exception):
    """This launch is over a limit of its workspace; the text says which."""


@contextmanager
def going_over(is_wanted: bool):
    """Whether a manager asked that what is launched inside goes over the limits, this once."""
    token = _goes_over.set(is_wanted)
    try:
        yield
    finally:
        _goes_over.reset(token)


def keep_limits(membership: Membership, *, hours: int, title: str) -> None:
    """To be called in the transaction that queues a run of so many hours, before it does. Raises OverLimit,
    unless a manager goes over, which is noted."""
    workspace = hold(membership.workspace_id)
    reason = _reached(workspace, membership, hours)
    if not reason:
        return
    if not (membership.can_manage and _goes_over.get()):
        raise OverLimit(reason)
    audit(membership, Act.OVER_LIMIT, title, after={"limit": reason})


def hold(workspace_id: int) -> Workspace:
    """The workspace as it is now; until the transaction ends nobody else counts what it may launch."""
    return Workspace.objects.select_for_update(no_key=True).get(pk=workspace_id)


def lack_of_place(run: Run) -> str:
    """Why this queued run has to wait for others of its workspace to end; "" when it need not."""
    most = Workspace.objects.values_list("active_runs", flat=True).get(pk=run.workspace_id)
    if most is None:
        return ""
    busy = Run.objects.active().filter(workspace=run.workspace_id).exclude(status=Status.QUEUED).count()
    return f"Waiting: this workspace may have {most} runs active at once." if busy >= most else ""


def _reached(workspace: Workspace, membership: Membership, hours: int) -> str:
    """Which limit one more run of so many hours would break, in an English sentence; "" when none."""
    now = timezone.now()
    queued = Run.objects.filter(workspace=workspace)
    last_minute = queued.filter(queued_at__gt=now - timedelta(minutes=1))
    most = workspace.launches_a_minute_each
    if most is not None and last_minute.filter(created_by=membership.user).count() >= most:
        return f"You launched {most} runs within a minute, which is the limit. Wait a moment."
    most = workspace.launches_a_minute
    if most is not None and last_minute.count() >= most:
        return f"This workspace launched {most} runs within a minute, which is the limit. Wait a moment."
    most = workspace.run_hours_a_day
    if most is not None:
        used = _hours(queued.filter(queued_at__gt=now - timedelta(days=1)))
        if used + hours > most:
            said = f"{used:g} of {most} run-hours of the last 24 hours are used"
            return f"{said}: this one does not fit."
    return ""


def _hours(runs) -> float:
    """How many hours of computers these runs were launched and extended for."""
    bought = F("agent_session__duration_hours") + F("extended_minutes") / 60.0
    total = runs.exclude(status__in=NEVER_RAN).aggregate(
        hours=Sum(ExpressionWrapper(bought, output_field=FloatField()))
    )
    return total["hours"] or 0
