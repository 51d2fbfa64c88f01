"""Before money is spent by one key, or for many runs at once, the server says what will happen and what it
costs; what one button refuses is refused for many, too."""

import re
import uuid

import pytest

from runs import accepting, bulk
from runs.models import Extension, Run
from runs.status import ACTIVE, FINAL, Status
from tests import factories

pytestmark = [pytest.mark.any_database, pytest.mark.usefixtures("rung")]


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def question(client, run, act) -> str:
    return client.get(f"/runs/{run.pk}/{act}/question/").content.decode()


def bulk_question(client, runs=(), query="", **fields) -> str:
    form = {"token": str(uuid.uuid4()), "run": [run.pk for run in runs], **fields}
    return client.post(f"/runs/bulk/question/{query}", form).content.decode()


def session_of(workspace, hours=1, template="giga-standard"):
    return factories.make_session(workspace, duration_hours=hours, sandbox_template=template)


class TestOneRun:
    @pytest.mark.parametrize(
        ("template", "hours", "price"),
        [
            ("giga-standard", 1, "up to 20 credits"),
            ("giga-standard", 24, "up to 480 credits"),
            ("giga-max", 2, "up to 160 credits"),
            ("linux-toolkit-standard", 1, "not published"),
            ("of-our-own", 1, "not published"),
        ],
    )
    def test_a_relaunch_is_asked_with_its_price(self, signed_in, workspace, template, hours, price):
        session = session_of(workspace, hours, template)
        run = factories.make_run(workspace, Status.FAILED, agent_session=session)
        page = question(signed_in, run, "relaunch")
        assert "Launch it again?" in page and price in page
        assert f'action="/runs/{run.pk}/relaunch/"' in page
        assert str(accepting.relaunch_token(run)) in page
        assert Run.objects.count() == 1

    def test_fifteen_minutes_are_asked_with_their_price(self, signed_in, workspace):
        run = factories.make_run(workspace, sandbox_id="box")
        page = question(signed_in, run, "extend")
        assert "15 more minutes?" in page and "up to 5 credits" in page
        assert f'action="/runs/{run.pk}/extend/"' in page and not Extension.objects.exists()

    def test_the_focus_is_on_the_answer_that_spends_nothing(self, signed_in, workspace):
        run = factories.make_run(workspace, Status.FAILED)
        buttons = re.findall(r"<button[^>]*>", question(signed_in, run, "relaunch"))
        assert ["autofocus" in button for button in buttons] == [True, False]

    @pytest.mark.parametrize("status", ACTIVE)
    def test_what_is_not_over_offers_no_button(self, signed_in, workspace, status):
        page = question(signed_in, factories.make_run(workspace, status), "relaunch")
        assert 'method="post"' not in page and ">Close<" in page

    def test_nothing_is_bought_twice_while_it_is_under_way(self, signed_in, workspace, operator):
        run = factories.make_run(workspace, sandbox_id="box")
        Extension.objects.create(run=run, token=uuid.uuid4(), by=operator)
        page = question(signed_in, run, "extend")
        assert "being asked for right now" in page and 'method="post"' not in page

    @pytest.mark.parametrize("status", ACTIVE)
    def test_the_button_refuses_a_run_that_is_not_over(self, signed_in, workspace, status, rung):
        run = factories.make_run(workspace, status)
        answer = signed_in.post(f"/runs/{run.pk}/relaunch/", {"token": str(uuid.uuid4())}, follow=True)
        assert "It is not over yet." in answer.content.decode() or status == Status.UNKNOWN
        assert (Run.objects.count(), rung) == (1, [])


class TestManyRuns:
    @pytest.mark.parametrize("status", ACTIVE)
    def test_what_is_not_over_is_not_launched_again(self, signed_in, workspace, status, rung):
        """A relaunch of what still runs would pay twice for one task."""
        run, over = factories.make_run(workspace, status), factories.make_run(workspace, Status.COMPLETED)
        form = {"action": "relaunch", "run": [run.pk, over.pk], "token": str(uuid.uuid4())}
        answer = signed_in.post("/runs/bulk/", form, follow=True)
        reason = "It may be running" if status == Status.UNKNOWN else "It is not over yet."
        told = [str(message) for message in answer.context["messages"]]
        assert told[0] == "1 run launched again." and told[1].startswith(f"1 run not done: {reason}")
        assert len(rung) == 1 and Run.objects.count() == 3

    @pytest.mark.parametrize("status", FINAL)
    def test_what_is_over_is(self, workspace, operator, status):
        run = factories.make_run(workspace, status)
        assert bulk.plan_relaunch([run]).done == [run]

    def test_it_is_said_before_how_many_and_which_not(self, signed_in, workspace):
        over = [factories.make_run(workspace, Status.FAILED) for _ in range(2)]
        twin = factories.make_run(workspace, Status.FAILED, agent_session=over[0].agent_session)
        going_on = [factories.make_run(workspace) for _ in range(2)]
        unknown = factories.make_run(workspace, Status.UNKNOWN)
        page = bulk_question(signed_in, [*over, twin, *going_on, unknown])
        assert "Relaunch 2 runs?" in page and "up to 40 credits" in page
        assert "2 are left out: It is not over yet." in page
        assert "1 is left out: It may be running" in page
        assert "1 is left out: It is of the same session as another." in page
        assert "Relaunch 2<" in page and Run.objects.count() == 6

    def test_one_is_one(self, signed_in, workspace):
        assert "Relaunch 1 run?" in bulk_question(signed_in, [factories.make_run(workspace, Status.FAILED)])

    def test_everything_is_what_the_address_means(self, signed_in, workspace):
        for status in (Status.FAILED, Status.FAILED, Status.COMPLETED):
            factories.make_run(workspace, status)
        assert "Relaunch 2 runs?" in bulk_question(signed_in, query="?status=failed", everything="1")
        assert "not understood" in bulk_question(signed_in, query="?status=bogus", everything="1")

    @pytest.mark.parametrize("status", [Status.RUNNING, Status.UNKNOWN])
    def test_where_nothing_can_be_launched_no_button_is(self, signed_in, workspace, status):
        page = bulk_question(signed_in, [factories.make_run(workspace, status)])
        assert "None of these is launched again" in page
        assert "1 is left out" in page and 'value="relaunch"' not in page

    def test_nothing_selected_is_said(self, signed_in):
        assert "Select a run first." in bulk_question(signed_in)

    def test_of_too_many_it_is_said_how_many_and_that_none_is_launched(
        self, signed_in, workspace, monkeypatch
    ):
        monkeypatch.setattr("runs.bulk.MOST_RELAUNCHED", 1)
        runs = [factories.make_run(workspace, Status.FAILED) for _ in range(3)]
        for page in (bulk_question(signed_in, runs), bulk_question(signed_in, everything="1")):
            assert "Too many at once" in page and 'value="relaunch"' not in page
            assert "These are 3 runs, and at most 1 are taken at a time: nothing is done." in page

    def test_a_price_that_is_known_in_part_says_so(self, signed_in, workspace):
        runs = [
            factories.make_run(workspace, Status.FAILED, agent_session=session_of(workspace, 1, template))
            for template in ("giga-standard", "linux-toolkit-standard")
        ]
        assert "more than 20 credits" in bulk_question(signed_in, runs)
