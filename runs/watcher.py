"""Watching: which keys this process holds, which run is asked about next, and when. No rules about status.

The schedule lives in memory, and an unchanged reading writes nothing; the lease makes sure that one process
at a time paces each key, and its fence that a process which lost it writes nothing any more."""

import logging
import math
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from runs import pace
from runs.accounts import LEASE_S, TAKEN_AT_ONCE
from runs.crash import crash_point
from runs.following import give_up, refresh
from runs.models import FAILED_READS_SHOWN, GigaAccount, Run
from runs.settling import settle
from runs.status import Status

logger = logging.getLogger(__name__)

RENEW_S = 5.0
LOOK_S = 1.0
MARGIN_S = 3.0
# A run whose turn came late may catch up by as much.
CATCH_UP_S = pace.STEP_S
SET_ASIDE = timedelta(minutes=10)
# What waits for a thread for long is too late to be sent, and its request is lost: no more is booked while
# so many readings are under way.
MOST_UNDER_WAY = 128
# Of so many readings one goes to the run that is most overdue, whoever is looked at.
OVERDUE_EVERY = 3

Submit = Callable[[Callable[[Run, int, float], None], Run, int, float], object]


@dataclass
class Lease:
    """A key this process watches, and asks with from `asks_from` on. All times are by this process's own
    steady clock. `turns`: when each of the readings that are booked may be sent; before `idle_until` none is
    due. `tried_at`: when to book was tried last; `read_at`: when there was room for one."""

    fence: int
    until: float
    asks_from: float = 0.0
    turns: deque[float] = field(default_factory=deque)
    idle_until: float = 0.0
    tried_at: float = 0.0
    read_at: float = 0.0
    readings: int = 0
    runs: list[Run] = field(default_factory=list)
    intervals: dict[pace.Need, float] = field(default_factory=dict)

    @property
    def account(self) -> GigaAccount:
        return self.runs[0].workspace.giga_account

    def follow(self, runs: list[Run]) -> None:
        """These are its runs now. They share one account, so that what Giga says of the key to one of them
        holds for the others at once; and what it said while these rows were read holds too."""
        before = self.account if self.runs else None
        for run in runs:
            run.workspace = runs[0].workspace
        self.runs = runs
        if before and before.not_before and runs and before.sealed_api_key == self.account.sealed_api_key:
            self.account.not_before = max(before.not_before, self.account.not_before or before.not_before)
        needs = Counter(need(run) for run in runs if run.status != Status.UNKNOWN)
        self.intervals = pace.intervals_s(needs)
        self.idle_until = 0.0

    def drop_late_turns(self, now: float) -> None:
        while self.turns and self.turns[0] < now - pace.LATE_S:
            self.turns.popleft()

    def may_ask(self, now: float) -> bool:
        is_its_time = self.asks_from <= now <= self.until - MARGIN_S
        return bool(self.runs) and is_its_time and self.account.is_open

    def interval_s(self, run: Run) -> float:
        return self.intervals.get(need(run), pace.FASTEST_POLL_S)


