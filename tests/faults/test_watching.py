"""What may go wrong while a run is followed or settled, through a real network to a simulated Giga."""

import json

import pytest
from django.utils import timezone

from runs import following, settling
from runs import giga as client
from runs.giga import Access
from runs.models import LOST_AFTER, Run
from runs.status import READABLE, Status
from tests import factories
from tests.faults.clock import let_pass
from tests.faults.raw import http as answer_of

pytestmark = [pytest.mark.any_database, pytest.mark.long]

CONFIGURATION = {
    "user_prompt": "Download the invoices",
    "goal_prompt": "All are there",
    "system_prompt": "",
    "sandbox_template": "giga-standard",
    "duration_hours": 1,
    "deployment_id": "",
}


@pytest.fixture
def started(workspace):
    """Start runs at Giga, and have their rows."""

    def start(count: int = 1, status=Status.STARTING, **fields) -> list[Run]:
        access = Access(workspace.giga_account.api_url, factories.KEY)
        runs = []
        for _ in range(count):
            session = client.create_session(access, **CONFIGURATION)
            remote = client.start_run(access, thread_id=session.thread_id, message="Go")
            row = factories.make_session(workspace, thread_id=session.thread_id)
            known = {"remote_id": remote.run_id if status in READABLE else None, **fields}
            runs.append(factories.make_run(workspace, status, agent_session=row, **known))
        return runs

    return start


def read(run: Run) -> Run:
    (settling.settle if run.status == Status.UNKNOWN else following.refresh)(run.pk)
    run.refresh_from_db()
    return run


def at_its_end(run: Run) -> None:
    """Let the paid time of a run pass, and half an hour more."""
    let_pass(3600 + LOST_AFTER.total_seconds() + 120)
    run.refresh_from_db()


@pytest.mark.parametrize(
    "scenario",
    ["drip", "huge", "garbage", "html-200", "text-503", "bad-gateway", "unreachable", "success-false"],
)
def test_a_reading_that_fails_is_marked_and_the_next_good_one_heals_it(started, giga, monkeypatch, scenario):
    [run] = started()
    giga.befall(scenario, "read-run")
    with monkeypatch.context() as impatient:
        impatient.setattr(client, "READ_S", 0.3)  # what drips does so for ever
        read(run)
        assert read(run).status == Status.STARTING
    assert run.has_no_contact and run.due_at > timezone.now()
    giga.befall("default")
    giga.advance(10)
    assert read(run).status == Status.RUNNING
    assert not run.has_no_contact and run.has_desktop


def test_a_giga_that_is_away_while_48_runs_end_is_caught_up_with(started, giga, network):
    runs = started(48)
    network.down()
    for run in runs:
        assert read(run).status == Status.STARTING
    giga.advance(1000)
    network.up()
    let_pass(60)
    assert {read(run).status for run in runs} == {Status.COMPLETED}


def test_a_giga_that_does_not_know_a_new_run_for_two_minutes_is_waited_for(started, giga):
    [run] = started()
    giga.befall("not-found", "read-run")
    for _ in range(8):
        assert read(run).status == Status.STARTING
        let_pass(15)
    giga.befall("default")
    assert read(run).status in READABLE
    assert run.gone_since is None


def test_a_gateway_that_knows_no_address_does_not_lose_a_run(raw, workspace):
    """A 404 counts only in the words Giga documents: a proxy in between has its own."""
    server = raw(lambda _: [answer_of(b"<h1>404 Not Found</h1>", "404 Not Found", Content_Type="text/html")])
    run = row_at(server, workspace)
    for _ in range(12):
        assert read(run).status == Status.RUNNING
        let_pass(60)
    assert run.has_no_contact


def row_at(server, workspace, **fields) -> Run:
    account = workspace.giga_account
    account.api_url = server.url
    account.save()
    return factories.make_run(workspace, **fields)


def said(word, **metadata) -> bytes:
    body = {"status": word, "isCompleted": False, "isErrored": False, "metadata": metadata}
    return answer_of(json.dumps(body).encode())


def test_a_desktop_that_turns_into_a_script_is_taken_away_and_the_run_goes_on(raw, workspace):
    good = said("RUNNING", sandboxStatus="ready", vncUrl="https://6080-abc.e2b.app/vnc.html")
    bad = said("RUNNING", sandboxStatus="ready", vncUrl="javascript:alert(1)")
    answers = iter([good, bad, good])
    run = row_at(raw(lambda _: [next(answers)]), workspace)
    assert read(run).has_desktop
    assert read(run).status == Status.RUNNING
    assert not run.has_desktop and "not shown" in run.desktop_problem
    assert read(run).has_desktop


def test_answers_whose_status_has_another_name_are_unread_and_not_understood_wrongly(raw, workspace):
    renamed = answer_of(b'{"state": "COMPLETED", "isCompleted": true, "isErrored": false, "metadata": {}}')
    run = row_at(raw(lambda _: [renamed]), workspace)
    read(run)
    assert read(run).status == Status.RUNNING
    assert run.has_no_contact


# Adopted, unknown, and for ever


def test_an_unknown_run_that_stays_unreadable_is_lost_half_an_hour_after_its_time(started, giga):
    [run] = started(status=Status.UNKNOWN)
    giga.befall("bad-gateway", "read-session")
    assert read(run).status == Status.UNKNOWN
    at_its_end(run)
    assert read(run).status == Status.LOST
    assert run.due_at is None


def test_an_unknown_run_whose_thread_has_no_known_form_is_lost_then_too(started, giga):
    [run] = started(status=Status.UNKNOWN)
    giga.befall("thread-unknown")
    assert read(run).status == Status.UNKNOWN
    at_its_end(run)
    assert read(run).status == Status.LOST


def test_an_adopted_run_whose_session_tells_no_status_does_not_stay_active_for_ever(started, giga):
    [run] = started(status=Status.UNKNOWN)
    giga.befall("thread-b")
    assert read(run).status == Status.STARTING
    assert read(run).status == Status.STARTING
    at_its_end(run)
    assert read(run).status == Status.INCONCLUSIVE
    assert run.reason == "Its session tells no status, and its paid time is long over."


def test_three_readings_in_a_row_prove_nothing(workspace, network, giga):
    """They have to span two minutes: a run may show late."""
    access = Access(network.url, factories.KEY)
    session = client.create_session(access, **CONFIGURATION)
    row = factories.make_session(workspace, thread_id=session.thread_id)
    run = factories.make_run(workspace, Status.UNKNOWN, agent_session=row, sent_at=timezone.now())
    for _ in range(6):
        assert read(run).status == Status.UNKNOWN
    client.start_run(access, thread_id=session.thread_id, message="Go")
    assert read(run).status == Status.STARTING


def test_a_run_that_shows_late_is_found(workspace, network, giga):
    access = Access(network.url, factories.KEY)
    session = client.create_session(access, **CONFIGURATION)
    row = factories.make_session(workspace, thread_id=session.thread_id)
    run = factories.make_run(workspace, Status.UNKNOWN, agent_session=row)
    read(run)
    let_pass(45)
    read(run)
    client.start_run(access, thread_id=session.thread_id, message="Go")
    let_pass(81)
    assert read(run).status == Status.STARTING
