"""Settling: what became of a run whose start was sent and whose answer was lost. Only reads, adopts what it
finds, and otherwise leaves the decision to a person; never starts anything."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from people.models import Membership
from runs import giga, pace
from runs.crash import crash_point
from runs.giga import GigaError
from runs.launching import NotAllowed
from runs.models import LOST_AFTER, GigaAccount, Run
from runs.status import Status

SETTLE_READINGS = 3
# So many readings, and so long after the start was sent: a run may show late.
SETTLE_FOR = timedelta(seconds=120)


def settle(run_id: int, *, fence: int | None = None) -> None:
    """Look whether a run whose answer was lost was started after all. Only reads; adopts what it finds.
    `fence`: the lease it is read under."""
    run = Run.objects.select_related("agent_session", "workspace__giga_account").filter(pk=run_id).first()
    if run is None or run.status != Status.UNKNOWN:
        return
    run.fence = fence
    account, asked_at = run.workspace.giga_account, timezone.now()
    try:
        thread = giga.get_thread(account.access, thread_id=run.agent_session.thread_id)
    except GigaError as error:
        _settle_unread(run, account, error, asked_at)
        return
    crash_point("settle_read")
    account.answered(timezone.now())
    _judge(run, thread, asked_at)
    crash_point("settle_stored")


def _judge(run: Run, thread: giga.RemoteThread, asked_at: datetime) -> None:
    """Adopt a run that shows life; after enough readings without any, it never began."""
    waited = asked_at - run.sent_at if run.sent_at else SETTLE_FOR
    if thread.shows_life:
        _adopt(run, thread, asked_at)
    elif not thread.is_recognised:
        if not _is_lost(run, asked_at):
            _settle_again(run, asked_at, "Session read, its form is not known")
    elif run.attempt + 1 >= SETTLE_READINGS and waited >= SETTLE_FOR:
        why = f"The answer was lost, and {SETTLE_READINGS} readings showed that it never began."
        run.move_to(Status.NOT_STARTED, why=why, reason=why, asked_at=asked_at, contact_at=asked_at)
    else:
        _settle_again(run, asked_at, "Session read, no run in it")


def _adopt(run: Run, thread: giga.RemoteThread, asked_at: datetime) -> None:
    taken = thread.run_id and Run.objects.filter(remote_id=thread.run_id).exclude(pk=run.pk).exists()
    run.move_to(
        Status.STARTING,
        why="It did start: its session shows a computer or a run.",
        asked_at=asked_at,
        remote_id=None if taken else thread.run_id or None,
        sandbox_id=thread.sandbox_id,
        accepted_at=asked_at,
        contact_at=asked_at,
        due_at=timezone.now(),
        attempt=0,
        reason="",
    )


def _settle_again(run: Run, asked_at: datetime, why: str) -> None:
    readings = run.attempt + 1
    due_at = timezone.now() + timedelta(seconds=pace.settle_delay_s(readings))
    run.record("settle", why=why, asked_at=asked_at, attempt=readings, contact_at=asked_at, due_at=due_at)


def _is_lost(run: Run, asked_at: datetime) -> bool:
    """Give up what nobody could tell until long after its time: it costs nothing any more."""
    if not run.ends_at or asked_at <= run.ends_at + LOST_AFTER:
        return False
    why = "Nobody could tell whether it began, and its time is long over."
    return run.move_to(Status.LOST, why=why, reason=why, asked_at=asked_at)


def _settle_unread(run: Run, account: GigaAccount, error: GigaError, asked_at: datetime) -> None:
    account.note(error)
    if _is_lost(run, asked_at):
        return
    failures = run.failed_reads + 1
    fields: dict[str, Any] = {
        "failed_reads": failures,
        "due_at": timezone.now() + timedelta(seconds=pace.retry_delay_s(failures + 2)),
    }
    if failures == 1:
        run.record("settle", why=f"Session could not be read: {error.message}", **fields)
    else:
        run.keep(**fields)


def settle_by_person(run: Run, membership: Membership, *, did_start: bool, remote_id: str = "") -> bool:
    """A person looked at Giga's own dashboard and says what became of an `unknown` run. False if it was
    settled meanwhile, or if another run has this id."""
    if not membership.can_operate:
        raise NotAllowed("Only operators and managers decide this.")
    if run.status != Status.UNKNOWN:
        return False
    if not did_start:
        why = "A person looked at Giga's side: it never began."
        return run.move_to(Status.NOT_STARTED, why=why, reason=why, by=membership.user)
    if Run.objects.filter(remote_id=remote_id).exclude(pk=run.pk).exists():
        return False
    now = timezone.now()
    return run.move_to(
        Status.STARTING,
        why=f"A person looked at Giga's side: it is run {remote_id}.",
        by=membership.user,
        remote_id=remote_id,
        accepted_at=now,
        due_at=now,
        attempt=0,
        reason="",
    )
