"""What becomes of a run whose start was sent and whose answer was lost."""

from datetime import timedelta

import pytest
import responses
from django.utils import timezone

from people.models import membership_of
from runs import launching, settling
from runs.models import Run, RunEvent
from runs.status import Status
from tests import factories

URL = "https://api.giga.example"
HELLO = {"role": "user", "content": "Hello"}


@pytest.fixture
def workspace(db):
    return factories.make_workspace(api_url=URL)


@pytest.fixture
def run(workspace):
    agent_session = factories.make_session(workspace, thread_id="t1")
    sent_at = timezone.now() - timedelta(minutes=3)
    return factories.make_run(workspace, Status.UNKNOWN, agent_session=agent_session, sent_at=sent_at)


def settle(run, times=1, **answer) -> Run:
    with responses.RequestsMock() as answers:
        answers.get(f"{URL}/api/sessions/t1", **answer)
        for _ in range(times):
            settling.settle(run.pk)
    run.refresh_from_db()
    return run


def test_a_computer_in_the_session_means_it_did_start(run):
    thread = {"messages": [HELLO], "metadata": {"sandboxId": "abc", "sandboxStatus": "ready"}}
    settle(run, json={"thread": thread})
    assert (run.status, run.sandbox_id, run.remote_id) == (Status.STARTING, "abc", None)
    assert run.due_at <= timezone.now()


def test_a_named_run_is_adopted_with_its_id(run):
    settle(run, json={"thread": {"messages": [HELLO, HELLO], "metadata": {"runId": "run_9"}}})
    assert (run.status, run.remote_id) == (Status.STARTING, "run_9")


def test_another_runs_id_is_not_taken_over(run, workspace):
    factories.make_run(workspace, remote_id="run_9")
    settle(run, json={"thread": {"messages": [HELLO, HELLO], "metadata": {"runId": "run_9"}}})
    assert (run.status, run.remote_id) == (Status.STARTING, None)


def test_three_readings_without_a_run_mean_that_it_never_began(run):
    settle(run, times=2, json={"thread": {"messages": [HELLO]}})
    assert run.status == Status.UNKNOWN
    settle(run, json={"thread": {"messages": [HELLO]}})
    assert run.status == Status.NOT_STARTED
    assert run.ended_at and run.due_at is None


def test_the_three_readings_span_two_minutes(run):
    start = timezone.now()
    waited = timedelta()
    launching.give_up_sending(
        factories.make_run(run.workspace, Status.SENDING, agent_session=run.agent_session)
    )
    other = Run.objects.latest("id")
    waited += other.due_at - start
    for _ in range(2):
        asked = timezone.now()
        settle(other, json={"thread": {"messages": [HELLO]}})
        waited += other.due_at - asked
    assert waited >= timedelta(seconds=120)


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {"thread": {"turns": 3}}},
        {"json": {"thread": None}},
        {"json": {"error": {"code": "RESOURCE_NOT_FOUND"}}, "status": 404},
        {"body": "<html>", "status": 502},
        {"body": "", "status": 200},
    ],
)
def test_what_cannot_be_read_proves_nothing(run, answer):
    settle(run, times=6, **answer)
    assert run.status == Status.UNKNOWN
    assert run.due_at > timezone.now()


def test_reading_in_vain_is_said_once(run):
    settle(run, times=4, body="", status=502)
    assert RunEvent.objects.filter(run=run, kind="settle").count() == 1


def test_a_person_may_say_that_it_runs(run, operator):
    assert settling.settle_by_person(run, membership_of(operator), did_start=True, remote_id="run_7")
    run.refresh_from_db()
    assert (run.status, run.remote_id) == (Status.STARTING, "run_7")
    assert run.events.first().by == operator


def test_a_person_may_say_that_it_never_began(run, operator):
    assert settling.settle_by_person(run, membership_of(operator), did_start=False)
    run.refresh_from_db()
    assert run.status == Status.NOT_STARTED


def test_a_decision_comes_too_late_when_it_is_settled(run, operator):
    stale = Run.objects.get(pk=run.pk)
    run.move_to(Status.STARTING)
    assert not settling.settle_by_person(stale, membership_of(operator), did_start=False)
    run.refresh_from_db()
    assert run.status == Status.STARTING


def test_another_runs_id_is_refused(run, operator, workspace):
    factories.make_run(workspace, remote_id="run_7")
    assert not settling.settle_by_person(run, membership_of(operator), did_start=True, remote_id="run_7")


def test_a_viewer_does_not_decide(run, viewer):
    with pytest.raises(launching.NotAllowed):
        settling.settle_by_person(run, membership_of(viewer), did_start=False)
