"""Asking Giga how a run is, and what becomes of the answers."""

from datetime import UTC, datetime, timedelta

import pytest
import responses
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as drawn
from hypothesis import strategies as some

from runs import following, tasks
from runs.models import GigaAccount, Run, RunEvent
from runs.sayings import told
from runs.status import READABLE, Status
from tests import factories
from tests.test_giga import UNREADABLE

URL = "https://api.giga.example"
RUN_URL = f"{URL}/api/sessions/t1/runs/run_1"
DESKTOP = "https://6080-abc.e2b.app/vnc.html?autoconnect=true"


@pytest.fixture
def workspace(db):
    return factories.make_workspace(api_url=URL)


@pytest.fixture
def run(workspace):
    agent_session = factories.make_session(workspace, thread_id="t1")
    return factories.make_run(workspace, Status.STARTING, agent_session=agent_session, remote_id="run_1")


def answer(word, *, completed=False, errored=False, **metadata):
    return {
        "id": "run_1",
        "status": word,
        "isCompleted": completed,
        "isErrored": errored,
        "metadata": metadata,
    }


def refresh(run, *, thread=None, **reply) -> Run:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as answers:
        answers.get(RUN_URL, **reply)
        answers.get(f"{URL}/api/sessions/t1", json={"thread": thread})
        following.refresh(run.pk)
    run.refresh_from_db()
    return run


def test_a_run_goes_through_its_life(run):
    refresh(run, json=answer("QUEUED"))
    assert run.status == Status.STARTING
    refresh(run, json=answer("RUNNING", sandboxStatus="initializing"))
    assert run.status == Status.STARTING and not run.has_desktop
    refresh(run, json=answer("RUNNING", sandboxStatus="ready", sandboxId="abc", vncUrl=DESKTOP))
    assert run.status == Status.RUNNING and run.started_at
    assert run.has_desktop and run.desktop_url == DESKTOP and run.desktop_kind == "page"
    refresh(run, json=answer("COMPLETED", completed=True, sandboxStatus="ready", vncUrl=DESKTOP))
    assert run.status == Status.COMPLETED and run.ended_at and run.due_at is None


def test_the_desktops_address_is_sealed_and_erased_at_the_end(run):
    refresh(run, json=answer("RUNNING", sandboxStatus="ready", vncUrl=DESKTOP))
    assert ".e2b." not in run.sealed_desktop_url and ".e2b." not in str(run.raw_answer)
    refresh(run, json=answer("FAILED", completed=True, errored=True, sandboxStatus="ready", vncUrl=DESKTOP))
    assert run.sealed_desktop_url == run.sealed_public_token == run.desktop_kind == ""


def test_a_number_that_no_database_keeps_does_not_hold_up_the_end(run):
    body = b'{"status": "COMPLETED", "isCompleted": true, "cost": 1e999, "debt": [-1e999]}'
    refresh(run, body=body)
    assert run.status == Status.COMPLETED
    assert run.raw_answer["cost"] == "…" and run.raw_answer["debt"] == ["…"]


def test_the_conversation_is_kept_when_the_run_ends(run):
    said = {"messages": [{"role": "assistant", "content": "All done.", "createdAt": "2026-11-23T10:00:00Z"}]}
    refresh(run, json=answer("COMPLETED", completed=True), thread=said)
    kept = run.agent_session.thread
    assert kept["messages"] == [{"role": "assistant", "text": "All done.", "at": "2026-11-23T10:00:00+00:00"}]
    assert run.agent_session.thread_read_at


def test_a_conversation_that_cannot_be_read_does_not_disturb_the_end(run):
    refresh(run, json=answer("COMPLETED", completed=True), thread=None)
    assert run.status == Status.COMPLETED and run.agent_session.thread is None


