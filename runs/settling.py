"""Settling: what became of a run whose start was sent and whose answer was lost. Only reads, adopts what it
finds, and otherwise leaves the decision to a person; never starts anything."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_noop

from people.models import Membership
from runs import giga, pace
from runs.accepting import NotAllowed
from runs.crash import crash_point
from runs.giga import GigaError
from runs.launching import START_MESSAGE
from runs.models import LOST_AFTER, GigaAccount, Run
from runs.sayings import told
from runs.status import Status

SETTLE_READINGS = 3
# What was read so long ago is not asked for again by a person who does not wait.
FRESH = timedelta(seconds=5)
# So many readings, and so long after the start was sent: a run may show late.
SETTLE_FOR = timedelta(seconds=120)
UNKNOWN_FORM = gettext_noop("Session read, its form is not known")
CANNOT_TELL = gettext_noop("Session read, it does not tell whether the follow-up began")


def settle(run_id: int, *, fence: int | None = None) -> str:
    """Look whether a run whose answer was lost was started after all. Only reads; adopts what it finds.
    `fence`: the lease it is read under. Returns "" or why it could not be read."""
    run = Run.objects.select_related("agent_session", "workspace__giga_account").filter(pk=run_id).first()
    if run is None or run.status != Status.UNKNOWN:
        return ""
    run.fence = fence
    account, asked_at = run.workspace.giga_account, timezone.now()
    try:
        thread = giga.get_thread(account.access, thread_id=run.agent_session.thread_id)
    except GigaError as error:
        _settle_unread(run, account, error, asked_at)
        return told(error.message)
    crash_point("settle_read")
    account.answered(timezone.now())
    _judge(run, thread, asked_at)
    crash_point("settle_stored")
    return ""


def read_again(run: Run, membership: Membership) -> str:
    """Look now, for a person who does not wait for the next reading. Returns "" or why nothing was read."""
    if not membership.can_operate:
        raise NotAllowed("Only operators and managers have a run read.")
    if run.status != Status.UNKNOWN:
        return ""
    if run.asked_at and timezone.now() - run.asked_at < FRESH:
        return ""
    if why_not := run.workspace.giga_account.take_or_why_not(membership.user_id):
        return told(why_not)
    return settle(run.pk)


def _judge(run: Run, thread: giga.RemoteThread, asked_at: datetime) -> None:
    """Adopt a run that shows life; after enough readings without any, it never began."""
    waited = asked_at - run.sent_at if run.sent_at else SETTLE_FOR
    has_begun = follow_up_has_begun(run, thread) if run.is_follow_up else _has_begun(thread)
    if has_begun:
        _adopt(run, thread, asked_at)
    elif has_begun is None:
        if not _is_lost(run, asked_at):
            _settle_again(run, asked_at, CANNOT_TELL if thread.is_recognised else UNKNOWN_FORM)
    elif run.attempt + 1 >= SETTLE_READINGS and waited >= SETTLE_FOR:
        why = f"The answer was lost, and {SETTLE_READINGS} readings showed that it never began."
        run.move_to(Status.NOT_STARTED, why=why, reason=why, asked_at=asked_at, contact_at=asked_at)
    else:
        _settle_again(run, asked_at, gettext_noop("Session read, no run in it"))


def _has_begun(thread: giga.RemoteThread) -> bool | None:
    """Whether the first run of a session was started; None when its session cannot tell."""
    return thread.shows_life or (False if thread.is_recognised else None)


def follow_up_has_begun(run: Run, thread: giga.RemoteThread) -> bool | None:
    """Whether a follow-up was started; None when its session cannot tell.

    A computer, a status or many messages prove nothing here: they may be those of the run before. What does:
    the id of a run that is none of the earlier ones, or the message itself, said more often than the earlier
    runs account for. And only where the messages of the earlier runs are seen can ours be missed."""
    earlier = list(run.agent_session.runs.filter(pk__lt=run.pk, sent_at__isnull=False))
    ids = [before.remote_id for before in earlier]
    if thread.run_id and all(ids) and thread.run_id not in ids:
        return True
    accounted_for = sum(_message(before).strip() == run.message.strip() for before in earlier)
    accounted_for += run.agent_session.user_prompt.strip() == run.message.strip()
    if len(thread.places_of(run.message)) > accounted_for:
        return True
    begun = [before for before in earlier if before.accepted_at]
    shows_messages = begun and all(thread.places_of(_message(before)) for before in begun)
    return False if thread.is_recognised and shows_messages else None


def _message(run: Run) -> str:
    return run.message or START_MESSAGE


def _adopt(run: Run, thread: giga.RemoteThread, asked_at: datetime) -> None:
    taken = thread.run_id and _is_another_runs(run, thread.run_id)
    run.move_to(
        Status.STARTING,
        why=gettext_noop("It did start: its session shows a computer or a run."),
        asked_at=asked_at,
        remote_id=None if taken else thread.run_id or None,
        # A follow-up's session may still show the computer of the run before it; its reading tells later.
        sandbox_id="" if run.is_follow_up else thread.sandbox_id,
        accepted_at=asked_at,
        contact_at=asked_at,
        due_at=timezone.now(),
        attempt=0,
        reason="",
    )


def _is_another_runs(run: Run, remote_id: str) -> bool:
    """Whether a colleague's run has this id already. What others have makes no difference."""
    alike = Run.objects.in_workspace(run.workspace_id).filter(remote_id=remote_id)
    return alike.exclude(pk=run.pk).exists()


def _settle_again(run: Run, asked_at: datetime, why: str) -> None:
    readings = run.attempt + 1
    due_at = timezone.now() + timedelta(seconds=pace.settle_delay_s(readings))
    run.record("settle", why=why, asked_at=asked_at, attempt=readings, contact_at=asked_at, due_at=due_at)


def _is_lost(run: Run, asked_at: datetime) -> bool:
    """Give up what nobody could tell until long after its time: it costs nothing any more."""
    if not run.ends_at or asked_at <= run.ends_at + LOST_AFTER:
        return False
    why = gettext_noop("Nobody could tell whether it began, and its time is long over.")
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
        why = gettext_noop("A person looked at Giga's side: it never began.")
        return run.move_to(Status.NOT_STARTED, why=why, reason=why, by=membership.user)
    if _is_another_runs(run, remote_id):
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
