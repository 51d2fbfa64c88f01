"""From the press of the button to a run at Giga: once, and never lost."""

import json
import uuid
from datetime import timedelta

import pytest
import requests
import responses
from django.db import IntegrityError, connection
from django.utils import timezone

from people.models import membership_of
from runs import accepting, launching, pace, tasks
from runs.models import AgentSession, GigaAccount, Run, RunEvent
from runs.status import Status
from tests import factories

URL = "https://api.giga.example"
CONFIGURATION = {
    "user_prompt": "Download the invoices",
    "goal_prompt": "All are there",
    "system_prompt": "",
    "sandbox_template": "giga-standard",
    "duration_hours": 1,
    "deployment_id": "",
}
SESSION = {"threadId": "t1", "messageId": "m1"}
STARTED = {"threadId": "t1", "runId": "run_1", "publicAccessToken": "token-1", "messageId": "m2"}


def envelope(code, message="No.", **more):
    return {"error": {"code": code, "message": message, "requestId": "req-1", **more}}


@pytest.fixture
def workspace(db):
    return factories.make_workspace(api_url=URL)


@pytest.fixture
def answers():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.post(f"{URL}/api/sessions", json=SESSION, status=201)
        yield mocked


def started_somehow() -> str:
    return json.dumps(STARTED | {"runId": f"run_{uuid.uuid4().hex}"})


def accept(operator, **fields) -> Run:
    token = fields.pop("launch_token", None) or uuid.uuid4()
    return accepting.accept_launch(membership_of(operator), launch_token=token, **CONFIGURATION | fields)


def launch(run) -> Run:
    launching.launch(run.pk)
    run.refresh_from_db()
    return run


def starts(answers) -> int:
    return len([call for call in answers.calls if call.request.url.endswith("/runs")])


def due_now(run):
    Run.objects.filter(pk=run.pk).update(due_at=timezone.now())
    GigaAccount.objects.update(free_at=0)


def test_an_accepted_launch_is_a_queued_run_with_its_first_event(operator):
    run = accept(operator)
    assert run.status == Status.QUEUED
    assert run.agent_session.user_prompt == "Download the invoices"
    event = RunEvent.objects.get()
    assert (event.run, event.now, event.by, event.why) == (run, "queued", operator, "giga-standard for 1 h")


def test_the_same_token_gives_the_same_run(operator):
    token = uuid.uuid4()
    assert accept(operator, launch_token=token) == accept(operator, launch_token=token)
    assert Run.objects.count() == RunEvent.objects.count() == 1


@pytest.mark.parametrize("follow_ups", [1, 2])
def test_the_same_token_gives_the_first_run_when_the_session_has_more(operator, follow_ups):
    token = uuid.uuid4()
    run = accept(operator, launch_token=token)
    AgentSession.objects.update(thread_id="t1")
    for _ in range(follow_ups):
        Run.objects.update(status=Status.COMPLETED)
        session = AgentSession.objects.get()
        accepting.accept_follow_up(session, membership_of(operator), message="more", token=uuid.uuid4())
    assert accept(operator, launch_token=token) == run
    assert Run.objects.count() == 1 + follow_ups


def test_what_the_database_refuses_for_another_reason_is_no_second_press(operator):
    with pytest.raises(IntegrityError):
        accept(operator, duration_hours=None)
    assert not Run.objects.exists()


def test_the_same_token_in_another_team_is_another_launch(operator, stranger):
    token = uuid.uuid4()
    assert accept(operator, launch_token=token) != accept(stranger, launch_token=token)


def test_a_viewer_may_not_launch(viewer):
    with pytest.raises(accepting.NotAllowed):
        accept(viewer)
    assert not Run.objects.exists()


