"""How much a workspace may launch, as its managers set it. Counted and kept in the transaction that launches,
while nobody else of the workspace launches: no number of threads gets past a limit. No HTTP."""

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta

from django.db.models import Sum
from django.utils import timezone

from people.audit import Act, audit
from people.models import Membership, Workspace
from runs import sayings
from runs.models import Extension, Run
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
    reason = _too_many_launches(workspace, membership) or _too_many_hours(workspace, hours)
    _keep(membership, reason, title)


def keep_hours(membership: Membership, *, minutes: int, title: str) -> None:
    """To be called in the transaction that takes so many more minutes on, while it holds the workspace,
    before it does. Raises OverLimit, unless a manager goes over, which is noted."""
    _keep(membership, _too_many_hours(hold(membership.workspace_id), minutes / 60), title)


def _keep(membership: Membership, reason: str, title: str) -> None:
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
    return sayings.ACTIVE_AT_ONCE.stored(number=most) if busy >= most else ""


def _too_many_launches(workspace: Workspace, membership: Membership) -> str:
    """Which limit of a minute one more run would break, in an English sentence; "" when none."""
    queued = Run.objects.filter(workspace=workspace)
    last_minute = queued.filter(queued_at__gt=timezone.now() - timedelta(minutes=1))
    most = workspace.launches_a_minute_each
    if most is not None and last_minute.filter(created_by=membership.user).count() >= most:
        return sayings.LAUNCHED_BY_YOU.stored(most=most)
    most = workspace.launches_a_minute
    if most is not None and last_minute.count() >= most:
        return sayings.LAUNCHED_HERE.stored(most=most)
    return ""


def _too_many_hours(workspace: Workspace, hours: float) -> str:
    """Whether so many more hours are too many for a day, in an English sentence; "" when they fit."""
    most = workspace.run_hours_a_day
    if most is None:
        return ""
    used = _hours_since(workspace, timezone.now() - timedelta(days=1))
    if used + hours <= most:
        return ""
    return sayings.HOURS_USED.stored(used=f"{used:g}", most=most)


def _hours_since(workspace: Workspace, since: datetime) -> float:
    """For how many hours of computers was asked since then: by launches, and by extensions that Giga did not
    refuse."""
    launched = Run.objects.filter(workspace=workspace, queued_at__gt=since).exclude(status__in=NEVER_RAN)
    extended = Extension.objects.filter(run__workspace=workspace, asked_at__gt=since)
    added = extended.exclude(outcome=Extension.Outcome.REFUSED).count()
    hours = launched.aggregate(hours=Sum("agent_session__duration_hours"))["hours"] or 0
    return hours + added * Extension.MINUTES / 60
