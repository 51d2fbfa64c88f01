"""Which keys a process watches, which runs it asks about, and what it may write."""

import copy
import math
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from runs import following, pace, watcher
from runs.accounts import OUTAGES_TO_OPEN
from runs.giga import GigaError, Outcome
from runs.models import LOST_AFTER, GigaAccount, Run
from runs.querysets import RunQuerySet
from runs.status import Status
from runs.watcher import Slice
from tests import factories

OUTAGE = GigaError("down", outcome=Outcome.NOT_SENT, is_outage=True)


@pytest.fixture
def clock(budget_clock, monkeypatch):
    """The steady clock of the watcher and that of the budgets, which a test moves."""
    monkeypatch.setattr(watcher, "time", budget_clock)
    return budget_clock


@pytest.fixture
def asked():
    return []


@pytest.fixture
def a_slice(clock, asked):
    """A slice whose readings end at once and find nothing new; `asked` lists (second, run id)."""

    def submit(job, run, fence, send_by):
        asked.append((clock.now - 1000.0, run.pk))
        watching.reading.discard(run.pk)

    watching = Slice(submit)
    return watching


def rounds(a_slice, clock, seconds):
    for _ in range(int(seconds * 4)):
        a_slice.round()
        clock.now += 0.25


def old_run(workspace, **fields):
    """A run past its first two minutes, so that nothing makes it special."""
    return factories.make_run(workspace, accepted_at=timezone.now() - timedelta(minutes=10), **fields)


def test_a_due_run_is_asked_about_again_and_again(workspace, a_slice, clock, asked):
    run = old_run(workspace)
    rounds(a_slice, clock, 20)
    assert {run_id for _, run_id in asked} == {run.pk}
    assert 9 <= len(asked) <= 11


@pytest.mark.parametrize("status", [Status.QUEUED, Status.SENDING, Status.COMPLETED, Status.LOST])
def test_other_runs_are_left_alone(workspace, a_slice, clock, asked, status):
    factories.make_run(workspace, status)
    rounds(a_slice, clock, 3)
    assert asked == [] and a_slice.leases == {}


def test_what_is_not_due_is_not_asked(workspace, a_slice, clock, asked):
    old_run(workspace, due_at=timezone.now() + timedelta(seconds=60))
    rounds(a_slice, clock, 5)
    assert asked == []


def test_a_paused_key_asks_nothing(workspace, a_slice, clock, asked):
    old_run(workspace)
    workspace.giga_account.pause("No.")
    rounds(a_slice, clock, 5)
    assert asked == []


def test_retry_after_holds_for_all_runs_of_a_key_from_the_next_moment_on(workspace, clock, monkeypatch):
    """Even when the rows had been read just before Giga said so."""
    asked = []

    def refresh(run_id, fence, seen):
        asked.append(run_id)
        seen.workspace.giga_account.wait(30)

    for _ in range(5):
        old_run(workspace)
    rows = list(Run.objects.for_schedule())
    read_before = SimpleNamespace(filter=lambda **_: copy.deepcopy(rows))
    monkeypatch.setattr(RunQuerySet, "for_schedule", lambda _: read_before)
    monkeypatch.setattr(watcher, "refresh", refresh)
    rounds(Slice(lambda job, *args: job(*args)), clock, 20)
    assert len(asked) == 1


def test_all_runs_of_a_key_get_their_turn(workspace, a_slice, clock, asked):
    runs = {old_run(workspace).pk for _ in range(7)}
    rounds(a_slice, clock, 12)
    assert {run_id for _, run_id in asked} == runs


def test_a_watched_run_is_asked_about_most_and_nobody_starves(workspace, a_slice, clock, asked):
    watched = old_run(workspace, watched_until=timezone.now() + timedelta(hours=1))
    others = {old_run(workspace).pk for _ in range(9)}
    rounds(a_slice, clock, 60)
    counts = [sum(run_id == pk for _, run_id in asked) for pk in (watched.pk, *others)]
    assert counts[0] >= 16 and min(counts[1:]) >= 1


def test_keys_that_were_taken_at_once_do_not_ask_at_once(a_slice, clock, asked, db):
    """The last of them would always wait for all others. All twenty ask in one moment when nothing keeps them
    apart; how many meet by chance depends on how fast the machine is."""
    for name in range(20):
        workspace = factories.make_workspace(str(name))
        for _ in range(4):
            old_run(workspace)
    rounds(a_slice, clock, 20)
    at_once = Counter(at for at, _ in asked)
    assert len(asked) > 300 and max(at_once.values()) <= 10


