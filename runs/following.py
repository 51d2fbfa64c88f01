"""Following: asking Giga how a started run is, and noting what changed. Plain functions of models and plain
values; no requests, no templates. Never a network call inside a transaction."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from outbound.addresses import Refused
from people.texts import beginning
from runs import giga, pace
from runs.crash import crash_point
from runs.desktop import check_address
from runs.giga import GigaError, Outcome
from runs.models import LOST_AFTER, AgentSession, GigaAccount, Run
from runs.sayings import told
from runs.sealed import Unreadable
from runs.status import READABLE, Status, status_from_giga

# A conversation that was read so long ago is not asked for again.
FRESH = timedelta(seconds=10)
GONE_READS = 5
GONE_FOR = timedelta(minutes=5)
NO_CONTACT = gettext_noop("No contact until long after its time was over.")
DESKTOP_READY = ("ready", "restored")


def refresh(run_id: int, *, fence: int | None = None, seen: Run | None = None) -> datetime | None:
    """Ask Giga once how a started run is, and note what changed. Whatever the answer is, the run stays
    readable. `fence`: the lease it is read under. `seen`: its row as it was a moment ago; as long as the
    answer is nothing new, the database is not asked at all. Returns when Giga answered if nothing had changed
    and so nothing was written, for the caller to keep."""
    seen = seen or _row(run_id)
    if seen is None or seen.status not in READABLE:
        return None
    account, asked_at = seen.workspace.giga_account, timezone.now()
    try:
        remote = _read_remote(seen, account)
    except GigaError as error:
        account.note(error)
        if run := _row(run_id, fence):
            _read_failed(run, error, asked_at)
        return None
    crash_point("poll_read")
    account.answered(timezone.now())
    if not _is_news(seen, remote):
        return timezone.now()
    run = _row(run_id, fence)
    if run is None:
        return None  # it ended meanwhile
    written = _apply(run, remote, asked_at)
    crash_point("poll_stored")
    if run.is_final:
        # The history outlives the provider. When it cannot be read now, the session's page reads it on
        # demand.
        read_thread(run.agent_session)
    return None if written else timezone.now()


def _row(run_id: int, fence: int | None = None) -> Run | None:
    """A run that can be read, as it is now."""
    runs = Run.objects.select_related("agent_session", "workspace__giga_account")
    run = runs.filter(pk=run_id, status__in=READABLE).first()
    if run is not None:
        run.fence = fence
    return run


def _read_remote(run: Run, account: GigaAccount) -> giga.RemoteRun:
    """The run as Giga tells it; an adopted run without an id is followed through its session."""
    thread_id = run.agent_session.thread_id
    if run.remote_id:
        return giga.get_run(account.access, thread_id=thread_id, run_id=run.remote_id)
    thread = giga.get_thread(account.access, thread_id=thread_id)
    is_about_it = not run.is_follow_up or _tells_of(run, thread)
    return giga.RemoteRun(
        word=thread.word if is_about_it else "",
        is_completed=False,
        is_errored=False,
        sandbox_id=thread.sandbox_id if is_about_it else "",
        sandbox_status=thread.sandbox_status if is_about_it else "",
        desktop_url=thread.desktop_url if is_about_it else None,
        raw=thread.raw,
    )


def _tells_of(run: Run, thread: giga.RemoteThread) -> bool:
    """Whether what a session says is about this follow-up, not about the run before it: somebody has answered
    its message."""
    places = thread.places_of(run.message)
    return bool(places) and any(message.role != "user" for message in thread.messages[places[-1] + 1 :])


def _is_news(run: Run, remote: giga.RemoteRun) -> bool:
    """Whether the answer changes anything about this run."""
    now = timezone.now()
    is_new = _changes(run, remote, now) or _status_in(remote) not in (None, run.status)
    return bool(is_new or run.failed_reads or run.gone_reads or _is_given_up(run, remote, now))


def _changes(run: Run, remote: giga.RemoteRun, now: datetime) -> dict[str, Any]:
    """What the answer changes besides the status."""
    said = {
        "remote_word": remote.word,
        "sandbox_id": remote.sandbox_id or run.sandbox_id,
        "sandbox_status": remote.sandbox_status or run.sandbox_status,
        **_desktop_changes(run, remote, now),
    }
    return {name: value for name, value in said.items() if getattr(run, name) != value}


def _status_in(remote: giga.RemoteRun) -> Status | None:
    return status_from_giga(
        remote.word,
        is_completed=remote.is_completed,
        is_errored=remote.is_errored,
        sandbox_status=remote.sandbox_status,
    )


def _is_given_up(run: Run, remote: giga.RemoteRun, now: datetime) -> bool:
    """Whether its session tells no status, long after its time."""
    return bool(not remote.word and run.ends_at and now > run.ends_at + LOST_AFTER)


def _apply(run: Run, remote: giga.RemoteRun, asked_at: datetime) -> bool:
    """Note what the answer changes; False when that is nothing."""
    now = timezone.now()
    status, changed = _status_in(remote), _changes(run, remote, now)
    contact = {"contact_at": now, "failed_reads": 0, "gone_reads": 0, "gone_since": None}
    if _is_given_up(run, remote, now):
        why = gettext_noop("Its session tells no status, and its paid time is long over.")
        run.move_to(Status.INCONCLUSIVE, why=why, reason=why, asked_at=asked_at)
    elif status and status != run.status:
        if status == Status.RUNNING and not run.started_at:
            changed["started_at"] = now
        if status == Status.FAILED:
            changed |= {"reason": _failure(remote), "error_code": remote.word}
        run.move_to(status, why=_says(remote), asked_at=asked_at, raw_answer=remote.raw, **changed, **contact)
    elif changed:
        kind, why = _what_happened(changed, remote)
        run.record(kind, why=why, asked_at=asked_at, raw_answer=remote.raw, **changed, **contact)
    elif run.has_no_contact:
        run.record(
            "contact",
            why=gettext_noop("Giga answers again; the status had not changed."),
            asked_at=asked_at,
            **contact,
        )
    elif run.failed_reads or run.gone_reads:
        run.keep(**contact)
    else:
        return False
    return True


def _desktop_changes(run: Run, remote: giga.RemoteRun, now: datetime) -> dict:
    """What the answer changes about the desktop. An address is taken only while its computer is said to be
    ready."""
    if remote.desktop_url is None or remote.sandbox_status.strip().lower() not in DESKTOP_READY:
        return {}
    try:
        desktop = check_address(
            remote.desktop_url,
            own_origins=settings.SITE_ORIGINS,
            networks=settings.DESKTOP_NETWORKS,
            allow_loopback=run.workspace.giga_account.is_local,
        )
    except Refused as refusal:
        why = beginning(f"Giga gave a desktop address that is not shown: {refusal}.", 200)
        return {"desktop_problem": why, "sealed_desktop_url": "", "desktop_kind": ""}
    if _shows_already(run, desktop.url):
        return {}
    return {
        "sealed_desktop_url": run.sealed("desktop_url", desktop.url),
        "desktop_kind": desktop.kind,
        "desktop_problem": "",
        "desktop_at": run.desktop_at or now,
    }


def _shows_already(run: Run, url: str) -> bool:
    try:
        return bool(run.sealed_desktop_url) and run.desktop_url == url
    except Unreadable:
        return False  # sealed with a key that is gone: seal it anew


def _what_happened(changed: dict, remote: giga.RemoteRun) -> tuple[str, str]:
    if changed.get("desktop_problem"):
        return "desktop", changed["desktop_problem"]
    if "sealed_desktop_url" in changed:
        return "desktop", gettext_noop("Desktop reachable")
    if changed.get("sandbox_status", "").strip().lower() == "failed":
        return "computer", gettext_noop("Giga could not provide the computer: it says “failed”.")
    if "sandbox_status" in changed:
        return "computer", f"Computer: {remote.sandbox_status}"
    if "remote_word" in changed:
        return "word", f"Giga says “{remote.word}”"
    return "computer", gettext_noop("Giga named the computer")


def _says(remote: giga.RemoteRun) -> str:
    return f"Giga says “{remote.word}”" if remote.word else ""


def _failure(remote: giga.RemoteRun) -> str:
    """Why it failed, as far as Giga says: its documented answer holds no error text."""
    if remote.sandbox_status.strip().lower() == "failed":
        return gettext_noop("The computer could not be provided.")
    words = {
        "CRASHED": gettext_noop("The agent crashed, often for lack of memory."),
        "SYSTEM_FAILURE": gettext_noop("Giga's platform failed."),
        "INTERRUPTED": gettext_noop("The agent was interrupted."),
    }
    return words.get(
        remote.word.strip().upper(), gettext_noop("Giga says that it ended with an error, and not which.")
    )


def _read_failed(run: Run, error: GigaError, asked_at: datetime) -> None:
    """The last known status stays; what cannot be read is marked, and becomes `lost` only when hope is
    gone."""
    now = timezone.now()
    if error.outcome == Outcome.RATE_LIMITED:
        return
    failures = run.failed_reads + 1
    fields: dict[str, Any] = {
        "failed_reads": failures,
        "due_at": now + timedelta(seconds=pace.retry_delay_s(failures)),
    }
    # Only in the words Giga documents: a gateway on the way has a 404 of its own.
    if error.outcome == Outcome.GONE and error.code:
        fields |= {"gone_reads": run.gone_reads + 1, "gone_since": run.gone_since or asked_at}
        if fields["gone_reads"] >= GONE_READS and now - fields["gone_since"] >= GONE_FOR:
            why = gettext_noop("Giga does not know this run any more.")
            run.move_to(Status.LOST, why=why, reason=why, asked_at=asked_at)
            return
    if _is_long_over(run):
        run.move_to(Status.LOST, why=NO_CONTACT, reason=NO_CONTACT, asked_at=asked_at)
    elif failures == 2:
        run.record("contact", why=f"No contact: {error.message}", **fields)
    else:
        run.keep(**fields)


def give_up_unasked() -> int:
    """Runs of refused keys, about which Giga is not asked any more, do not stay active long after their time.
    Returns how many were given up."""
    refused = GigaAccount.objects.filter(paused_at__lt=timezone.now() - LOST_AFTER).values("workspace")
    return give_up(Run.objects.watched().filter(workspace__in=refused))


def give_up(runs) -> int:
    """Those of these runs that nobody could read until long after their time. Returns how many they were."""
    over = [run for run in runs.select_related("agent_session") if _is_long_over(run)]
    return sum(run.move_to(Status.LOST, why=NO_CONTACT, reason=NO_CONTACT) for run in over)


def _is_long_over(run: Run) -> bool:
    return run.ends_at is not None and timezone.now() > run.ends_at + LOST_AFTER


def read_thread_for(agent_session: AgentSession, person_id: int) -> str:
    """Read the conversation for a person who asks for it, unless that was done a moment ago. Returns "" or,
    when the kept one stays, the reason."""
    read_at = agent_session.thread_read_at
    if read_at and timezone.now() - read_at < FRESH:
        return ""
    return read_thread(agent_session, person_id)


def read_thread(agent_session: AgentSession, person_id: int | None = None) -> str:
    """Read the conversation from Giga and keep it. Returns "" or, when the kept one stays, the reason."""
    account = getattr(agent_session.workspace, "giga_account", None)
    if not agent_session.thread_id:
        return told("Giga has not created this session yet.")
    if account is None or agent_session.is_simulated != account.is_simulated:
        return _("This session belongs to another Giga than the one connected now.")
    if why_not := account.take_or_why_not(person_id):
        return told(why_not)
    try:
        thread = giga.get_thread(account.access, thread_id=agent_session.thread_id)
    except GigaError as error:
        account.note(error)
        request = f" {_('Request')} {error.request_id}." if error.request_id else ""
        return f"{told(error.message)}.{request}"
    agent_session.thread = {
        "messages": [{"role": m.role, "text": m.text, "at": _stamp(m.at)} for m in thread.messages],
        "is_recognised": thread.is_recognised,
        "raw": thread.raw,
    }
    agent_session.thread_read_at = timezone.now()
    agent_session.save(update_fields=["thread", "thread_read_at"])
    return ""


def _stamp(text: str) -> str:
    """An ISO time that can be shown, or nothing: Giga does not document the form of its times."""
    try:
        at = parse_datetime(text)
    except ValueError:
        return ""
    return at.isoformat() if at else ""