class Slice:
    """What one process watches. `round` is called over and over; nothing in here waits. Readings are handed
    to `submit(job, run, fence, send_by)`, which runs them on threads."""

    def __init__(self, submit: Submit):
        self.holder = uuid.uuid4().hex
        self.submit = submit
        self.leases: dict[int, Lease] = {}
        self.asked_at: dict[int, float] = {}
        self.reading: set[int] = set()
        self.contacts: dict[int, datetime] = {}
        self.renew_at = self.look_at = 0.0

    def round(self) -> int:
        """Ask about the runs whose turn it is. Returns how many were asked about."""
        now = time.monotonic()
        if now >= self.renew_at:
            self.renew_at = now + RENEW_S
            held = GigaAccount.objects.renew(self.holder)
            self.leases = {key: lease for key, lease in self.leases.items() if key in held}
            self.keep_leases(held, now)
            self.flush()
        if now >= self.look_at:
            self.look_at = now + LOOK_S
            self.look(now)
        self.book(now)
        return sum(self.ask(lease) for lease in self.leases.values())

    def keep_leases(self, fences: dict[int, int], now: float) -> None:
        """Hold these leases for another while. Keys that are new start one after the other within a reading's
        time, and so stay apart: of many that ask in one moment the last would wait for all others."""
        for turn, (key, fence) in enumerate(fences.items()):
            lease = self.leases.get(key)
            if lease is None or lease.fence != fence:
                asks_from = now + turn / len(fences) * pace.STEP_S
                lease = self.leases[key] = Lease(fence, until=0.0, asks_from=asks_from)
            lease.until = now + LEASE_S

    def look(self, now: float) -> None:
        """Read anew which runs there are and what they need; take the keys nobody holds, drop those without
        work."""
        with_work = set(
            Run.objects.watched().order_by().values_list("workspace__giga_account", flat=True).distinct()
        )
        with_work.discard(None)
        if idle := [key for key in self.leases if key not in with_work]:
            GigaAccount.objects.release(self.holder, idle)
            self.leases = {key: lease for key, lease in self.leases.items() if key in with_work}
        wanted = with_work - self.leases.keys()
        if taken := GigaAccount.objects.take(self.holder, wanted, at_most=TAKEN_AT_ONCE):
            crash_point("lease_taken")
            self.keep_leases(taken, now)
        self.call_roll()

    def call_roll(self) -> None:
        runs = Run.objects.watched().for_schedule().filter(workspace__giga_account__in=list(self.leases))
        by_key: dict[int, list[Run]] = {key: [] for key in self.leases}
        for run in runs:
            by_key[run.workspace.giga_account.pk].append(run)
        for key, lease in self.leases.items():
            lease.follow(by_key[key])
        present = {run.pk for lease in self.leases.values() for run in lease.runs}
        self.asked_at = {pk: at for pk, at in self.asked_at.items() if pk in present}

    def wanted(self, now: float) -> dict[int, int]:
        """How many readings to book for each key. Where there are too many keys, whose turn is longest ago
        comes first, and each gets one reading before any gets another."""
        due: dict[int, int] = {}
        for key, lease in self.leases.items():
            lease.drop_late_turns(now)
            if lease.turns or now < lease.idle_until or not lease.may_ask(now):
                continue
            due_in_s = [max(0.0, self.due_in_s(run, lease, now)) for run in lease.runs]
            lease.idle_until = now + min(due_in_s)
            if readings := pace.bookable(due_in_s):
                due[key] = readings
        room = max(0, MOST_UNDER_WAY - len(self.reading))
        in_turn = sorted(due, key=lambda key: self.leases[key].tried_at)[:room]
        return {key: min(due[key], room // len(in_turn)) for key in in_turn}

    def book(self, now: float) -> None:
        """Take readings from the budgets of the keys that have a run due, a few at a time and all keys in one
        transaction, so that a reading itself writes nothing."""
        wanted = self.wanted(now)
        if not wanted:
            return
        for key in wanted:
            self.leases[key].tried_at = now
        neglected = {key for key in wanted if now - self.leases[key].read_at > pace.READING_AT_LEAST_EVERY_S}
        asked_at = time.monotonic()
        booked = GigaAccount.objects.book_readings(wanted, neglected=neglected)
        now = time.monotonic()
        if now - asked_at > pace.LATE_S:
            return  # the database took so long that nobody knows when their turn is
        for key, turns_in_s in booked.items():
            self.leases[key].turns.extend(now + turn_s for turn_s in turns_in_s)
            if turns_in_s:
                self.leases[key].read_at = now

    def ask(self, lease: Lease) -> int:
        """Ask about the run of this key that is most overdue, if a booked reading's turn has come."""
        now = time.monotonic()
        if not lease.turns or lease.turns[0] > now or not lease.may_ask(now):
            return 0
        overdue = {run: self.overdue(run, lease, now) for run in lease.runs}
        due = [run for run in lease.runs if overdue[run] >= 0]
        if not due or not lease.account.take_probe():
            return 0
        # Whoever is looked at goes first, but when requests are scarce the others get theirs, too.
        lease.readings += 1
        looks_count = bool(lease.readings % OVERDUE_EVERY)
        run = max(due, key=lambda run: (looks_count and run.is_watched, overdue[run]))
        was_due_at = now + self.due_in_s(run, lease, now)
        self.asked_at[run.pk] = min(now, max(was_due_at, now - CATCH_UP_S))
        self.reading.add(run.pk)
        self.submit(self.read, run, lease.fence, lease.turns.popleft() + pace.LATE_S)
        return 1

    def due_in_s(self, run: Run, lease: Lease, now: float) -> float:
        """In how many seconds this run is due; less than 0 when it is overdue."""
        if run.pk in self.reading or run.due_at is None:
            return math.inf
        due_in_s = (run.due_at - timezone.now()).total_seconds()
        asked_at = self.asked_at.get(run.pk)
        if run.status == Status.UNKNOWN or asked_at is None or due_in_s > 0:
            return due_in_s
        return asked_at + lease.interval_s(run) - now

    def overdue(self, run: Run, lease: Lease, now: float) -> float:
        """How late a run's reading is, in its own intervals: from 0 on it is due."""
        has_own_time = run.status == Status.UNKNOWN or run.pk not in self.asked_at
        return -self.due_in_s(run, lease, now) / (60.0 if has_own_time else lease.interval_s(run))

    def read(self, run: Run, fence: int, send_by: float) -> None:
        """One reading, on a thread. What comes too late is not sent: its time in the key's budget is over. A
        run whose answer breaks us is set aside and does not hold up the others; long after its time it is
        given up."""
        try:
            if time.monotonic() > send_by:
                self.asked_at.pop(run.pk, None)
            elif run.status == Status.UNKNOWN:
                settle(run.pk, fence=fence)
            elif contact_at := refresh(run.pk, fence=fence, seen=run):
                self.contacts[run.pk] = contact_at
        except (OperationalError, InterfaceError):
            raise  # the database is away: that is nothing this run did
        except Exception:
            logger.exception("run %s could not be read and is set aside", run.pk)
            broken = Run.objects.watched().filter(pk=run.pk)
            broken.update(due_at=timezone.now() + SET_ASIDE, failed_reads=FAILED_READS_SHOWN)
            give_up(broken)
        finally:
            self.reading.discard(run.pk)

    def flush(self) -> None:
        """Write when the runs that had nothing to tell last answered: one short statement for all of them."""
        contacts, self.contacts = self.contacts, {}
        if not contacts:
            return
        # In order, so that two processes cannot wait for each other.
        rows = [(connection.ops.adapt_datetimefield_value(at), pk) for pk, at in sorted(contacts.items())]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany("UPDATE runs_run SET contact_at = %s WHERE id = %s", rows)

    def stop(self) -> None:
        """Keep what is known and give the keys back, so that another process can go on at once."""
        self.flush()
        GigaAccount.objects.release(self.holder)
        self.leases = {}


def need(run: Run) -> pace.Need:
    """Why this run matters now."""
    started_at = run.accepted_at or run.queued_at
    started_s_ago = (timezone.now() - started_at).total_seconds()
    return pace.need_of(is_watched=run.is_watched, started_s_ago=started_s_ago, left_s=run.left_s)
