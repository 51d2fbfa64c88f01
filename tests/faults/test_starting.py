"""What may go wrong while a run is started, through a real network to a simulated Giga: one start at most,
and a status that is true."""

import uuid

import pytest
from django.utils import timezone

from people.models import membership_of
from runs import accepting, http, launching, settling
from runs import giga as client
from runs.models import GigaAccount, Run
from runs.status import Status
from tests.faults.clock import let_pass

pytestmark = [pytest.mark.any_database, pytest.mark.long]


@pytest.fixture
def impatient(monkeypatch):
    """A deadline a test can wait for, of starts alone: it is long enough for Giga to hear of them."""
    monkeypatch.setattr(client, "START_RUN_S", 1.5)


@pytest.fixture
def run(operator) -> Run:
    return accepting.accept_launch(
        membership_of(operator),
        launch_token=uuid.uuid4(),
        user_prompt="Download the invoices",
        goal_prompt="All are there",
        system_prompt="",
        sandbox_template="giga-standard",
        duration_hours=1,
        deployment_id="",
    )


def launch(run: Run) -> Run:
    launching.launch(run.pk)
    run.refresh_from_db()
    return run


def settle(run: Run) -> Run:
    """Let the times of three readings come, and read."""
    for _ in range(3):
        let_pass(81)
        settling.settle(run.pk)
    run.refresh_from_db()
    return run


def was(run: Run) -> list[str]:
    return list(run.events.filter(kind="status").order_by("id").values_list("now", flat=True))


def test_an_answer_held_for_long_is_waited_for(run, giga):
    giga.befall("slow-start", "start-run", speed=150)
    assert launch(run).status == Status.STARTING
    assert run.remote_id == giga.runs[0]["run_id"]


def test_a_start_whose_answer_never_comes_is_found_and_adopted(run, giga, impatient):
    agree_on_a_session(run)
    giga.befall("answer-timeout", "start-run")
    assert launch(run).status == Status.UNKNOWN
    giga.advance(10)
    assert settle(run).status == Status.STARTING
    assert run.sandbox_id == giga.runs[0]["sandbox_id"]
    assert len(giga.runs) == giga.asked("POST", "/runs") == 1


def test_a_start_that_giga_never_heard_ends_as_not_started(run, giga, network, impatient):
    agree_on_a_session(run)
    network.does(is_silent=True)
    assert launch(run).status == Status.UNKNOWN
    network.works()
    assert settle(run).status == Status.NOT_STARTED
    assert giga.asked("POST", "/runs") == 0


def test_a_reset_after_the_start_was_heard_is_found_and_adopted(run, giga, network):
    agree_on_a_session(run)
    network.does(limit=0, is_reset=True)
    assert launch(run).status == Status.UNKNOWN
    network.works()
    giga.advance(10)
    assert settle(run).status == Status.STARTING
    assert len(giga.runs) == giga.asked("POST", "/runs") == 1


def agree_on_a_session(run: Run) -> None:
    """As if Giga had made the session in an earlier try."""
    run.agent_session.refresh_from_db()
    launching._create_session(run, run.workspace.giga_account)


def test_a_giga_that_refuses_three_connections_gets_one_start_and_nobody_is_frightened(run, giga, network):
    network.down()
    for _ in range(3):
        assert launch(run).status == Status.QUEUED
        let_pass(60)
    network.up()
    assert launch(run).status == Status.STARTING
    assert was(run) == ["queued", "sending", "starting"]
    assert len(giga.runs) == 1


def test_a_page_of_html_is_never_given_as_the_reason(run, giga):
    giga.befall("bad-gateway", "start-run")
    launch(run)
    assert run.reason == "Giga gave HTTP 502 without a reason"


def test_a_session_made_twice_is_used_once(run, giga, network):
    network.does(limit=30, is_reset=True)
    assert launch(run).status == Status.QUEUED
    network.works()
    let_pass(60)
    assert launch(run).status == Status.STARTING
    assert len(giga.ledger["sessions"]) == 2
    assert run.agent_session.thread_id == giga.runs[0]["thread_id"]