def test_an_unchanged_answer_writes_nothing_and_returns_its_time(run):
    refresh(run, json=answer("QUEUED"))
    events, before = RunEvent.objects.count(), Run.objects.values().get(pk=run.pk)
    with responses.RequestsMock() as answers:
        answers.get(RUN_URL, json=answer("QUEUED"))
        assert following.refresh(run.pk) > before["contact_at"]
    assert RunEvent.objects.count() == events
    assert Run.objects.values().get(pk=run.pk) == before


def test_an_address_is_not_used_before_its_computer_is_ready(run):
    refresh(run, json=answer("RUNNING", sandboxStatus="initializing", vncUrl=DESKTOP))
    assert not run.has_desktop


@pytest.mark.parametrize("sandbox_status", ["ready", "restored", "READY"])
def test_a_restored_computer_is_as_good_as_a_ready_one(run, sandbox_status):
    assert refresh(run, json=answer("RUNNING", sandboxStatus=sandbox_status, vncUrl=DESKTOP)).has_desktop


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://u@a.example/", "http://localhost:8000/", 7, {}]
)
def test_a_bad_address_is_refused_and_said(run, url):
    refresh(run, json=answer("RUNNING", sandboxStatus="ready", vncUrl=url))
    assert run.status == Status.RUNNING and not run.has_desktop
    assert run.desktop_problem.startswith("Giga gave a desktop address that is not shown")


def test_a_good_address_after_a_bad_one_is_shown(run):
    refresh(run, json=answer("RUNNING", sandboxStatus="ready", vncUrl="javascript:x"))
    refresh(run, json=answer("RUNNING", sandboxStatus="ready", vncUrl=DESKTOP))
    assert run.has_desktop and run.desktop_problem == ""


def test_an_unknown_word_is_shown_as_it_came_and_asking_goes_on(run):
    refresh(run, json=answer("RUNNING"))
    refresh(run, json=answer("PONDERING"))
    assert (run.status, run.remote_word) == (Status.RUNNING, "PONDERING")
    assert run.note.text == "Giga says “PONDERING”"
    assert refresh(run, json=answer("PONDERING", completed=True)).status == Status.INCONCLUSIVE


def test_final_stays_final(run):
    refresh(run, json=answer("COMPLETED", completed=True))
    assert not run.move_to(Status.RUNNING)
    following.refresh(run.pk)
    run.refresh_from_db()
    assert run.status == Status.COMPLETED


def test_an_answer_asked_earlier_never_overwrites_one_asked_later(run):
    now = timezone.now()
    assert run.move_to(Status.RUNNING, asked_at=now)
    assert not run.move_to(Status.WAITING, asked_at=now - timedelta(seconds=1))
    run.refresh_from_db()
    assert run.status == Status.RUNNING


def test_something_can_be_noted_without_changing_anything(run):
    assert run.record("note", why="Somebody looked.")
    assert run.events.first().why == "Somebody looked."


def test_of_two_that_saw_the_same_only_one_moves_it(run):
    twin = Run.objects.get(pk=run.pk)
    assert run.move_to(Status.RUNNING)
    assert not twin.move_to(Status.FAILED)


@pytest.mark.parametrize("status, body", UNREADABLE)
def test_an_unreadable_answer_keeps_the_last_known_status(run, status, body):
    refresh(run, body=body, status=status)
    assert run.status == Status.STARTING
    assert run.failed_reads == 1 and run.due_at > timezone.now()


def test_no_contact_is_a_mark_with_its_time_and_not_a_status(noon, run):
    refresh(run, body="", status=502)
    assert not run.has_no_contact
    refresh(run, body="", status=502)
    assert run.has_no_contact and run.status == Status.STARTING
    assert run.note.text == f"no contact since {timezone.localtime(run.contact_at or run.queued_at):%H:%M}"
    run.contact_at = datetime(2026, 3, 2, 16, 20, tzinfo=UTC)
    assert run.note.text == "no contact since 2 Mar 16:20"
    refresh(run, json=answer("QUEUED"))
    assert not run.has_no_contact
    assert "contact" in run.events.values_list("kind", flat=True)


