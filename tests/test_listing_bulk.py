"""Many runs at once: who may, which, what is told, and what leaves in an export."""

import csv
import io
import json
import re
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from people.models import Workspace
from runs import bulk as actions
from runs.models import AgentSession, Run
from runs.status import Status
from tests import factories
from tests.streamed import body_of

pytestmark = pytest.mark.usefixtures("rung")


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def bulk(client, action, runs=(), query="", **fields):
    form = {"action": action, "run": [run.pk for run in runs], **fields}
    return client.post(f"/runs/bulk/{query}", form, follow=True)


def told(answer) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


class TestWhich:
    def test_those_that_were_picked(self, signed_in, workspace):
        picked, other = factories.make_run(workspace), factories.make_run(workspace)
        assert told(bulk(signed_in, "tag", [picked], tag="acme")) == ["1 run tagged “acme”."]
        assert [list(run.tags.values_list("name", flat=True)) for run in (picked, other)] == [["acme"], []]

    def test_everything_that_matches(self, signed_in, workspace):
        failed = [factories.make_run(workspace, Status.FAILED) for _ in range(60)]
        running = factories.make_run(workspace)
        answer = bulk(signed_in, "tag", [failed[0]], "?status=failed", everything="1", tag="acme")
        assert told(answer) == ["60 runs tagged “acme”."]
        assert Run.objects.filter(tags__name="acme").count() == 60 and not running.tags.exists()

    @pytest.mark.parametrize("said", ["off", "no", "0", "false", "null", "x", "1 "])
    def test_everything_is_meant_by_who_says_so(self, signed_in, workspace, rung, said):
        runs = [factories.make_run(workspace, Status.FAILED) for _ in range(3)]
        for picked in ([], runs[:1]):
            answer = bulk(signed_in, "relaunch", picked, everything=said, token=str(uuid.uuid4()))
            assert told(answer) == ["Say what to do."]
        assert (Run.objects.count(), rung) == (3, [])

    def test_never_those_of_others(self, signed_in, workspace, stranger):
        theirs = factories.make_run(stranger.memberships.get().workspace)
        assert told(bulk(signed_in, "tag", [theirs], tag="acme")) == ["0 runs tagged “acme”."]
        assert not theirs.tags.exists()

    def test_nothing_picked_is_said(self, signed_in, workspace):
        assert told(bulk(signed_in, "tag", tag="acme")) == ["Select a run first."]

    @pytest.mark.parametrize("pk", ["x", "-1", "٣", "9" * 40, ""])
    def test_ids_that_are_none_are_left_out(self, signed_in, workspace, pk):
        answer = signed_in.post("/runs/bulk/", {"action": "csv", "run": pk}, follow=True)
        assert told(answer) == ["Select a run first."]

    def test_how_many_match_is_told(self, signed_in, workspace):
        for status in (Status.FAILED, Status.FAILED, Status.RUNNING):
            factories.make_run(workspace, status)
        assert signed_in.get("/runs/bulk/?status=failed").content == b"2"

    def test_more_than_are_done_at_a_time_are_refused_whole(self, signed_in, workspace, monkeypatch):
        monkeypatch.setattr("runs.bulk.MOST_CHANGED", 2)
        runs = [factories.make_run(workspace) for _ in range(3)]
        assert told(bulk(signed_in, "tag", runs, tag="a")) == [
            "These are 3 runs, and at most 2 are taken at a time: nothing is done. "
            "Narrow the list down by a filter, or select fewer."
        ]
        assert not Run.objects.filter(tags__isnull=False).exists()


class TestWho:
    @pytest.mark.parametrize("action", ["tag", "verdict-achieved", "relaunch"])
    def test_a_viewer_changes_nothing(self, client, workspace, viewer, action, rung):
        run = factories.make_run(workspace, Status.COMPLETED)
        client.force_login(viewer)
        answer = bulk(client, action, [run], tag="acme", token=str(uuid.uuid4()))
        assert answer.status_code == 403
        run.refresh_from_db()
        assert (run.verdict, run.tags.count(), Run.objects.count(), rung) == ("", 0, 1, [])

    def test_a_viewer_exports(self, client, workspace, viewer):
        run = factories.make_run(workspace)
        client.force_login(viewer)
        assert bulk(client, "csv", [run]).status_code == 200

    def test_a_viewer_is_offered_the_export_alone(self, client, workspace, viewer):
        factories.make_run(workspace)
        client.force_login(viewer)
        page = client.get("/runs/").content.decode()
        assert 'value="csv"' in page and 'value="tag"' not in page and 'value="relaunch"' not in page


