"""One budget a key: launches first, then what a person asks for, then readings; at most 58 requests in any
60 s, whoever asks."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
import responses
from django.db import connection
from django.utils import timezone

from people.models import membership_of
from runs import accepting, files, launching, pace, watcher
from runs.accounts import GigaAccountQuerySet
from runs.models import AgentSession, GigaAccount, Run
from runs.status import Status
from runs.watcher import Slice
from tests import factories
from tests.test_launching import CONFIGURATION, started_somehow

URL = "https://api.giga.example"
# What Giga allows in 60 s is 60; we keep to 58.
MOST_IN_60_S = 58


@pytest.fixture
def workspace(db):
    return factories.make_workspace(api_url=URL)


@pytest.fixture
def clock(budget_clock, monkeypatch):
    monkeypatch.setattr(watcher, "time", budget_clock)
    return budget_clock


class Requests:
    """Everything that is asked with a key, as (second, what)."""

    def __init__(self, clock):
        self.clock = clock
        self.made: list[tuple[float, str]] = []

    def note(self, what: str) -> None:
        self.made.append((self.clock.now, what))

    def slice(self) -> Slice:
        """A process that watches; its readings end at once."""

        def submit(job, run, fence, send_by):
            self.note("reading")
            process.reading.discard(run.pk)

        process = Slice(submit)
        return process

    def times(self, what: str) -> list[float]:
        return [at for at, name in self.made if name == what]

    def worst_minute(self) -> int:
        times = [at for at, _ in self.made]
        return max(sum(start <= at <= start + 60 for at in times) for start in times)


@pytest.fixture
def requests(clock):
    return Requests(clock)


def active_runs(workspace, count: int) -> None:
    for _ in range(count):
        factories.make_run(workspace, accepted_at=timezone.now() - timedelta(minutes=10))


def pass_time(clock, seconds: float, *rounds) -> None:
    until = clock.now + seconds
    while clock.now < until:
        for one_round in rounds:
            one_round()
        clock.now += 0.5


def test_readings_alone_use_all_there_is_and_no_more(workspace, clock, requests):
    active_runs(workspace, 30)
    pass_time(clock, 75, requests.slice().round)
    assert 53 <= requests.worst_minute() <= MOST_IN_60_S
    assert len(requests.made) >= 75 * pace.RATE_PER_S - 2


def test_a_launch_finds_room_whenever_it_comes(workspace, clock, requests):
    active_runs(workspace, 30)
    process, account = requests.slice(), workspace.giga_account
    for _ in range(8):
        pass_time(clock, 7.25, process.round)
        assert account.take_for_launch(pace.LAUNCH_REQUESTS)


def test_whatever_is_asked_at_once_stays_within_the_limit(workspace, clock, requests):
    """Five runs are read, somebody presses buttons all the time, and launches come in bursts."""
    active_runs(workspace, 5)
    account = workspace.giga_account

    def person():
        if account.take_for_person():
            requests.note("person")

    def launches():
        if clock.now % 40 < 20 and not account.take_for_launch(2):
            account.put_launch_first(2)
        elif clock.now % 40 < 20:
            requests.note("launch")
            requests.note("launch")

    pass_time(clock, 120, requests.slice().round, person, launches)
    assert 50 <= requests.worst_minute() <= MOST_IN_60_S
    assert {what for _, what in requests.made} == {"reading", "person", "launch"}


def test_while_launches_wait_people_get_nothing_and_readings_little(workspace, clock, requests):
    active_runs(workspace, 5)
    account, process = workspace.giga_account, requests.slice()
    pass_time(clock, 30, process.round)
    began = clock.now

    def launch():
        if account.take_for_launch(2):
            requests.note("launch")
        account.put_launch_first(2)

    def person():
        if account.take_for_person():
            requests.note("person")

    pass_time(clock, 45, launch, process.round, person)
    readings = [at for at in requests.times("reading") if at > began + 2]
    assert requests.times("person") == []
    assert 5 <= len(readings) <= 9
    assert len(requests.times("launch")) * 2 >= 45 * pace.RATE_PER_S - len(readings) - 2


def test_when_no_launch_waits_any_more_readings_go_on_as_before(workspace, clock, requests):
    active_runs(workspace, 5)
    account, process = workspace.giga_account, requests.slice()
    for _ in range(9):
        account.take_for_launch(2)
        account.put_launch_first(2)
    pass_time(clock, 10, process.round)
    before = len(requests.made)
    pass_time(clock, 30, process.round)
    assert len(requests.made) - before >= 30 * pace.RATE_PER_S - 2


def test_people_who_ask_all_the_time_do_not_stop_readings(workspace, clock, requests):
    active_runs(workspace, 5)
    account = workspace.giga_account
    pass_time(clock, 40, account.take_for_person, requests.slice().round)
    assert len(requests.times("reading")) >= 40 / pace.READING_AT_LEAST_EVERY_S - 1


def test_a_request_is_free_again_when_one_has_leaked(workspace, clock):
    account = workspace.giga_account

    def taken() -> int:
        return [account.take_for_launch() for _ in range(6)].count(True)

    counts = []
    for seconds in (0, 1, 0.2, 1, 60):
        clock.now += seconds
        counts.append(taken())
    assert counts == [pace.BUCKET, 0, 1, 0, pace.BUCKET]


def test_people_leave_a_request_for_what_costs_money(workspace, clock):
    account = workspace.giga_account
    assert [account.take_for_person() for _ in range(6)].count(True) == pace.BUCKET - 1
    assert account.take_for_launch()


@pytest.mark.django_db(transaction=True)
def test_all_who_ask_in_one_moment_get_no_more(budget_clock):
    account = factories.make_workspace().giga_account

    def take(_):
        try:
            return account.take_for_launch()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(take, range(24))).count(True) == pace.BUCKET


def test_what_a_dead_process_had_booked_passes_by_unused(workspace, clock, requests):
    """The next one reads behind it, not beside it."""
    active_runs(workspace, 5)
    for _ in range(20):
        requests.slice().round()  # books, reads once and is killed
        GigaAccount.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        clock.now += 0.5
    assert len(requests.made) <= pace.BUCKET + 10 * pace.RATE_PER_S


def test_a_reading_that_comes_too_late_is_not_sent_and_its_run_is_due_at_once(workspace, clock, monkeypatch):
    """As in a process that was stopped for a while: its time in the budget is over."""
    monkeypatch.setattr(watcher, "refresh", lambda *args, **kwargs: pytest.fail("it was read"))
    active_runs(workspace, 1)
    jobs = []
    process = Slice(lambda job, *args: jobs.append((job, args)))
    process.round()
    clock.now += pace.LATE_S + 0.1
    job, args = jobs.pop()
    job(*args)
    pass_time(clock, 2.5, process.round)
    assert len(jobs) == 1


def test_what_the_database_took_long_to_book_passes_by_unused(workspace, clock, requests, monkeypatch):
    """Nobody knows when its turn is."""
    active_runs(workspace, 5)
    book, took_s = GigaAccountQuerySet.book_readings, [pace.LATE_S + 1, 0.0]

    def book_slowly(self, *args, **kwargs):
        booked = book(self, *args, **kwargs)
        clock.now += took_s.pop(0) if took_s else 0
        return booked

    monkeypatch.setattr(GigaAccountQuerySet, "book_readings", book_slowly)
    process = requests.slice()
    process.round()
    assert requests.made == []
    pass_time(clock, 2, process.round)
    assert len(requests.made) == 2


def test_booking_for_many_keys_takes_as_many_queries_as_for_one(db, clock, django_assert_num_queries):
    keys = [factories.make_workspace(f"Team {number}").giga_account.pk for number in range(9)]
    counts = set()
    for some in (keys[:1], keys):
        with django_assert_num_queries(4):  # begin, read, write, commit
            booked = GigaAccount.objects.book_readings(dict.fromkeys(some, 2), neglected=())
        counts |= {len(turns) for turns in booked.values()}
        clock.now += 10
    assert counts == {2}


class TestLaunching:
    @pytest.fixture
    def answers(self):
        with responses.RequestsMock(assert_all_requests_are_fired=False) as answers:
            answers.post(f"{URL}/api/sessions", json={"threadId": "t1", "messageId": "m1"}, status=201)
            answers.add_callback(
                "POST", f"{URL}/api/sessions/t1/runs", lambda request: (201, {}, started_somehow())
            )
            yield answers

    def accept(self, operator) -> Run:
        return accepting.accept_launch(membership_of(operator), launch_token=uuid.uuid4(), **CONFIGURATION)

    def test_ten_launches_beside_five_active_runs_are_all_sent_within_thirty_seconds(
        self, noon, workspace, operator, answers, clock, requests
    ):
        """In the order in which they were pressed."""
        active_runs(workspace, 5)
        process = requests.slice()
        pass_time(clock, 20, process.round)
        waiting, sent = [self.accept(operator).pk for _ in range(10)], []
        due_at = dict.fromkeys(waiting, clock.now)
        pressed_at = clock.now
        while waiting and clock.now - pressed_at <= 30:
            for pk in [pk for pk in waiting if due_at[pk] <= clock.now]:
                Run.objects.filter(pk=pk).update(due_at=noon)
                launching.launch(pk)
                run = Run.objects.get(pk=pk)
                if run.status == Status.QUEUED:  # the wall's clock stands still at noon
                    due_at[pk] = clock.now + (run.due_at - noon).total_seconds()
                else:
                    waiting.remove(pk)
                    sent.append(pk)
            pass_time(clock, 1, process.round)
        assert len(sent) == 10 and sent == sorted(sent)

    def test_a_session_that_took_long_to_make_takes_its_second_request_anew(
        self, workspace, operator, answers, clock, monkeypatch
    ):
        """The one it had is late."""
        steady = iter([0.0, pace.LATE_S + 1])
        monkeypatch.setattr(launching, "time", SimpleNamespace(monotonic=lambda: next(steady)))
        GigaAccount.objects.update(free_at=clock.now + 2 * pace.STEP_S)
        run = self.accept(operator)
        launching.launch(run.pk)
        run.refresh_from_db()
        assert (run.status, run.agent_session.thread_id) == (Status.QUEUED, "t1")
        assert len(answers.calls) == 1


class TestWhatPeopleAskFor:
    """Conversations and files are read when somebody looks, without taking the budget from launches."""

    @pytest.fixture
    def agent_session(self, workspace):
        return factories.make_session(workspace, deployment_id="dep_1")

    @pytest.fixture
    def giga(self, agent_session):
        with responses.RequestsMock(assert_all_requests_are_fired=False) as giga:
            thread = {"thread": {"messages": [{"role": "user", "content": "Hello"}]}}
            giga.get(f"{URL}/api/sessions/{agent_session.thread_id}", json=thread)
            giga.get(f"{URL}/api/files?deploymentId=dep_1", json={"files": [{"id": "f1"}]})
            yield giga

    def read_thread(self, client, agent_session) -> str:
        address = f"/sessions/{agent_session.pk}/thread/"
        return client.post(address, headers={"HX-Request": "true"}).content.decode()

    def test_what_was_read_seconds_ago_is_not_asked_for_again(
        self, noon, client, viewer, agent_session, giga, monkeypatch
    ):
        monkeypatch.setattr(files, "FRESH_S", 3600)  # of a clock that nobody can stop
        client.force_login(viewer)
        for _ in range(5):
            assert "Hello" in self.read_thread(client, agent_session)
            assert b"f1" in client.get(f"/sessions/{agent_session.pk}/files/").content
        assert len(giga.calls) == 2

    def test_one_person_asks_so_often_a_minute_and_a_colleague_as_often(
        self, noon, client, viewer, operator, agent_session, giga
    ):
        def read_all_the_time():
            for _ in range(15):
                AgentSession.objects.update(thread_read_at=None)
                GigaAccount.objects.update(free_at=0)
                page = self.read_thread(client, agent_session)
            return page

        client.force_login(viewer)
        assert "You asked Giga 12 times within a minute" in read_all_the_time()
        assert len(giga.calls) == 12
        client.force_login(operator)
        read_all_the_time()
        assert len(giga.calls) == 24
