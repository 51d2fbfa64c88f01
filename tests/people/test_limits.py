"""How much may be launched: counted where it is launched, whoever else launches at the same time."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from people.audit import Act, AuditEntry
from people.models import Membership, Workspace, membership_of
from runs import accepting, bulk, extending, launching, limits
from runs.limits import OverLimit
from runs.models import Extension, Run
from runs.status import Status
from tests import factories

CONFIGURATION = {
    "user_prompt": "Count the zebras",
    "goal_prompt": "All are counted.",
    "system_prompt": "",
    "sandbox_template": "giga-standard",
    "duration_hours": 2,
    "deployment_id": "",
}


def limit(workspace, **fields) -> None:
    nothing = dict.fromkeys(
        ("launches_a_minute_each", "launches_a_minute", "active_runs", "run_hours_a_day"), None
    )
    Workspace.objects.filter(pk=workspace.pk).update(**{**nothing, **fields})


def launch(user, *, token=None, **fields) -> Run:
    membership = Membership.objects.select_related("user", "workspace").get(user=user)
    configuration = {**CONFIGURATION, **fields}
    return accepting.accept_launch(membership, launch_token=token or uuid.uuid4(), **configuration)


def test_a_person_launches_so_many_a_minute_and_a_colleague_as_many_more(workspace, operator, manager):
    limit(workspace, launches_a_minute_each=2)
    for user in (operator, manager):
        launch(user)
        launch(user)
        with pytest.raises(OverLimit, match="You launched 2 runs within a minute"):
            launch(user)
    assert Run.objects.count() == 4


def test_a_workspace_launches_so_many_a_minute(workspace, operator, manager):
    limit(workspace, launches_a_minute=2)
    launch(operator)
    launch(manager)
    with pytest.raises(OverLimit, match="This workspace launched 2 runs"):
        launch(operator)


def test_what_another_workspace_launches_does_not_count(workspace, operator, stranger):
    limit(workspace, launches_a_minute=1)
    launch(stranger)
    assert launch(operator).status == Status.QUEUED


def test_run_hours_are_those_of_the_last_day_with_extensions(workspace, operator):
    limit(workspace, run_hours_a_day=5)
    first = launch(operator)
    for _ in range(6):
        Extension.objects.create(run=first, token=uuid.uuid4())
    Extension.objects.create(run=first, token=uuid.uuid4(), outcome=Extension.Outcome.REFUSED)
    with pytest.raises(OverLimit, match=r"3\.5 of 5 run-hours"):
        launch(operator)
    assert launch(operator, duration_hours=1)


class TestExtensions:
    @pytest.fixture
    def run(self, workspace, operator):
        limit(workspace, run_hours_a_day=2)
        return factories.make_run(workspace, sandbox_id="abc", by=operator)

    def press(self, run, person):
        return extending.accept_extension(run, membership_of(person), token=uuid.uuid4())

    def test_they_count_against_the_hours_of_the_day_when_they_are_pressed(self, run, operator):
        """Before Giga has said anything to them, and those of a run of long ago, too."""
        for _ in range(4):
            self.press(run, operator)
        with pytest.raises(OverLimit, match="2 of 2 run-hours"):
            self.press(run, operator)
        Run.objects.update(queued_at=timezone.now() - timedelta(days=2))
        for _ in range(4):
            self.press(run, operator)
        with pytest.raises(OverLimit, match="2 of 2 run-hours"):
            self.press(run, operator)
        assert run.extensions.count() == 8

    def test_the_same_press_again_is_no_second_one(self, run, operator):
        token, membership = uuid.uuid4(), membership_of(operator)
        presses = [extending.accept_extension(run, membership, token=token) for _ in range(9)]
        assert len(set(presses)) == 1

    def test_a_manager_goes_over_and_it_is_noted(self, run, manager):
        limit(run.workspace, run_hours_a_day=1)
        with limits.going_over(True):
            self.press(run, manager)
        assert AuditEntry.objects.get(act=Act.OVER_LIMIT).object == run.title

    def test_the_page_says_why_and_nothing_is_asked(self, run, client, operator):
        limit(run.workspace, run_hours_a_day=1)
        client.force_login(operator)
        for headers in ({}, {"HX-Request": "true"}):
            answer = client.post(f"/runs/{run.pk}/extend/", {"token": uuid.uuid4()}, headers=headers)
            assert answer.status_code == 422
            assert "1 of 1 run-hour of the last 24 hours is used" in answer.content.decode()
        assert not run.extensions.exists()


@pytest.mark.parametrize("status", [Status.REJECTED, Status.NOT_STARTED])
def test_runs_that_never_ran_cost_no_hours(workspace, operator, status):
    limit(workspace, run_hours_a_day=2)
    factories.make_run(workspace, status, by=operator)
    assert launch(operator)


def test_the_same_press_again_is_no_second_launch(workspace, operator):
    limit(workspace, launches_a_minute=1)
    token = uuid.uuid4()
    assert launch(operator, token=token) == launch(operator, token=token)


class TestOver:
    def test_a_manager_goes_over_once_and_it_is_noted(self, workspace, manager):
        limit(workspace, launches_a_minute=1)
        launch(manager)
        with limits.going_over(True):
            launch(manager)
        with pytest.raises(OverLimit):
            launch(manager)
        entry = AuditEntry.objects.get(act=Act.OVER_LIMIT)
        assert (entry.actor, entry.object) == ("mona", "Count the zebras")

    def test_an_operator_does_not(self, workspace, operator):
        limit(workspace, launches_a_minute=1)
        launch(operator)
        with limits.going_over(True), pytest.raises(OverLimit):
            launch(operator)

    @pytest.mark.parametrize("who, launched", [("manager", 2), ("operator", 1)])
    def test_the_form_keeps_what_was_typed_and_says_why(self, client, workspace, who, launched, request):
        user = request.getfixturevalue(who)
        limit(workspace, launches_a_minute=1)
        launch(user)
        factories.sign_in(client, user)
        form = {**CONFIGURATION, "launch_token": uuid.uuid4(), "user_prompt": "Count the lions"}
        page = client.post("/runs/new/", form)
        text = page.content.decode()
        assert page.status_code == 422
        assert "This workspace launched 1 run within" in text and "Count the lions" in text
        assert ('name="go_over"' in text) == (who == "manager")
        client.post("/runs/new/", {**form, "go_over": "1"})
        assert Run.objects.count() == launched


def test_of_many_relaunched_at_once_those_that_fit_are_launched(workspace, operator):
    limit(workspace, launches_a_minute=2)
    sources = [factories.make_run(workspace, Status.COMPLETED) for _ in range(3)]
    Run.objects.update(queued_at=timezone.now() - timedelta(hours=1))
    outcome = bulk.relaunch(operator.memberships.get(), sources, uuid.uuid4())
    reason = "This workspace launched 2 runs within a minute, which is the limit. Wait a moment."
    assert (len(outcome.done), dict(outcome.refused)) == (2, {reason: 1})


def test_a_relaunch_over_a_limit_is_told_why_and_a_manager_may_go_on(client, workspace, manager):
    limit(workspace, launches_a_minute=1)
    source = factories.make_run(workspace, Status.COMPLETED, queued_at=timezone.now())
    factories.sign_in(client, manager)
    path, form = f"/runs/{source.pk}/relaunch/", {"token": accepting.relaunch_token(source)}
    page = client.post(path, form)
    assert page.status_code == 422 and b"Not launched: over a limit" in page.content
    assert f'name="token" value="{form["token"]}"'.encode() in page.content
    assert client.post(path, {**form, "go_over": "1"}).status_code == 302
    assert Run.objects.count() == 2


@pytest.mark.parametrize("role", ["manager", "operator"])
def test_a_page_that_asks_by_itself_is_told_among_its_messages(client, workspace, role):
    limit(workspace, launches_a_minute=1)
    source = factories.make_run(workspace, Status.COMPLETED, queued_at=timezone.now())
    factories.sign_in(client, factories.make_person(workspace, role=role))
    form = {"token": accepting.relaunch_token(source)}
    answer = client.post(f"/runs/{source.pk}/relaunch/", form, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#toasts", "beforeend")
    page = answer.content.decode()
    assert page.startswith('<div class="toast tone-amber">') and "which is the limit" in page
    assert ("Launch all the same" in page) == (role == "manager")


class TestActive:
    def test_a_launch_over_the_number_of_active_runs_waits_with_its_reason(self, workspace, operator):
        limit(workspace, active_runs=1)
        factories.make_run(workspace, Status.RUNNING)
        run = launch(operator)
        launching.launch(run.pk)
        run.refresh_from_db()
        assert (run.status, run.waits_for_computer) == (Status.QUEUED, True)
        assert run.reason == "Waiting: this workspace may have 1 run active at once."

    def test_it_is_due_at_once_when_another_ends(self, workspace, operator):
        limit(workspace, active_runs=1)
        running = factories.make_run(workspace, Status.RUNNING)
        run = launch(operator)
        launching.launch(run.pk)
        before = Run.objects.get(pk=run.pk).due_at
        running.move_to(Status.COMPLETED)
        assert Run.objects.get(pk=run.pk).due_at < before
        assert limits.lack_of_place(run) == ""


@pytest.mark.django_db(transaction=True)
class TestRace:
    def in_threads(self, count, act) -> list:
        at_once, raised = threading.Barrier(count), []

        def one():
            try:
                at_once.wait(20)
                act()
            except Exception as error:
                raised.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=one) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return raised

    def test_twenty_at_once_launch_no_more_than_the_limit(self):
        workspace = factories.make_workspace()
        user = factories.make_person(workspace)
        limit(workspace, launches_a_minute=5, run_hours_a_day=8)
        raised = self.in_threads(20, lambda: launch(user))
        assert [type(error) for error in raised] == [OverLimit] * 16
        assert Run.objects.count() == 4

    def test_twenty_at_once_start_no_more_than_may_be_active(self, monkeypatch):
        """Between looking and starting others start too: what counts is the look within the transaction."""
        workspace = factories.make_workspace()
        limit(workspace, active_runs=3)
        runs = [factories.make_run(workspace, Status.QUEUED, due_at=None) for _ in range(20)]
        account, left = workspace.giga_account, list(runs)
        monkeypatch.setattr("runs.giga.start_run", lambda *args, **kwargs: pytest.fail("not started here"))
        monkeypatch.setattr(launching, "_has_time_to_start", lambda run: False)
        assert self.in_threads(20, lambda: launching._start(left.pop(), account)) == []
        assert Run.objects.filter(status=Status.SENDING).count() == 3
        assert Run.objects.filter(status=Status.QUEUED, waits_for_computer=True).count() == 17


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ({"active_runs": "0"}, "At least 1"),
        ({"active_runs": "x"}, "A whole number"),
        ({"active_runs": "-3"}, "At least 1"),
    ],
)
def test_a_bad_limit_comes_back_with_its_sentence(client, manager, workspace, fields, sentence):
    factories.sign_in(client, manager)
    page = client.post("/team/limits/", fields)
    assert page.status_code == 422 and sentence in page.content.decode()


def test_a_manager_sets_limits_and_the_change_is_noted(client, manager, workspace):
    limit(workspace, launches_a_minute_each=10, launches_a_minute=30)
    factories.sign_in(client, manager)
    form = {
        "launches_a_minute_each": "",
        "launches_a_minute": "30",
        "active_runs": "4",
        "run_hours_a_day": "100",
    }
    client.post("/team/limits/", form)
    workspace.refresh_from_db()
    assert (workspace.launches_a_minute_each, workspace.active_runs, workspace.run_hours_a_day) == (
        None,
        4,
        100,
    )
    entry = AuditEntry.objects.get(act=Act.LIMITS_CHANGED)
    assert entry.before == {"launches_a_minute_each": 10, "active_runs": None, "run_hours_a_day": None}
    assert entry.after == {"launches_a_minute_each": None, "active_runs": 4, "run_hours_a_day": 100}