class TestActions:
    def test_a_tag_is_added_to_others(self, signed_in, workspace, operator):
        run = factories.make_run(workspace)
        run.tag(["old"], by=operator)
        bulk(signed_in, "tag", [run], tag="new")
        assert list(run.tags.values_list("name", flat=True)) == ["new", "old"]
        assert told(bulk(signed_in, "tag", [run], tag="new")) == [
            "0 runs tagged “new”.",
            "1 run not done: It has that tag already.",
        ]

    def test_a_tag_leaves_the_one_that_a_colleague_gives_meanwhile(self, workspace, operator):
        run = factories.make_run(workspace)
        rows = list(Run.objects.for_list())
        run.tag(["of a colleague"], by=operator)
        outcome = actions.add_tag(operator.memberships.get(), rows, "mine")
        assert outcome.done == [run]
        assert list(run.tags.values_list("name", flat=True)) == ["mine", "of a colleague"]

    def test_a_tag_without_a_name_is_refused(self, signed_in, workspace):
        assert told(bulk(signed_in, "tag", [factories.make_run(workspace)], tag=" ")) == ["Write the tag."]

    def test_a_verdict_is_for_runs_that_are_over(self, signed_in, workspace):
        ended, running = factories.make_run(workspace, Status.COMPLETED), factories.make_run(workspace)
        answer = bulk(signed_in, "verdict-not_achieved", [ended, running])
        assert told(answer) == ["1 run judged: Not achieved.", "1 run not done: It is not over yet."]
        ended.refresh_from_db()
        assert ended.verdict == "not_achieved"
        assert ended.events.first().kind == "verdict"

    def test_a_relaunch_makes_a_new_session_like_the_old(self, signed_in, workspace, operator, rung):
        source = factories.make_session(workspace, user_prompt="Again", system_prompt="R", duration_hours=8)
        run = factories.make_run(workspace, Status.FAILED, agent_session=source)
        bulk(signed_in, "relaunch", [run], token=str(uuid.uuid4()))
        again = Run.objects.first()
        assert again.pk != run.pk and rung == [again.pk]
        assert (again.status, again.created_by, again.title) == ("queued", operator, "Again")
        assert (again.agent_session.system_prompt, again.agent_session.duration_hours) == ("R", 8)
        assert again.agent_session.relaunched_from == run
        event = run.events.first()
        assert (event.kind, event.why) == ("relaunch", str(again.pk))

    def test_a_double_press_launches_once(self, signed_in, workspace):
        runs = [factories.make_run(workspace, Status.FAILED) for _ in range(2)]
        token = str(uuid.uuid4())
        for _ in range(2):
            bulk(signed_in, "relaunch", runs, token=token)
        assert AgentSession.objects.count() == 4

    def test_runs_of_one_session_are_relaunched_as_one(self, signed_in, workspace):
        source = factories.make_session(workspace)
        runs = [factories.make_run(workspace, Status.FAILED, agent_session=source) for _ in range(2)]
        answer = bulk(signed_in, "relaunch", runs, token=str(uuid.uuid4()))
        assert told(answer) == [
            "1 run launched again.",
            "1 run not done: It is of the same session as another.",
        ]

    def test_a_limit_is_told_in_its_own_sentence(self, signed_in, workspace):
        Workspace.objects.update(launches_a_minute=1)
        ended_at = timezone.now() - timedelta(hours=1)
        runs = [factories.make_run(workspace, Status.FAILED, queued_at=ended_at) for _ in range(3)]
        answer = bulk(signed_in, "relaunch", runs, token=str(uuid.uuid4()))
        limit = "This workspace launched 1 run within a minute, which is the limit. Wait a moment."
        assert told(answer) == ["1 run launched again.", f"2 runs not done: {limit}"]

    def test_at_most_fifty_at_a_time(self, signed_in, workspace, rung):
        source = factories.make_session(workspace)
        for _ in range(51):
            factories.make_run(workspace, Status.FAILED, agent_session=source)
        answer = bulk(signed_in, "relaunch", everything="1", token=str(uuid.uuid4()))
        assert told(answer)[0].startswith("These are 51 runs, and at most 50 are taken at a time")
        assert rung == []

    @pytest.mark.parametrize("action", ["", "delete", "verdict-", "verdict-x"])
    def test_what_is_no_action_is_refused(self, signed_in, workspace, action):
        assert told(bulk(signed_in, action, [factories.make_run(workspace)])) == ["Say what to do."]


