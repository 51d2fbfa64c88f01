"""+15 min: asked for at most once for each press, and "asked" told apart from "confirmed"."""

import uuid
from datetime import timedelta

import pytest
import responses
from django.utils import timezone

from people.models import membership_of
from runs import extending, pace, tasks
from runs.accepting import NotAllowed
from runs.extending import NotPossible
from runs.models import Extension, GigaAccount
from runs.status import Status
from tests import factories

URL = "https://api.giga.example"
EXTEND = f"{URL}/api/sandbox/extend"
DONE = {"success": True, "message": "Sandbox lifecycle extended by 15 minutes", "sandboxId": "abc"}


@pytest.fixture
def workspace(db):
    return factories.make_workspace(api_url=URL)


@pytest.fixture
def run(workspace):
    return factories.make_run(workspace, sandbox_id="abc")


@pytest.fixture
def pressed(run, operator):
    return extending.accept_extension(run, membership_of(operator), token=uuid.uuid4())


def extend(extension, times=1, **answer):
    with responses.RequestsMock() as answers:
        answers.post(EXTEND, **answer)
        for _ in range(times):
            extending.extend(extension.pk)
        assert len(answers.calls) == 1
    extension.refresh_from_db()
    extension.run.refresh_from_db()
    return extension


def said(run) -> list[str]:
    return list(run.events.filter(kind="extend").order_by("id").values_list("why", flat=True))


def test_a_confirmed_extension_moves_the_end_and_is_said_twice(pressed, run, operator):
    before = run.ends_at
    extend(pressed, json=DONE)
    assert pressed.outcome == Extension.Outcome.CONFIRMED
    assert pressed.run.ends_at - before == timedelta(minutes=15)
    assert said(run) == ["15 min asked for", "15 min added, says Giga"]
    assert run.events.filter(kind="extend").last().by == operator


def test_ringing_again_asks_nothing_more(pressed):
    extend(pressed, times=3, json=DONE)
    assert pressed.run.extended_minutes == 15


def test_the_same_press_is_one_extension_and_another_press_another(run, operator):
    token, membership = uuid.uuid4(), membership_of(operator)
    first = extending.accept_extension(run, membership, token=token)
    assert extending.accept_extension(run, membership, token=token) == first
    assert extending.accept_extension(run, membership, token=uuid.uuid4()) != first


@pytest.mark.parametrize(
    "status, code", [(404, "RESOURCE_NOT_FOUND"), (400, "INVALID_FIELD"), (402, "X"), (429, "X")]
)
def test_a_refusal_adds_nothing_and_is_said(pressed, run, status, code):
    extend(pressed, json={"error": {"code": code, "message": "It expired."}}, status=status)
    assert (pressed.outcome, pressed.run.extended_minutes) == (Extension.Outcome.REFUSED, 0)
    assert said(run)[-1] == "15 min were not added: It expired."


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "", "status": 502},
        {"json": {}},
        {"json": {"success": False}},
        {"json": {"success": "yes"}},
        {"body": "x"},
    ],
)
def test_a_lost_answer_is_not_known_and_never_asked_again(pressed, run, answer):
    extend(pressed, times=3, **answer)
    assert (pressed.outcome, pressed.run.extended_minutes) == (Extension.Outcome.UNCLEAR, 0)
    assert said(run)[-1].startswith("Whether 15 min were added is not known")


def test_what_a_dead_process_was_asking_is_not_known(pressed, run):
    pressed.become(Extension.Outcome.SENDING, claimed_until=timezone.now() - timedelta(seconds=1))
    tasks.tick()
    pressed.refresh_from_db()
    assert pressed.outcome == Extension.Outcome.UNCLEAR
    extending.extend(pressed.pk)
    assert said(run)[-1].endswith("Gigawatch was stopped while it asked")


def test_a_busy_key_is_waited_for_and_then_given_up(pressed):
    GigaAccount.objects.update(free_at=timezone.now().timestamp() + 99)
    extending.extend(pressed.pk)
    pressed.refresh_from_db()
    assert pressed.outcome == Extension.Outcome.ASKED
    Extension.objects.update(asked_at=timezone.now() - timedelta(seconds=61))
    extending.extend(pressed.pk)
    pressed.refresh_from_db()
    assert pressed.outcome == Extension.Outcome.REFUSED


def test_a_busy_key_leaves_the_press_as_it_was(pressed, budget_clock):
    """Claimed first, so that two processes cannot both spend a request on it."""
    GigaAccount.objects.update(free_at=budget_clock.now + pace.BUCKET * pace.STEP_S)
    extending.extend(pressed.pk)
    pressed.refresh_from_db()
    assert (pressed.outcome, pressed.claimed_until) == (Extension.Outcome.ASKED, None)
    budget_clock.now += pace.STEP_S
    extend(pressed, json=DONE)
    assert pressed.outcome == Extension.Outcome.CONFIRMED