def test_a_good_launch_creates_the_session_and_starts_one_run(operator, answers):
    answers.post(f"{URL}/api/sessions/t1/runs", json=STARTED, status=201)
    run = launch(accept(operator))
    assert (run.status, run.remote_id, run.agent_session.thread_id) == (Status.STARTING, "run_1", "t1")
    assert run.sent_at and run.accepted_at and run.due_at
    assert "token-1" not in run.sealed_public_token
    statuses = RunEvent.objects.filter(kind="status").order_by("id").values_list("now", flat=True)
    assert list(statuses) == ["queued", "sending", "starting"]


def test_ringing_again_starts_nothing_more(operator, answers):
    answers.post(f"{URL}/api/sessions/t1/runs", json=STARTED, status=201)
    run = launch(accept(operator))
    due_now(run)
    launch(run)
    assert starts(answers) == 1


def test_a_launch_in_somebody_elses_hands_is_left_alone(operator, answers):
    run = accept(operator)
    assert run.claim(timezone.now())
    launch(run)
    assert len(answers.calls) == 0


@pytest.mark.parametrize(
    "status, code",
    [
        (400, "INVALID_REQUEST"),
        (400, "UNSUPPORTED_PLATFORM"),
        (402, "INSUFFICIENT_CREDITS"),
        (403, "PLAN_LIMIT_EXCEEDED"),
        (404, "RESOURCE_NOT_FOUND"),
        (422, "INVALID_FIELD"),
    ],
)
def test_a_refused_start_is_rejected_with_all_that_giga_said(operator, answers, status, code):
    answers.post(
        f"{URL}/api/sessions/t1/runs", json=envelope(code, "Not so.", hint="Ask less."), status=status
    )
    run = launch(accept(operator))
    assert run.status == Status.REJECTED
    assert (run.reason, run.error_code, run.error_hint, run.request_id) == (
        "Not so.",
        code,
        "Ask less.",
        "req-1",
    )
    assert run.due_at is None and run.ended_at


def test_a_refused_session_is_rejected_too(operator):
    with responses.RequestsMock() as answers:
        answers.post(f"{URL}/api/sessions", json=envelope("INVALID_FIELD", hint="duration"), status=400)
        run = launch(accept(operator))
    assert (run.status, run.error_hint) == (Status.REJECTED, "duration")


def test_a_refused_key_rejects_the_run_and_pauses_the_workspace(operator, workspace):
    with responses.RequestsMock() as answers:
        answers.post(
            f"{URL}/api/sessions", json=envelope("INVALID_API_KEY", "The key was revoked."), status=401
        )
        first, second = launch(accept(operator)), launch(accept(operator))
        assert len(answers.calls) == 1
    assert (first.status, first.reason, first.request_id) == (
        Status.REJECTED,
        "The key was revoked.",
        "req-1",
    )
    assert second.status == Status.QUEUED and "wait until the key is replaced" in second.reason
    account = GigaAccount.objects.get(workspace=workspace)
    assert account.paused_at and "The key was revoked." in account.paused_reason


@pytest.mark.parametrize(
    "answer",
    [
        {"json": envelope("INTERNAL_ERROR"), "status": 500},
        {"json": envelope("SANDBOX_FAILED"), "status": 500},
        {"body": "<html>Bad Gateway</html>", "status": 502},
        {"body": "", "status": 404},
        {"body": "", "status": 401},
        {"json": {}, "status": 201},
        {"json": STARTED | {"runId": None}, "status": 201},
        {"body": '{"runId": "run', "status": 201},
        {"json": {"success": False}, "status": 200},
        {"body": "", "status": 302},
    ],
)
def test_a_lost_answer_makes_the_run_unknown_and_is_never_sent_again(operator, answers, answer):
    answers.post(f"{URL}/api/sessions/t1/runs", **answer)
    run = launch(accept(operator))
    assert run.status == Status.UNKNOWN
    due_now(run)
    launch(run)
    tasks.tick()
    assert starts(answers) == 1