class TestUndo:
    def undo(self, client, answer):
        """Presses the button of the message."""
        found = re.search(r'name="token" value="(undo:[^"]+)"', answer.content.decode())
        return client.post("/runs/bulk/undo/", {"token": found[1]}, follow=True)

    def test_takes_back_a_tag_where_it_was_given(self, signed_in, workspace, operator):
        run, had_it = factories.make_run(workspace), factories.make_run(workspace)
        had_it.tag(["acme", "old"], by=operator)
        answer = bulk(signed_in, "tag", [run, had_it], "?q=invoices", tag="ACME")
        undone = self.undo(signed_in, answer)
        assert told(undone) == ["Undone for 1 run."] and undone.redirect_chain[0][0] == "/runs/?q=invoices"
        assert not run.tags.exists() and had_it.tags.count() == 2

    def test_takes_back_verdicts_to_what_each_was(self, signed_in, workspace, operator):
        runs = [factories.make_run(workspace, Status.COMPLETED) for _ in range(3)]
        runs[1].judge("not_achieved", by=operator)
        answer = bulk(signed_in, "verdict-achieved", runs)
        runs[2].judge("partly", by=operator)
        undone = self.undo(signed_in, answer)
        assert told(undone) == ["Undone for 2 runs.", "1 run not done: Somebody has changed it since."]
        for run in runs:
            run.refresh_from_db()
        assert [run.verdict for run in runs] == ["", "not_achieved", "partly"]

    def test_once_and_only_what_was_done_last(self, signed_in, workspace):
        run = factories.make_run(workspace)
        first = bulk(signed_in, "tag", [run], tag="one")
        second = bulk(signed_in, "tag", [run], tag="two")
        assert told(self.undo(signed_in, first)) == ["There is nothing left to undo."]
        self.undo(signed_in, second)
        assert told(self.undo(signed_in, second)) == ["There is nothing left to undo."]
        assert list(run.tags.values_list("name", flat=True)) == ["one"]

    def test_is_offered_for_nothing_that_costs_or_did_nothing(self, signed_in, workspace):
        run = factories.make_run(workspace, Status.FAILED)
        for answer in (
            bulk(signed_in, "relaunch", [run], token=str(uuid.uuid4())),
            bulk(signed_in, "tag", [], tag="x", run=[999]),
        ):
            assert b'name="token" value="undo:' not in answer.content

    def test_never_changes_what_its_person_may_not_see_any_more(self, signed_in, workspace, stranger):
        run = factories.make_run(workspace)
        answer = bulk(signed_in, "tag", [run], tag="one")
        theirs = stranger.memberships.get().workspace
        Run.objects.update(workspace=theirs)
        assert told(self.undo(signed_in, answer)) == ["Undone for 0 runs."] and run.tags.exists()


def export(client, kind, **fields) -> str:
    answer = client.post("/runs/bulk/", {"action": kind, "everything": "1", **fields})
    assert f'.{kind}"' in answer.headers["Content-Disposition"]
    return body_of(answer).decode("utf-8-sig")


class TestExport:
    def test_csv_and_json_hold_the_same_runs(self, signed_in, workspace, operator, monkeypatch):
        monkeypatch.setattr("runs.exporting.AT_A_TIME", 2)
        runs = [factories.make_run(workspace, by=operator, prompt=f"Task {number}") for number in range(5)]
        runs[0].tag(["a", "b"], by=operator)
        rows = list(csv.DictReader(io.StringIO(export(signed_in, "csv"))))
        as_json = json.loads(export(signed_in, "json"))
        assert [row["title"] for row in rows] == [f"Task {number}" for number in (4, 3, 2, 1, 0)]
        assert [row["id"] for row in as_json] == [run.pk for run in runs[::-1]]
        assert rows[-1]["tags"] == "a, b" and rows[0]["launched_by"] == "olga"

    def test_nothing_is_an_empty_list(self, signed_in, workspace):
        assert json.loads(export(signed_in, "json")) == []

    def test_a_search_is_exported_as_it_is_shown(self, signed_in, workspace, monkeypatch):
        monkeypatch.setattr("runs.exporting.AT_A_TIME", 1)
        for prompt in ("one shop", "two shop", "other"):
            factories.make_run(workspace, prompt=prompt)
        answer = signed_in.post("/runs/bulk/?q=shop", {"action": "json", "everything": "1"})
        found = json.loads(body_of(answer))
        assert [row["title"] for row in found] == ["two shop", "one shop"]

    def test_no_secret_leaves(self, signed_in, workspace):
        run = factories.make_run(workspace)
        secrets = {
            "sealed_desktop_url": run.sealed("desktop_url", "https://6080-abc.e2b.app/"),
            "sealed_public_token": run.sealed("public_token", "tok_secret"),
            "raw_answer": {"x": "raw-thing"},
        }
        Run.objects.filter(pk=run.pk).update(**secrets)
        for kind in ("csv", "json"):
            text = export(signed_in, kind)
            for secret in (
                secrets["sealed_desktop_url"],
                secrets["sealed_public_token"],
                "raw-thing",
                "e2b.app",
            ):
                assert secret not in text