@pytest.mark.long
def test_one_key_keeps_its_pace_and_each_key_has_its_own(a_slice, clock, asked, db):
    for name in ("one", "two"):
        workspace = factories.make_workspace(name)
        for _ in range(30):
            old_run(workspace)
    rounds(a_slice, clock, 60)
    assert 2 * 52 <= len(asked) <= 2 * 55


@pytest.mark.long
def test_rounds_that_come_late_do_not_slow_a_run_down(workspace, a_slice, clock, asked):
    """One reading in 2.27 s, though there is a round only every 0.4 s."""
    for _ in range(2):
        old_run(workspace)
    for _ in range(750):
        a_slice.round()
        clock.now += 0.4
    assert 0.98 <= len(asked) / 300 / pace.RATE_PER_S <= 1.01


def test_a_reading_under_way_is_not_asked_for_twice(workspace, clock):
    started = []
    a_slice = Slice(lambda job, run, fence, send_by: started.append(run))
    old_run(workspace)
    rounds(a_slice, clock, 10)
    assert len(started) == 1


class TestLeases:
    def test_a_key_is_watched_by_one_process_at_a_time(self, workspace, clock):
        old_run(workspace)
        first, second = Slice(lambda *args: None), Slice(lambda *args: None)
        first.round()
        second.round()
        assert len(first.leases) == 1 and second.leases == {}

    def test_a_lease_that_ended_is_taken_over_with_a_higher_fence(self, workspace, clock):
        old_run(workspace)
        first, second = Slice(lambda *args: None), Slice(lambda *args: None)
        first.round()
        GigaAccount.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        clock.now += 2
        second.round()
        assert next(iter(second.leases.values())).fence > next(iter(first.leases.values())).fence
        clock.now += 6
        first.round()
        assert first.leases == {}

    def test_a_stopped_process_gives_its_keys_back_at_once(self, workspace, clock):
        old_run(workspace)
        first, second = Slice(lambda *args: None), Slice(lambda *args: None)
        first.round()
        first.stop()
        second.round()
        assert len(second.leases) == 1

    def test_asking_stops_before_a_lease_that_could_not_be_renewed_ends(
        self, workspace, a_slice, clock, asked
    ):
        old_run(workspace)
        a_slice.round()
        a_slice.renew_at = a_slice.look_at = float("inf")
        rounds(a_slice, clock, 30)
        assert max(second for second, _ in asked) <= 12

    def test_taking_another_key_makes_no_lease_last_longer(self, workspace, a_slice, clock, asked):
        run = old_run(workspace)
        a_slice.round()
        a_slice.renew_at = float("inf")
        rounds(a_slice, clock, 10)
        old_run(factories.make_workspace("Other team"))
        rounds(a_slice, clock, 10)
        assert len(a_slice.leases) == 2
        assert max(second for second, run_id in asked if run_id == run.pk) <= 12

    def test_a_key_without_work_is_given_back(self, workspace, a_slice, clock):
        run = old_run(workspace)
        a_slice.round()
        run.move_to(Status.COMPLETED)
        rounds(a_slice, clock, 2)
        assert a_slice.leases == {} and GigaAccount.objects.get().lease_until is None

    def test_what_is_written_for_a_lease_that_passed_on_is_refused(self, workspace):
        run = old_run(workspace)
        GigaAccount.objects.update(fence=5)
        run.fence = 4
        assert not run.move_to(Status.WAITING)
        run.fence = 5
        assert run.move_to(Status.WAITING)

    def test_who_starts_together_shares_the_keys_and_who_is_left_alone_takes_them_all(
        self, clock, monkeypatch, db
    ):
        monkeypatch.setattr(watcher, "TAKEN_AT_ONCE", 2)
        for number in range(5):
            old_run(factories.make_workspace(f"Team {number}"))
        first, second = Slice(lambda *args: None), Slice(lambda *args: None)
        first.round()
        second.round()
        assert (len(first.leases), len(second.leases)) == (2, 2)
        second.stop()
        rounds(first, clock, 3)
        assert len(first.leases) == 5