def test_each_moment_at_which_the_line_is_cut_ends_in_one_start_at_most(run, giga, network):
    for limit in range(0, 900, 150):
        network.does(limit=limit)
        launch(run)
        let_pass(60)
    network.works()
    launch(run)
    if run.status == Status.UNKNOWN:
        giga.advance(10)
        settle(run)
    assert run.status == Status.STARTING
    assert len(giga.runs) == 1
    assert run.agent_session.thread_id == giga.runs[0]["thread_id"]


# Those who hold a launch


def during(monkeypatch, call: str, do) -> None:
    """Do something while Giga is being asked this, the first time: before it hears it."""
    real, done = getattr(client, call), []

    def asked(*args, **kwargs):
        if not done:
            done.append(True)
            do()
        return real(*args, **kwargs)

    monkeypatch.setattr(client, call, asked)


def test_a_slow_session_does_not_shorten_the_time_for_the_start(run, giga, monkeypatch):
    left_s = []
    during(monkeypatch, "create_session", lambda: let_pass(20))
    during(monkeypatch, "start_run", lambda: left_s.append(lease_left_s(run)))
    launch(run)
    # What a start may take at most, before anybody else may take it for dead.
    assert left_s[0] > 35 + http.CONNECT_S


def lease_left_s(run: Run) -> float:
    return (Run.objects.get(pk=run.pk).claimed_until - timezone.now()).total_seconds()


def test_an_answer_that_comes_after_the_run_was_given_up_is_still_believed(run, giga, monkeypatch):
    during(monkeypatch, "start_run", lambda: launching.give_up_sending(Run.objects.get(pk=run.pk)))
    launch(run)
    assert (run.status, run.remote_id) == (Status.STARTING, giga.runs[0]["run_id"])
    assert was(run) == ["queued", "sending", "unknown", "starting"]


def test_a_launch_that_slept_through_its_claim_leaves_the_others_session_alone(run, giga, monkeypatch):
    def another_takes_over():
        let_pass(60)
        launching.launch(run.pk)

    during(monkeypatch, "create_session", another_takes_over)
    launch(run)
    assert len(giga.runs) == 1
    run.agent_session.refresh_from_db()
    assert run.agent_session.thread_id == giga.runs[0]["thread_id"]
    assert (run.status, run.remote_id) == (Status.STARTING, giga.runs[0]["run_id"])


def test_a_launch_that_slept_before_the_start_sends_nothing_any_more(run, giga, monkeypatch):
    """Stopped between the claim and the call; meanwhile somebody settled that it never began."""

    def sleep(point):
        if point == "sending_stored":
            let_pass(60)
            launching.give_up_sending(Run.objects.get(pk=run.pk))
            settle(Run.objects.get(pk=run.pk))

    monkeypatch.setattr(launching, "crash_point", sleep)
    launch(run)
    assert run.status == Status.NOT_STARTED
    assert giga.runs == []


def test_a_launch_that_slept_and_was_missed_by_nobody_sends_nothing_either(run, giga, monkeypatch):
    monkeypatch.setattr(
        launching, "crash_point", lambda point: let_pass(60) if point == "sending_stored" else None
    )
    launch(run)
    assert giga.runs == []
    assert list(Run.objects.stuck_sending(timezone.now())) == [run]


# Keys


def test_a_launch_waits_when_the_key_cannot_be_opened(run, giga, settings):
    settings.ENCRYPTION_KEYS = ["other:" + "A" * 43 + "="]
    assert launch(run).status == Status.QUEUED
    assert run.reason == "This workspace's Giga key cannot be opened with the encryption keys of this start."
    assert run.due_at > timezone.now()
    assert giga.ledger["requests"] == []


def test_a_refused_key_is_used_once_and_other_workspaces_go_on(run, giga, network):
    giga.befall("key-refused", "start-run")
    assert launch(run).status == Status.REJECTED
    account = GigaAccount.objects.get()
    assert account.paused_at and not account.is_open
    assert giga.asked("POST", "/runs") == 1
