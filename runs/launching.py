"""Launching: from a queued run to a run at Giga, exactly once. Plain functions of models and plain values; no
requests, no templates. Never a network call inside a transaction."""

import logging
import time
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from people.texts import beginning
from runs import giga, limits, pace
from runs.accounts import KEY_UNREADABLE, PROBE_EVERY
from runs.crash import crash_point
from runs.giga import GigaError, Outcome
from runs.models import LAUNCH_LEASE_S, AgentSession, GigaAccount, Run
from runs.room import lack_of_room
from runs.status import Status

logger = logging.getLogger(__name__)

START_MESSAGE = "Start the task now."
SOONEST_RETRY_S = 0.5
BUSY_KEY = gettext_noop("Waiting for the rate limit: 60 requests a minute for one key.")


def launch(run_id: int) -> None:
    """Carry out an accepted launch: create Giga's session, then start its first run, exactly once. Does
    nothing when it is not this run's turn or somebody else is at it."""
    now = timezone.now()
    run = Run.objects.select_related("agent_session", "workspace__giga_account").filter(pk=run_id).first()
    if run is None or not run.claim(now):
        return
    crash_point("launch_claimed")
    account = getattr(run.workspace, "giga_account", None)
    reason, delay_s = _why_not_now(run, account)
    if account is None or reason:
        _put_back(run, reason, delay_s)
        return
    taken_at = time.monotonic()
    try:
        if not run.agent_session.thread_id and not _create_session(run, account):
            return
    except GigaError as error:
        _session_failed(run, account, error)
        return
    if time.monotonic() - taken_at > pace.LATE_S and (wait_s := _wait_for_requests(run, account, 1)):
        _put_back(run, BUSY_KEY, wait_s)
        return
    _start(run, account)


def _why_not_now(run: Run, account: GigaAccount | None) -> tuple[str, float]:
    """Why this launch has to wait, and for how many seconds; ("", 0) when it may go on."""
    if account is None:
        return gettext_noop("This workspace has no Giga key yet."), pace.SLOWEST_RETRY_S
    if account.paused_at:
        return f"{account.paused_reason} Launches wait until the key is replaced.", pace.SLOWEST_RETRY_S
    if not account.has_readable_key:
        return KEY_UNREADABLE, pace.SLOWEST_RETRY_S
    if reason := lack_of_room():
        return reason, pace.SLOWEST_RETRY_S
    if reason := limits.lack_of_place(run):
        run.keep(waits_for_computer=True)
        return reason, pace.SLOWEST_RETRY_S
    # Behind others in line nobody is asked: a free computer goes to the first of them.
    if ahead := Run.objects.waiting_for_computer(run.workspace_id).filter(pk__lt=run.pk).count():
        run.keep(waits_for_computer=True)
        return f"Waiting for a free computer, place {ahead + 1} in line.", pace.SLOWEST_RETRY_S
    if account.broken_since and not (account.is_open and account.take_probe()):
        return account.outage, PROBE_EVERY.total_seconds()
    if account.not_before and not account.is_open:
        wait_s = max(1.0, (account.not_before - timezone.now()).total_seconds())
        return account.rate_limit, wait_s
    needed = 1 if run.agent_session.thread_id else pace.LAUNCH_REQUESTS
    wait_s = _wait_for_requests(run, account, needed)
    return (BUSY_KEY, wait_s) if wait_s else ("", 0)


def _wait_for_requests(run: Run, account: GigaAccount, needed: int) -> float:
    """Take so many requests for this launch. Returns 0, or in how many seconds to try again. While requests
    are scarce nobody is overtaken."""
    ahead = Run.objects.in_line_before(run).count() if account.has_launches_waiting else 0
    if not ahead and account.take_for_launch(needed):
        return 0
    wait_s = account.put_launch_first(needed, behind=ahead)
    return min(max(wait_s, SOONEST_RETRY_S), pace.SLOWEST_RETRY_S)


def _create_session(run: Run, account: GigaAccount) -> bool:
    """False when somebody else has made one meanwhile: this thread slept through its claim, and theirs
    stands."""
    agent_session = run.agent_session
    created = giga.create_session(
        account.access,
        user_prompt=agent_session.user_prompt,
        goal_prompt=agent_session.goal_prompt,
        system_prompt=agent_session.system_prompt,
        sandbox_template=agent_session.sandbox_template,
        duration_hours=agent_session.duration_hours,
        deployment_id=agent_session.deployment_id,
    )
    crash_point("session_answered")
    # Stored before anything else is asked: a run started in a session we forgot could never be found again.
    agent_session.thread_id, agent_session.message_id = created.thread_id, created.message_id
    made = {"thread_id": created.thread_id, "message_id": created.message_id}
    if not AgentSession.objects.filter(pk=agent_session.pk, thread_id="").update(**made):
        return False
    run.record("session", why=f"Session {created.thread_id}", session_at=timezone.now())
    crash_point("session_stored")
    return True


def _session_failed(run: Run, account: GigaAccount, error: GigaError) -> None:
    """Creating a session starts nothing, so whatever is not a refusal may be tried again later."""
    if error.outcome in (Outcome.REFUSED, Outcome.KEY_REFUSED, Outcome.GONE) and error.code:
        _reject(run, account, error)
    else:
        _try_later(run, account, error)