def test_an_unreachable_giga_leaves_the_launch_waiting_and_it_goes_on_by_itself(operator, answers):
    refused = answers.post(f"{URL}/api/sessions/t1/runs", body=requests.ConnectionError("refused"))
    run = launch(accept(operator))
    assert run.status == Status.QUEUED
    assert run.reason == "Giga cannot be reached: connection refused. Trying again by itself."
    assert run.due_at > timezone.now()
    answers.remove(refused)
    answers.post(f"{URL}/api/sessions/t1/runs", json=STARTED, status=201)
    due_now(run)
    assert launch(run).status == Status.STARTING


def test_waiting_for_the_same_reason_is_said_once(operator):
    with responses.RequestsMock() as answers:
        answers.post(f"{URL}/api/sessions", body=requests.ConnectionError("refused"))
        run = accept(operator)
        for _ in range(5):
            due_now(run)
            launch(run)
    assert RunEvent.objects.filter(kind="wait").count() == 1
    assert run.attempt == 5


def test_the_rate_limit_holds_back_the_whole_key(operator, answers, workspace):
    answers.post(
        f"{URL}/api/sessions/t1/runs",
        json=envelope("RATE_LIMITED"),
        status=429,
        headers={"Retry-After": "90"},
    )
    run = launch(accept(operator))
    assert run.status == Status.QUEUED and run.sent_at is None
    assert run.due_at > timezone.now() + timedelta(seconds=80)
    other = launch(accept(operator))
    assert other.status == Status.QUEUED
    assert len(answers.calls) == 2


def test_a_full_plan_waits_for_a_free_computer(operator, answers):
    answers.post(f"{URL}/api/sessions/t1/runs", json=envelope("CONCURRENCY_LIMIT_EXCEEDED"), status=429)
    run = launch(accept(operator))
    assert (run.status, run.reason) == (
        Status.QUEUED,
        "Waiting for a free computer, place 1 in line: all of the plan are busy.",
    )


def test_launches_queue_for_a_computer_in_their_order(operator, answers):
    answers.post(f"{URL}/api/sessions/t1/runs", json=envelope("CONCURRENCY_LIMIT_EXCEEDED"), status=429)
    first, second, third = launch(accept(operator)), launch(accept(operator)), launch(accept(operator))
    assert "place 1 in line" in first.reason
    assert [second.reason, third.reason] == [
        "Waiting for a free computer, place 2 in line.",
        "Waiting for a free computer, place 3 in line.",
    ]
    assert starts(answers) == 1


def test_when_a_run_ends_the_first_in_line_is_due_at_once(operator, answers, workspace):
    answers.post(f"{URL}/api/sessions/t1/runs", json=envelope("CONCURRENCY_LIMIT_EXCEEDED"), status=429)
    first, second = launch(accept(operator)), launch(accept(operator))
    factories.make_run(workspace).move_to(Status.COMPLETED)
    for run in (first, second):
        run.refresh_from_db()
    assert first.due_at <= timezone.now() < second.due_at


def test_an_outage_holds_launches_back_and_one_request_tries_whether_it_is_over(operator, answers):
    answers.post(f"{URL}/api/sessions/t1/runs", json=STARTED, status=201)
    GigaAccount.objects.update(broken_since=timezone.now(), probe_after=timezone.now() + timedelta(seconds=9))
    run = launch(accept(operator))
    assert run.reason.startswith("Giga cannot be reached since") and len(answers.calls) == 0
    GigaAccount.objects.update(probe_after=timezone.now())
    due_now(run)
    assert launch(run).status == Status.STARTING
    assert GigaAccount.objects.get().broken_since is None


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite lives in the data folder")
def test_without_room_for_the_answer_nothing_is_sent(operator, answers, monkeypatch, client):
    usage = type("usage", (), {"free": 499 * 1024**2})
    monkeypatch.setattr("runs.room.shutil.disk_usage", lambda path: usage)
    run = launch(accept(operator))
    assert run.status == Status.QUEUED and "499 MB free" in run.reason
    assert len(answers.calls) == 0
    client.force_login(operator)
    assert b"499 MB free" in client.get("/runs/").content


