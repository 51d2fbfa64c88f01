"""A further message in the same session: a launch like any other, one at a time, and never guessed about."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests
import responses
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from people.models import membership_of
from runs import accepting, following, launching, settling
from runs.accepting import NotAllowed, NotPossible
from runs.history import WHY_LENGTH
from runs.models import Run
from runs.status import Status
from simulator.config import Config
from simulator.server import start_in_thread
from tests import factories

URL = "https://api.giga.example"
STARTED = {"threadId": "t1", "runId": "run_2", "publicAccessToken": "token-2", "messageId": "m3"}
TASK = {"role": "user", "content": "Download the October invoices"}
BEGIN = {"role": "user", "content": "Start the task now."}
MORE = {"role": "user", "content": "Now November"}
DONE = {"role": "assistant", "content": "I am done."}
FIRST_COMPUTER = {"sandboxId": "abc", "sandboxStatus": "ready", "runId": "run_first"}


@pytest.fixture
def workspace(db):
    return factories.make_workspace(api_url=URL)


@pytest.fixture
def first(workspace):
    agent_session = factories.make_session(workspace, thread_id="t1")
    return factories.make_run(
        workspace, Status.COMPLETED, agent_session=agent_session, remote_id="run_first", sandbox_id="abc"
    )


@pytest.fixture
def agent_session(first):
    return first.agent_session


def send(agent_session, person, message="Now November", token=None) -> Run:
    token = token or accepting.follow_up_token(agent_session)
    return accepting.accept_follow_up(agent_session, membership_of(person), message=message, token=token)


def test_a_follow_up_is_a_queued_run_of_the_session_and_both_histories_say_so(agent_session, first, operator):
    run = send(agent_session, operator)
    assert (run.status, run.message, run.agent_session) == (Status.QUEUED, "Now November", agent_session)
    assert [(event.kind, event.by) for event in run.events.all()] == [("status", operator)]
    assert (first.events.first().kind, first.events.first().why) == ("follow_up", str(run.pk))


def test_a_long_message_is_kept_whole_and_its_event_as_far_as_a_column_goes(agent_session, operator):
    run = send(agent_session, operator, message="x" * 20_000)
    assert (len(run.message), len(run.events.get().why)) == (20_000, WHY_LENGTH)


def test_it_is_sent_once_with_its_message_and_without_a_new_session(agent_session, operator):
    run = send(agent_session, operator)
    with responses.RequestsMock() as answers:
        answers.post(f"{URL}/api/sessions/t1/runs", json=STARTED, status=201)
        launching.launch(run.pk)
        launching.launch(run.pk)
        assert [json.loads(call.request.body) for call in answers.calls] == [{"message": "Now November"}]
    run.refresh_from_db()
    assert (run.status, run.remote_id) == (Status.STARTING, "run_2")


def test_two_presses_are_one_run(agent_session, operator):
    token = accepting.follow_up_token(agent_session)
    assert send(agent_session, operator, token=token) == send(agent_session, operator, token=token)
    assert agent_session.runs.count() == 2


def test_of_two_people_at_once_the_second_is_told_and_nothing_is_mixed_up(agent_session, operator, workspace):
    token = accepting.follow_up_token(agent_session)
    other = factories.make_person(workspace)
    send(agent_session, operator, token=token)
    with pytest.raises(NotPossible):
        send(agent_session, other, message="Something else", token=token)
    assert [run.message for run in agent_session.runs.all()] == ["Now November", ""]


def test_the_database_takes_no_second_active_follow_up(agent_session, operator, workspace):
    send(agent_session, operator)
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.create(agent_session=agent_session, workspace=workspace, message="And December")


@pytest.mark.django_db(transaction=True)
def test_twenty_presses_at_the_same_moment_are_one_run(agent_session, operator):
    token = accepting.follow_up_token(agent_session)

    def press(number):
        try:
            return send(agent_session, operator, message=f"Message {number % 2}", token=token).pk
        except NotPossible:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(press, range(20)))
    assert agent_session.runs.active().count() == 1
    assert {pk for pk in made if pk} == {agent_session.runs.active().get().pk}


@pytest.mark.parametrize(
    "status, sentence",
    [
        (Status.RUNNING, "A follow-up can be sent when this run is final."),
        (Status.UNKNOWN, "Not possible while it is unknown whether a run is going on."),
    ],
)
def test_it_waits_for_the_run_before(workspace, operator, status, sentence):
    run = factories.make_run(workspace, status)
    with pytest.raises(NotPossible, match=sentence):
        send(run.agent_session, operator)
    assert run.agent_session.runs.count() == 1


def test_a_session_giga_never_created_has_no_follow_up(workspace, operator):
    agent_session = factories.make_session(workspace, thread_id="")
    factories.make_run(workspace, Status.REJECTED, agent_session=agent_session)
    with pytest.raises(NotPossible, match="never created"):
        send(agent_session, operator)


def test_a_session_of_another_giga_has_no_follow_up(workspace, operator):
    agent_session = factories.make_session(workspace, is_simulated=True)
    factories.make_run(workspace, Status.COMPLETED, agent_session=agent_session)
    with pytest.raises(NotPossible, match="another Giga"):
        send(agent_session, operator)


def test_a_viewer_sends_none(agent_session, viewer):
    with pytest.raises(NotAllowed):
        send(agent_session, viewer)
    assert agent_session.runs.count() == 1


def test_after_it_has_ended_another_one_may_follow(agent_session, operator):
    run = send(agent_session, operator)
    run.move_to(Status.COMPLETED)
    assert send(agent_session, operator, message="Now December").pk != run.pk


class TestUnknown:
    """Its answer was lost, and its session still shows what the run before it left."""

    @pytest.fixture
    def run(self, agent_session, operator):
        run = send(agent_session, operator)
        sent_at = timezone.now() - timedelta(minutes=3)
        run.move_to(Status.SENDING, sent_at=sent_at)
        run.move_to(Status.UNKNOWN)
        return run

    def settle(self, run, *messages, times=1, **thread) -> Run:
        with responses.RequestsMock() as answers:
            body = {"thread": {"messages": list(messages), "metadata": FIRST_COMPUTER, **thread}}
            answers.get(f"{URL}/api/sessions/t1", json=body)
            for _ in range(times):
                settling.settle(run.pk)
        run.refresh_from_db()
        return run

    def test_what_the_run_before_left_is_no_sign_of_life(self, run):
        self.settle(run, TASK, BEGIN, DONE, times=2)
        assert run.status == Status.UNKNOWN

    def test_its_own_message_in_the_session_is(self, run):
        self.settle(run, TASK, BEGIN, DONE, MORE)
        assert (run.status, run.remote_id, run.sandbox_id) == (Status.STARTING, None, "")

    def test_the_id_of_a_run_that_is_none_of_the_earlier_ones_is(self, run):
        self.settle(run, TASK, BEGIN, DONE, metadata={"runId": "run_77"})
        assert (run.status, run.remote_id) == (Status.STARTING, "run_77")

    def test_an_unknown_id_proves_nothing_when_an_earlier_run_has_none_itself(self, run, first):
        Run.objects.filter(pk=first.pk).update(remote_id=None)
        self.settle(run, TASK, BEGIN, DONE, metadata={"runId": "run_77"})
        assert run.status == Status.UNKNOWN

    def test_three_readings_with_the_earlier_messages_and_not_its_own_mean_that_it_never_began(self, run):
        self.settle(run, TASK, BEGIN, DONE, times=3)
        assert run.status == Status.NOT_STARTED

    def test_a_session_that_shows_no_earlier_message_leaves_it_to_a_person(self, run):
        self.settle(run, TASK, DONE, times=6)
        assert run.status == Status.UNKNOWN and run.due_at
        assert run.reason == "" and run.events.first().why == settling.CANNOT_TELL

    def test_the_words_of_the_earlier_run_are_not_taken_for_its_own(self, agent_session, run, operator):
        """The same message twice: said once, it may be the earlier one."""
        run.move_to(Status.NOT_STARTED)
        again = send(agent_session, operator)
        again.move_to(Status.SENDING, sent_at=timezone.now() - timedelta(minutes=3))
        again.move_to(Status.UNKNOWN)
        self.settle(again, TASK, BEGIN, DONE, MORE)
        assert again.status == Status.UNKNOWN
        self.settle(again, TASK, BEGIN, DONE, MORE, DONE, MORE)
        assert again.status == Status.STARTING

    def test_adopted_it_does_not_end_with_the_word_of_the_run_before(self, run):
        self.settle(run, TASK, BEGIN, DONE, MORE)
        for messages, status in [
            ([TASK, BEGIN, DONE, MORE], Status.STARTING),
            ([TASK, BEGIN, DONE, MORE, DONE], Status.COMPLETED),
        ]:
            thread = {"status": "COMPLETED", "messages": messages, "metadata": FIRST_COMPUTER}
            with responses.RequestsMock() as answers:
                answers.get(f"{URL}/api/sessions/t1", json={"thread": thread})
                if status == Status.COMPLETED:
                    answers.get(f"{URL}/api/sessions/t1", json={"thread": thread})
                following.refresh(run.pk)
            run.refresh_from_db()
            assert run.status == status


@pytest.fixture
def simulated(db):
    simulator = start_in_thread(Config(speed=1000, queued_s=1, booting_s=1, run_seconds=5, start_delay=0))
    yield simulator
    simulator.stop()


@pytest.fixture
def follow_up(simulated):
    """Accepted in a session whose first run was carried out by the simulated Giga."""
    workspace = factories.make_workspace(api_url=simulated.url)
    olga = factories.make_person(workspace)
    run = accepting.accept_launch(
        membership_of(olga),
        launch_token=uuid.uuid4(),
        user_prompt="First",
        goal_prompt="Done",
        system_prompt="",
        sandbox_template="giga-standard",
        duration_hours=1,
        deployment_id="",
    )
    launching.launch(run.pk)
    for _ in range(200):
        following.refresh(run.pk)
        run.refresh_from_db()
        if run.is_final:
            break
    assert run.status == Status.COMPLETED
    return send(run.agent_session, olga)


def befall(simulated, name, *calls):
    changes = {"name": name, "calls": calls}
    requests.post(f"{simulated.url}/_scenario", json=changes, timeout=5).raise_for_status()


def runs_started(simulated) -> int:
    return len(requests.get(f"{simulated.url}/_ledger", timeout=5).json()["runs_started"])


def time_passes_and_it_is_settled(run) -> Run:
    """As after a restart: the claims of the dead are over, and the session is read as often as it takes."""
    past = timezone.now() - timedelta(minutes=3)
    Run.objects.filter(pk=run.pk, claimed_until__isnull=False).update(claimed_until=past, due_at=past)
    Run.objects.filter(pk=run.pk, sent_at__isnull=False).update(sent_at=past)
    for stuck in Run.objects.stuck_sending(timezone.now()):
        launching.give_up_sending(stuck)
    launching.launch(run.pk)
    for _ in range(3):
        settling.settle(run.pk)
    run.refresh_from_db()
    return run


@pytest.mark.parametrize(
    "scenario, outcome, started",
    [
        ("default", Status.STARTING, 2),
        ("answer-lost", Status.STARTING, 2),
        ("start-500-created", Status.STARTING, 2),
        ("no-run-id", Status.STARTING, 2),
        ("start-500", Status.NOT_STARTED, 1),
        ("bad-gateway", Status.NOT_STARTED, 1),
        ("no-credits", Status.REJECTED, 1),
    ],
)
def test_whatever_the_answer_it_is_started_at_most_once_and_told_truly(
    simulated, follow_up, scenario, outcome, started
):
    befall(simulated, scenario, "start-run")
    launching.launch(follow_up.pk)
    befall(simulated, "default")
    assert time_passes_and_it_is_settled(follow_up).status == outcome
    assert runs_started(simulated) == started


class Killed(BaseException):
    """Like a process that is killed: nothing in the code catches it."""


@pytest.mark.parametrize(
    "point, outcome, started",
    [
        ("launch_claimed", Status.STARTING, 2),
        ("sending_stored", Status.NOT_STARTED, 1),
        ("start_answered", Status.STARTING, 2),
        ("start_stored", Status.STARTING, 2),
    ],
)
def test_killed_at_any_moment_it_is_started_at_most_once_and_told_truly(
    simulated, follow_up, monkeypatch, point, outcome, started
):
    def kill(here):
        if here == point:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(launching, "crash_point", kill)
        with pytest.raises(Killed):
            launching.launch(follow_up.pk)
    assert time_passes_and_it_is_settled(follow_up).status == outcome
    assert runs_started(simulated) == started