class TestReadings:
    def test_a_run_whose_answer_breaks_us_is_set_aside(self, workspace, monkeypatch):
        broken, good = old_run(workspace), old_run(workspace)

        def refresh(run_id, fence, seen):
            if run_id == broken.pk:
                raise RuntimeError("a defect of ours")
            return timezone.now()

        monkeypatch.setattr(watcher, "refresh", refresh)
        a_slice = Slice(lambda *args: None)
        for run in (broken, good):
            a_slice.read(run, 1, math.inf)
        broken.refresh_from_db()
        assert broken.due_at > timezone.now() + timedelta(minutes=9) and broken.has_no_contact
        assert list(a_slice.contacts) == [good.pk] and a_slice.reading == set()

    def test_a_run_that_cannot_be_read_is_given_up_long_after_its_time(self, workspace):
        """As all are when the key that their workspace's key is sealed with is lost."""
        GigaAccount.objects.update(sealed_api_key="sealed with a key that is gone")
        hours = factories.make_session(workspace).duration_hours
        over = timezone.now() - timedelta(hours=hours) - LOST_AFTER
        gone, late = old_run(workspace), old_run(workspace)
        Run.objects.filter(pk=gone.pk).update(started_at=over - timedelta(seconds=1))
        Run.objects.filter(pk=late.pk).update(started_at=over + timedelta(minutes=1))
        a_slice = Slice(lambda *args: None)
        for run in (gone, late):
            a_slice.read(Run.objects.get(pk=run.pk), 0, math.inf)
        statuses = dict(Run.objects.values_list("pk", "status"))
        assert statuses == {gone.pk: Status.LOST, late.pk: late.status}
        assert Run.objects.get(pk=gone.pk).reason == following.NO_CONTACT

    def test_times_of_contact_are_written_together(self, workspace):
        runs = [old_run(workspace) for _ in range(3)]
        a_slice, at = Slice(lambda *args: None), timezone.now() + timedelta(seconds=1)
        a_slice.contacts = {run.pk: at for run in runs}
        a_slice.flush()
        assert list(Run.objects.values_list("contact_at", flat=True)) == [at] * 3
        assert a_slice.contacts == {}


class TestOutages:
    def test_outages_in_a_row_open_the_circuit_and_an_answer_closes_it(self, workspace):
        account = workspace.giga_account
        for _ in range(OUTAGES_TO_OPEN):
            assert account.broken_since is None
            account.note(OUTAGE)
            account.refresh_from_db()
        assert account.broken_since and not account.is_open
        account.answered(timezone.now())
        account.refresh_from_db()
        assert account.broken_since is None and account.is_open

    def test_while_it_is_open_one_request_at_a_time_tries(self, workspace):
        account = workspace.giga_account
        GigaAccount.objects.update(broken_since=timezone.now(), probe_after=timezone.now())
        account.refresh_from_db()
        assert account.take_probe() and not account.take_probe()

    def test_outages_long_ago_do_not_count(self, workspace):
        account = workspace.giga_account
        for _ in range(OUTAGES_TO_OPEN * 2):
            GigaAccount.objects.update(outages_since=timezone.now() - timedelta(seconds=31))
            account.note(OUTAGE)
        account.refresh_from_db()
        assert account.broken_since is None


def test_with_more_keys_than_can_be_asked_about_all_are_slower_and_none_is_left_out(
    db, a_slice, clock, asked, monkeypatch
):
    monkeypatch.setattr(watcher, "MOST_UNDER_WAY", 1)
    runs = [old_run(factories.make_workspace()).pk for _ in range(16)]
    rounds(a_slice, clock, 30)
    readings = [[run_id for _, run_id in asked].count(pk) for pk in runs]
    assert min(readings) >= 5 and max(readings) - min(readings) <= 1
    assert len({at for at, _ in asked}) == len(asked)


@pytest.mark.parametrize(("threads", "left"), [(3, 0), (4, 1)])
def test_each_key_gets_a_reading_before_any_gets_another(
    db, a_slice, clock, asked, monkeypatch, threads, left
):
    """Where not all would be in time. The first is asked for in the round that books it."""
    monkeypatch.setattr(watcher, "MOST_UNDER_WAY", threads)
    for workspace in (factories.make_workspace(), factories.make_workspace()):
        old_run(workspace), old_run(workspace)
    a_slice.look(clock.now)
    for lease in a_slice.leases.values():
        lease.asks_from = clock.now
    a_slice.round()
    assert len(asked) == 2
    assert [len(lease.turns) for lease in a_slice.leases.values()] == [left, left]


def test_nothing_is_booked_that_would_wait_for_a_thread(db, clock, monkeypatch):
    monkeypatch.setattr(watcher, "MOST_UNDER_WAY", 3)
    for _ in range(5):
        old_run(factories.make_workspace())
    begun = []
    a_slice = Slice(lambda job, run, *args: begun.append(run.pk))  # and none of them ends
    rounds(a_slice, clock, 10)
    assert len(begun) == len(set(begun)) == 3
    a_slice.reading.clear()
    a_slice.round()
    assert len(begun) == 6