def test_a_missing_run_is_not_lost_before_five_readings_over_five_minutes(run):
    gone = {"json": {"error": {"code": "RESOURCE_NOT_FOUND"}}, "status": 404}
    for _ in range(6):
        refresh(run, **gone)
    assert run.status == Status.STARTING
    Run.objects.filter(pk=run.pk).update(gone_since=timezone.now() - timedelta(minutes=5))
    assert refresh(run, **gone).status == Status.LOST


def test_an_unreadable_run_is_lost_half_an_hour_after_its_time(run):
    Run.objects.filter(pk=run.pk).update(accepted_at=timezone.now() - timedelta(minutes=89))
    assert refresh(run, body="", status=502).status == Status.STARTING
    Run.objects.filter(pk=run.pk).update(accepted_at=timezone.now() - timedelta(minutes=91))
    assert refresh(run, body="", status=502).status == Status.LOST


def test_a_refused_key_stops_all_asking(run):
    refresh(run, json={"error": {"code": "UNAUTHORIZED", "message": "No such key."}}, status=401)
    account = GigaAccount.objects.get()
    assert account.paused_at and not account.take_for_launch()


def test_a_key_that_was_replaced_while_it_was_refused_is_not_paused(run):
    seen = seen_by_the_watcher(run)
    account = GigaAccount.objects.get()
    account.api_key = "giga_sk_" + "f" * 32
    account.save()
    with responses.RequestsMock() as answers:
        answers.get(RUN_URL, json={"error": {"code": "UNAUTHORIZED", "message": "No."}}, status=401)
        following.refresh(run.pk, seen=seen)
    assert GigaAccount.objects.get().paused_at is None


def test_retry_after_holds_for_the_whole_key(run):
    refresh(run, json={"error": {"code": "RATE_LIMITED"}}, status=429, headers={"Retry-After": "30"})
    account = GigaAccount.objects.get()
    assert account.not_before > timezone.now() + timedelta(seconds=25)
    assert not account.take_for_launch()
    assert run.failed_reads == 0


@pytest.mark.parametrize(
    "status, body",
    [(429, "Too many requests"), (429, '{"message": "slow down"}'), (503, ""), (500, "<html>")],
)
@pytest.mark.parametrize("said_s", [120, 3600])
def test_retry_after_is_kept_to_whoever_says_so(run, status, body, said_s):
    """A gateway on the way, too, in words of its own, and however long it is."""
    refresh(run, body=body, status=status, headers={"Retry-After": str(said_s)})
    account = GigaAccount.objects.get()
    assert account.not_before > timezone.now() + timedelta(seconds=said_s - 20)
    assert not account.is_open and not account.take_for_launch() and not account.take_for_person()


def test_a_long_wait_says_until_when(noon, run):
    refresh(run, json={"error": {"code": "RATE_LIMITED"}}, status=429, headers={"Retry-After": "7200"})
    why_not = GigaAccount.objects.get().why_not_open()
    assert told(why_not) == "Waiting for the rate limit of Giga, until 14:00."


def seen_by_the_watcher(run) -> Run:
    return Run.objects.for_schedule().get(pk=run.pk)