def _start(run: Run, account: GigaAccount) -> None:
    """The one call that costs money. It is claimed by a committed row first and is never sent a second
    time."""
    sent_at = timezone.now()
    with transaction.atomic():
        limits.hold(run.workspace_id)
        reason = limits.lack_of_place(run)
        is_mine = not reason and run.move_to(
            Status.SENDING,
            sent_at=sent_at,
            claimed_until=sent_at + timedelta(seconds=LAUNCH_LEASE_S),
            attempt=run.attempt + 1,
            reason="",
            waits_for_computer=False,
        )
    if reason:
        run.keep(waits_for_computer=True)
        _put_back(run, reason, pace.SLOWEST_RETRY_S)
    if not is_mine:
        return
    crash_point("sending_stored")
    if not _has_time_to_start(run):
        return
    try:
        message = run.message or START_MESSAGE
        started = giga.start_run(account.access, thread_id=run.agent_session.thread_id, message=message)
    except GigaError as error:
        crash_point("start_answered")
        _start_failed(run, account, error)
        crash_point("start_stored")
        return
    crash_point("start_answered")
    try:
        # Before any other write: one that failed would leave a paid run without its id.
        _started(run, started)
        crash_point("start_stored")
    except IntegrityError:
        _mark_unknown(run, gettext_noop("Giga answered with the id of another run."))
    except DatabaseError:
        where = f"{started.run_id} in session {run.agent_session.thread_id}"
        logger.critical("run %s was started at Giga as %s, and that could not be stored", run.pk, where)
        raise
    account.answered(timezone.now())


def _has_time_to_start(run: Run) -> bool:
    """Whether the claim outlasts the call. A process that was stopped meanwhile must not send any more:
    others may have given the run up, and even settled that it never began."""
    call_ends_at = timezone.now() + timedelta(seconds=giga.START_RUN_S)
    return Run.objects.filter(pk=run.pk, status=Status.SENDING, claimed_until__gt=call_ends_at).exists()


def _started(run: Run, started: giga.StartedRun) -> None:
    now = timezone.now()
    known: dict[str, Any] = {
        "remote_id": started.run_id,
        "message_id": started.message_id,
        "sealed_public_token": run.sealed("public_token", started.public_access_token),
    }
    times: dict[str, Any] = {"accepted_at": now, "contact_at": now, "claimed_until": None}
    due_at = now + timedelta(seconds=pace.FASTEST_POLL_S)
    why = f"Run {started.run_id}"
    if run.move_to(Status.STARTING, why=why, due_at=due_at, reason="", **known, **times):
        return
    # Somebody gave it up while Giga was thinking. What Giga says is better than what they could know.
    run.refresh_from_db()
    logger.warning("run %s had been given up (%s) when Giga answered: it is %s", run.pk, run.status, why)
    if run.status == Status.UNKNOWN:
        run.move_to(Status.STARTING, why=why, due_at=due_at, attempt=0, reason="", **known, **times)
    elif not run.remote_id:
        run.record("settle", why=why, **known)


def _start_failed(run: Run, account: GigaAccount, error: GigaError) -> None:
    if not error.was_not_done:
        account.note(error)
        _mark_unknown(run, error.message, request_id=error.request_id)
    elif error.outcome in (Outcome.RATE_LIMITED, Outcome.NO_FREE_COMPUTER, Outcome.NOT_SENT):
        _try_later(run, account, error)
    else:
        _reject(run, account, error)


def _mark_unknown(run: Run, why: str, *, request_id: str = "") -> bool:
    return run.move_to(
        Status.UNKNOWN,
        why=why,
        reason=why,
        request_id=request_id,
        claimed_until=None,
        failed_reads=0,
        attempt=0,
        due_at=timezone.now() + timedelta(seconds=pace.settle_delay_s(0)),
    )


def _reject(run: Run, account: GigaAccount, error: GigaError) -> None:
    account.note(error)
    run.move_to(
        Status.REJECTED,
        why=error.message,
        reason=error.message,
        error_code=error.code,
        error_hint=error.hint,
        request_id=error.request_id,
        claimed_until=None,
    )


def _try_later(run: Run, account: GigaAccount, error: GigaError) -> None:
    """Nothing was started. The launch waits with its reason and goes on by itself."""
    attempt = run.attempt if run.status == Status.SENDING else run.attempt + 1
    delay = pace.retry_delay_s(attempt)
    account.note(error)
    if error.outcome == Outcome.NO_FREE_COMPUTER:
        delay = pace.SLOWEST_RETRY_S
    delay = max(delay, error.retry_after_s)
    reasons = {
        Outcome.RATE_LIMITED: account.rate_limit,
        Outcome.NO_FREE_COMPUTER: "Waiting for a free computer, place 1 in line: all of the plan are busy.",
    }
    run.keep(waits_for_computer=error.outcome == Outcome.NO_FREE_COMPUTER)
    _put_back(
        run, reasons.get(error.outcome, f"{error.message}. Trying again by itself."), delay, attempt=attempt
    )


def _put_back(run: Run, reason: str, delay_s: float, *, attempt: int | None = None) -> None:
    """Back into the queue until `delay_s` from now, with the reason on the page; said once while it stays
    the same."""
    reason = beginning(reason, 500)
    fields: dict[str, Any] = {"due_at": timezone.now() + timedelta(seconds=delay_s), "claimed_until": None}
    if attempt is not None:
        fields["attempt"] = attempt
    if run.status != Status.QUEUED:
        run.move_to(Status.QUEUED, why=reason, reason=reason, sent_at=None, **fields)
    elif run.reason != reason:
        run.record("wait", why=reason, reason=reason, **fields)
    else:
        run.keep(**fields)


def give_up_sending(run: Run) -> None:
    """The process that was asking Giga to start this run is gone, and nobody knows what Giga heard."""
    _mark_unknown(run, gettext_noop("Gigawatch was stopped while Giga was being asked to start it."))
