"""What becomes of a run whose start was sent and whose answer was lost."""

import json
from datetime import timedelta

import pytest
import responses
from django.core.cache import cache
from django.utils import timezone

from people.models import membership_of
from runs import accepting, launching, settling
from runs.models import GigaAccount, Run, RunEvent
from runs.status import Status
from tests import factories
from tests.hostile_texts import TEXTS
from tests.markup import Markup

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
    with pytest.raises(accepting.NotAllowed):
        settling.settle_by_person(run, membership_of(viewer), did_start=False)


class TestReadAgain:
    """A person has it read now, on its page."""

    @pytest.fixture
    def ask(self, client, run, operator):
        """Presses the button, while Giga answers like this to so many questions. Returns the answer
        to the press."""

        def press(questions=1, headers=None, **answer):
            client.force_login(operator)
            with responses.RequestsMock() as answers:
                asked = answers.get(f"{URL}/api/sessions/t1", **answer) if questions else None
                said = client.post(f"/runs/{run.pk}/read/", headers=headers)
                assert not asked or asked.call_count == questions
            run.refresh_from_db()
            return said

        return press

    def test_giga_is_asked_at_once_and_what_it_tells_counts(self, ask, run):
        thread = {"messages": [HELLO, HELLO], "metadata": {"runId": "run_9"}}
        assert ask(json={"thread": thread}).status_code == 302
        assert (run.status, run.remote_id) == (Status.STARTING, "run_9")

    def test_a_session_that_does_not_tell_yet_is_said_and_noted(self, ask, run):
        Run.objects.filter(pk=run.pk).update(sent_at=timezone.now())
        answer = ask(headers={"HX-Request": "true"}, json={"thread": {"messages": [HELLO]}})
        said = json.loads(answer.headers["HX-Trigger"])["toast"]["text"]
        assert said == "Its session was read just now and does not tell yet."
        assert b'<hx-partial hx-target="#run-activity"' in answer.content
        assert run.status == Status.UNKNOWN and run.attempt == 1
        assert run.events.first().why == "Session read, no run in it"

    def test_it_is_read_within_the_budget_of_people_only(self, ask, run):
        Run.objects.filter(pk=run.pk).update(sent_at=timezone.now())
        now = timezone.now().timestamp()
        ask(json={"thread": {"messages": [HELLO]}})
        assert GigaAccount.objects.get().free_at > now
        answer = ask(questions=0, headers={"HX-Request": "true"})
        assert "does not tell yet" in json.loads(answer.headers["HX-Trigger"])["toast"]["text"]
        Run.objects.update(asked_at=timezone.now() - settling.FRESH)
        GigaAccount.objects.update(free_at=now + 99)
        answer = ask(questions=0, headers={"HX-Request": "true"})
        said = json.loads(answer.headers["HX-Trigger"])["toast"]["text"]
        assert said == "Waiting for the rate limit of Giga."
        assert run.attempt == 1

    def test_an_outage_is_called_so(self, ask, run):
        now = timezone.now()
        GigaAccount.objects.update(broken_since=now, probe_after=now + timedelta(seconds=15))
        answer = ask(questions=0, headers={"HX-Request": "true"})
        said = json.loads(answer.headers["HX-Trigger"])["toast"]["text"]
        assert said.startswith("Giga cannot be reached since ")

    def test_a_key_that_cannot_be_opened_is_called_so(self, ask, run):
        GigaAccount.objects.update(sealed_api_key="v1.AAAA")
        answer = ask(questions=0, headers={"HX-Request": "true"})
        assert "cannot be opened" in json.loads(answer.headers["HX-Trigger"])["toast"]["text"]

    def test_a_paused_key_is_not_used(self, ask, run):
        run.workspace.giga_account.pause("Giga refuses this workspace's key: It was revoked.")
        answer = ask(questions=0, headers={"HX-Request": "true"})
        assert "It was revoked." in json.loads(answer.headers["HX-Trigger"])["toast"]["text"]

    def test_a_settled_run_is_not_read(self, ask, run):
        run.move_to(Status.STARTING)
        assert ask(questions=0).status_code == 302
        assert run.status == Status.STARTING

    def test_a_viewer_does_not_have_it_read(self, run, viewer):
        with pytest.raises(accepting.NotAllowed):
            settling.read_again(run, membership_of(viewer))

    @pytest.mark.strictest_database
    @pytest.mark.long
    def test_whatever_giga_says_stays_a_text(self, noon, ask, client, run):
        def told(text):
            """The toast, and what the page is made of."""
            Run.objects.filter(pk=run.pk).update(failed_reads=0)
            GigaAccount.objects.update(free_at=0)
            cache.clear()  # one person asks so often a minute
            run.events.all().delete()
            refusal = {"error": {"code": "RESOURCE_NOT_FOUND", "message": text}}
            answer = ask(headers={"HX-Request": "true"}, json=refusal, status=404)
            assert run.events.filter(why__contains="could not be read").exists()
            return answer.headers["HX-Trigger"], Markup(client.get(f"/runs/{run.pk}/").content.decode())

        def is_a_text(text) -> bool:
            toast, page = told(text)
            is_told = toast.isascii() and bool(json.loads(toast)["toast"]["text"])
            return is_told and page.elements == harmless.elements

        _, harmless = told("x")
        assert [name for name, text in TEXTS.items() if not is_a_text(text)] == []