class TestAgainstARowReadAMomentAgo:
    """The watcher has read the row before; only an answer that is news makes it read the row again."""

    def test_an_answer_that_is_no_news_needs_no_query(self, run, django_assert_num_queries):
        told = answer("RUNNING", sandboxStatus="ready", sandboxId="abc", vncUrl=DESKTOP)
        refresh(run, json=told)
        seen = seen_by_the_watcher(run)
        with responses.RequestsMock() as answers, django_assert_num_queries(0):
            answers.get(RUN_URL, json=told)
            assert following.refresh(run.pk, seen=seen)

    def test_news_is_judged_by_the_row_as_it_is_now(self, run):
        seen = seen_by_the_watcher(run)
        running = answer("RUNNING", sandboxStatus="ready", vncUrl=DESKTOP)
        refresh(run, json=running)
        events = RunEvent.objects.count()
        with responses.RequestsMock() as answers:
            answers.get(RUN_URL, json=running)
            assert following.refresh(run.pk, seen=seen)
        assert RunEvent.objects.count() == events

    def test_a_run_that_ended_meanwhile_stays_as_it_is(self, run):
        seen = seen_by_the_watcher(run)
        refresh(run, json=answer("COMPLETED", completed=True))
        before = Run.objects.values().get(pk=run.pk)
        for word in ("RUNNING", "FAILED"):
            with responses.RequestsMock() as answers:
                answers.get(RUN_URL, json=answer(word, sandboxStatus="ready", vncUrl=DESKTOP))
                assert following.refresh(run.pk, seen=seen) is None
        assert Run.objects.values().get(pk=run.pk) == before

    def test_a_failed_reading_is_counted_on_the_row_as_it_is_now(self, run):
        seen = seen_by_the_watcher(run)
        for _ in range(3):
            with responses.RequestsMock() as answers:
                answers.get(RUN_URL, body="", status=502)
                following.refresh(run.pk, seen=seen)
        run.refresh_from_db()
        assert run.failed_reads == 3 and run.has_no_contact
        GigaAccount.objects.update(outages=0, broken_since=None)
        refresh(run, json=answer("QUEUED"))
        assert run.failed_reads == 0


def test_an_adopted_run_without_an_id_is_followed_through_its_session(run):
    Run.objects.filter(pk=run.pk).update(remote_id=None)
    with responses.RequestsMock() as answers:
        thread = {
            "messages": [],
            "status": "RUNNING",
            "metadata": {"sandboxStatus": "ready", "vncUrl": DESKTOP},
        }
        answers.get(f"{URL}/api/sessions/t1", json={"thread": thread})
        following.refresh(run.pk)
    run.refresh_from_db()
    assert run.status == Status.RUNNING and run.has_desktop


json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=8,
)
hostile_runs = some.fixed_dictionaries(
    {},
    optional={
        "status": json_values | some.sampled_from(["RUNNING", "COMPLETED", "FOO", ""]),
        "isCompleted": json_values,
        "isErrored": json_values,
        "metadata": some.dictionaries(
            some.sampled_from(["sandboxId", "sandboxStatus", "vncUrl"]),
            json_values | some.sampled_from(["ready", DESKTOP, "javascript:alert(1)"]),
        )
        | json_values,
    },
)


@pytest.mark.long
@drawn(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=hostile_runs)
def test_whatever_giga_sends_nothing_breaks_and_nothing_is_stuck(run, body):
    Run.objects.filter(pk=run.pk).update(status=Status.STARTING, due_at=timezone.now(), failed_reads=0)
    refresh(run, json=body)
    assert run.is_final or (run.status in READABLE and run.due_at)
    assert run.note is None or run.note.text


class TestOfARefusedKey:
    """About its runs Giga is not asked any more."""

    @pytest.fixture
    def refused(self, workspace):
        GigaAccount.objects.update(paused_at=timezone.now() - timedelta(hours=2), paused_reason="No.")

    @pytest.mark.parametrize("status", [Status.STARTING, Status.RUNNING, Status.WAITING, Status.UNKNOWN])
    def test_a_run_does_not_stay_active_long_after_its_time(self, workspace, refused, status):
        began = timezone.now() - timedelta(hours=1, minutes=31)
        run = factories.make_run(workspace, status, sent_at=began, accepted_at=began, started_at=began)
        tasks.tick()
        run.refresh_from_db()
        assert (run.status, run.reason) == (Status.LOST, "No contact until long after its time was over.")

    def test_a_run_within_its_time_stays_as_it_was(self, workspace, refused):
        run = factories.make_run(workspace)
        tasks.tick()
        run.refresh_from_db()
        assert run.status == Status.RUNNING

    def test_a_key_that_works_goes_on_being_asked_instead(self, workspace):
        began = timezone.now() - timedelta(hours=9)
        run = factories.make_run(workspace, accepted_at=began, started_at=began)
        tasks.tick()
        run.refresh_from_db()
        assert run.status == Status.RUNNING