def test_the_session_is_made_once_even_when_the_start_waits(operator, answers):
    answers.post(f"{URL}/api/sessions/t1/runs", json=envelope("CONCURRENCY_LIMIT_EXCEEDED"), status=429)
    run = accept(operator)
    for _ in range(3):
        due_now(run)
        launch(run)
    sessions = [call for call in answers.calls if call.request.url.endswith("/sessions")]
    assert (len(sessions), starts(answers)) == (1, 3)


def test_without_a_key_the_launch_waits_and_says_so(operator, workspace):
    workspace.giga_account.delete()
    run = launch(accept(operator))
    assert (run.status, run.reason) == (Status.QUEUED, "This workspace has no Giga key yet.")


def test_the_budget_of_a_key_is_shared(operator, answers, budget_clock):
    answers.add_callback("POST", f"{URL}/api/sessions/t1/runs", lambda request: (201, {}, started_somehow()))
    for _ in range(6):
        launch(accept(operator))
    assert len(answers.calls) == pace.BUCKET
    assert Run.objects.filter(reason__contains="rate limit").exists()


def two_requests_are_free(clock):
    GigaAccount.objects.update(free_at=clock.now + (pace.BUCKET - 2) * pace.STEP_S)


def test_while_requests_are_scarce_launches_go_in_the_order_they_were_accepted(
    operator, answers, budget_clock
):
    """The first is started before the second has its session, whoever asks first."""
    answers.add_callback("POST", f"{URL}/api/sessions/t1/runs", lambda request: (201, {}, started_somehow()))
    runs = [accept(operator) for _ in range(3)]
    GigaAccount.objects.update(launches_first_until=budget_clock.now + 60)
    for _ in runs:
        two_requests_are_free(budget_clock)
        Run.objects.filter(status=Status.QUEUED).update(due_at=timezone.now())
        for run in reversed(runs):
            launch(run)
    asked = [call.request.url.rsplit("/", 1)[-1] for call in answers.calls]
    assert asked == ["sessions", "runs"] * 3
    assert list(Run.objects.order_by("sent_at")) == runs


def test_who_waits_for_others_asks_again_when_their_requests_will_have_leaked(
    noon, operator, answers, budget_clock
):
    runs = [accept(operator) for _ in range(40)]
    GigaAccount.objects.update(free_at=budget_clock.now + pace.BUCKET * pace.STEP_S)
    waits = [(launch(run).due_at - timezone.now()).total_seconds() for run in runs]
    assert waits == pytest.approx([min(60, 2 * place * pace.STEP_S) for place in range(1, 41)], abs=0.1)


def test_a_launch_in_somebody_s_hands_holds_nobody_up(operator, answers, workspace):
    answers.add_callback("POST", f"{URL}/api/sessions/t1/runs", lambda request: (201, {}, started_somehow()))
    held, next_one = accept(operator), accept(operator)
    held.claim(timezone.now())
    workspace.giga_account.put_launch_first(2)
    assert launch(next_one).status == Status.STARTING


def test_the_id_of_another_run_is_not_believed(operator, answers):
    answers.post(f"{URL}/api/sessions/t1/runs", json=STARTED, status=201)
    first, second = launch(accept(operator)), launch(accept(operator))
    assert (first.status, second.status) == (Status.STARTING, Status.UNKNOWN)
    assert second.reason == "Giga answered with the id of another run."


def test_what_a_dead_process_was_sending_becomes_unknown(operator, answers):
    run = accept(operator)
    run.claim(timezone.now())
    run.move_to(Status.SENDING, claimed_until=timezone.now() - timedelta(seconds=1))
    tasks.tick()
    run.refresh_from_db()
    assert run.status == Status.UNKNOWN
    assert len(answers.calls) == 0


def test_the_tick_rings_for_what_is_due_only(operator):
    _, later = accept(operator), accept(operator)
    Run.objects.filter(pk=later.pk).update(due_at=timezone.now() + timedelta(seconds=60))
    assert tasks.tick() == 1