def test_who_does_not_get_the_press_spends_nothing(pressed, budget_clock):
    late = Extension.objects.get(pk=pressed.pk)
    pressed.become(Extension.Outcome.SENDING)
    assert not late.become(Extension.Outcome.SENDING)
    extending.extend(pressed.pk)
    assert GigaAccount.objects.get().free_at == 0


def test_a_process_that_slept_through_its_claim_asks_no_more(pressed, monkeypatch):
    """Others may have said meanwhile that it is not known."""

    def sleep(point):
        if point == "extend_sending_stored":
            Extension.objects.update(claimed_until=timezone.now() + timedelta(seconds=5))

    monkeypatch.setattr(extending, "crash_point", sleep)
    with responses.RequestsMock():
        extending.extend(pressed.pk)
    pressed.refresh_from_db()
    assert pressed.outcome == Extension.Outcome.SENDING


@pytest.mark.parametrize(
    "answer, outcome, minutes, last",
    [
        ({"json": DONE}, "confirmed", 15, "15 min added, says Giga"),
        (
            {"json": {"error": {"code": "NO", "message": "It ended."}}, "status": 422},
            "refused",
            0,
            "15 min were not added: It ended.",
        ),
        (
            {"body": "", "status": 502},
            "unclear",
            0,
            "Whether 15 min were added is not known: Gigawatch was stopped while it asked",
        ),
    ],
)
def test_what_giga_answers_counts_though_the_press_was_given_up_meanwhile(
    pressed, monkeypatch, answer, outcome, minutes, last
):
    """A process that was stopped while it asked, and goes on after others said that it is not known."""
    ask = extending.giga.extend_sandbox

    def stopped_meanwhile(*args, **kwargs):
        try:
            return ask(*args, **kwargs)
        finally:
            Extension.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
            assert extending.give_up_sending() == 1

    monkeypatch.setattr(extending.giga, "extend_sandbox", stopped_meanwhile)
    extend(pressed, times=2, **answer)
    assert (pressed.outcome, pressed.run.extended_minutes) == (outcome, minutes)
    assert said(pressed.run)[-1] == last


def test_a_gateway_that_says_too_many_requests_leaves_it_unknown(pressed):
    """It may say so of what Giga has done."""
    extend(pressed, times=3, body="Too many requests", status=429, headers={"Retry-After": "9"})
    assert pressed.outcome == Extension.Outcome.UNCLEAR


def test_a_viewer_does_not_extend(run, viewer):
    with pytest.raises(NotAllowed):
        extending.accept_extension(run, membership_of(viewer), token=uuid.uuid4())


@pytest.mark.parametrize("status", [Status.QUEUED, Status.UNKNOWN, Status.COMPLETED])
def test_only_a_run_with_a_computer_is_extended(workspace, operator, status):
    run = factories.make_run(workspace, status, sandbox_id="abc")
    with pytest.raises(NotPossible):
        extending.accept_extension(run, membership_of(operator), token=uuid.uuid4())
    with pytest.raises(NotPossible):
        extending.accept_extension(factories.make_run(workspace), membership_of(operator), token=uuid.uuid4())


class TestButton:
    @pytest.fixture
    def run_page(self, client, operator, run):
        client.force_login(operator)
        return lambda: client.get(f"/runs/{run.pk}/")

    def press(self, client, run, token, **headers):
        return client.post(f"/runs/{run.pk}/extend/", {"token": token}, headers=headers)

    def test_a_press_is_taken_on_and_the_page_says_so(self, client, run_page, run):
        token = run_page().context["extend_token"]
        assert self.press(client, run, token).url == f"/runs/{run.pk}/"
        assert run.extensions.get().token == token
        assert b"+15 min asked for" in run_page().content

    def test_a_double_press_is_one(self, client, run_page, run):
        token = run_page().context["extend_token"]
        for _ in range(2):
            assert self.press(client, run, token, **{"HX-Request": "true"}).status_code == 204
        assert run.extensions.count() == 1

    def test_after_it_is_done_the_next_press_is_another(self, run_page, run, pressed):
        extend(pressed, json=DONE)
        assert run_page().context["extend_token"] != pressed.token

    def test_a_viewer_has_no_button_and_no_way_around(self, client, run, viewer):
        client.force_login(viewer)
        assert b"+15 min" not in client.get(f"/runs/{run.pk}/").content
        assert self.press(client, run, uuid.uuid4()).status_code == 403

    def test_another_teams_run_is_not_there(self, client, run, stranger):
        client.force_login(stranger)
        assert self.press(client, run, uuid.uuid4()).status_code == 404

    def test_rubbish_and_ended_runs_change_nothing(self, client, run_page, run):
        run_page()
        self.press(client, run, "x")
        run.move_to(Status.COMPLETED)
        assert self.press(client, run, uuid.uuid4()).status_code == 302
        assert not run.extensions.exists()
