"""The launch page: what fills the form, what it says before a launch, and the launch as curl."""

import json
import re
import subprocess
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from people.models import membership_of
from runs import accepting, curl
from runs.comparing import changes, word_diff
from runs.examples import EXAMPLES
from runs.models import AgentSession, Run
from runs.sayings import FORMS, told
from runs.status import Status
from runs.usual import usual_of
from tests import factories

KEY = "giga_sk_" + "0a" * 16
HOSTILE = "it's \"quoted\" `id` $(id) $HOME \\ \n new line\t! # ; & | < > * \u202e שלום 👩‍🚀 '; rm -rf / #"


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def launch_form(**fields):
    return {
        "user_prompt": "Download the invoices",
        "goal_prompt": "All are there",
        "system_prompt": "",
        "sandbox_template": "giga-standard",
        "duration_hours": "2",
        "deployment_id": "",
        "launch_token": str(uuid.uuid4()),
        **fields,
    }


def values(answer) -> dict:
    form = answer.context["form"]
    return {name: form[name].value() for name in form.fields}


def test_the_same_form_sent_again_after_a_follow_up_goes_to_the_run_it_launched(signed_in, operator):
    form = launch_form()
    page = signed_in.post("/runs/new/", form).url
    AgentSession.objects.update(thread_id="t1")
    Run.objects.update(status=Status.COMPLETED)
    session = AgentSession.objects.get()
    accepting.accept_follow_up(session, membership_of(operator), message="more", token=uuid.uuid4())
    assert signed_in.post("/runs/new/", form).url == page
    assert Run.objects.count() == 2


class TestPrefill:
    def test_a_run_to_relaunch_with_changes_fills_the_form_and_is_named(self, signed_in, workspace):
        run = factories.make_run(workspace, Status.COMPLETED, prompt="Do it again")
        answer = signed_in.get(f"/runs/new/?run={run.pk}")
        filled = values(answer)
        assert (filled["user_prompt"], filled["relaunch_of"]) == ("Do it again", run.pk)
        assert "nothing changed yet" in answer.content.decode()

    def test_somebody_elses_run_fills_nothing(self, signed_in, stranger):
        run = factories.make_run(stranger.memberships.get().workspace, prompt="Secret")
        for name in ("run", "kept"):
            assert b"Secret" not in signed_in.get(f"/runs/new/?{name}={run.pk}").content
        signed_in.post("/runs/new/", launch_form(relaunch_of=run.pk))
        assert AgentSession.objects.latest("id").relaunched_from is None
        assert b"Secret" not in signed_in.post("/runs/new/checks/", launch_form(relaunch_of=run.pk)).content

    @pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.slug)
    def test_an_example_fills_the_form(self, signed_in, example):
        filled = values(signed_in.get(f"/runs/new/?example={example.slug}"))
        assert filled["user_prompt"] == str(example.user_prompt)
        assert filled["goal_prompt"] == str(example.goal_prompt)

    @pytest.mark.parametrize("query", ["run=x", "run=9999", "kept=-1", "example=none", "run=" + "9" * 400])
    def test_an_address_that_names_nothing_gives_the_plain_form(self, signed_in, query):
        answer = signed_in.get(f"/runs/new/?{query}")
        assert answer.status_code == 200 and values(answer)["user_prompt"] in (None, "")

    def test_recent_are_the_last_eight_distinct_configurations(self, signed_in, workspace):
        for number in range(10):
            for _ in range(2):
                factories.make_session(workspace, user_prompt=f"Task {number}")
        titles = [recent.title for recent in signed_in.get("/runs/new/").context["recent"]]
        assert titles == [f"Task {number}" for number in range(9, 1, -1)]

    def test_launch_and_keep_form_launches_and_fills_the_form_again_with_a_new_token(self, signed_in):
        form = launch_form(keep="1")
        answer = signed_in.post("/runs/new/", form, follow=True)
        run = Run.objects.get()
        assert answer.redirect_chain == [(f"/runs/new/?kept={run.pk}", 302)]
        assert values(answer)["user_prompt"] == "Download the invoices"
        assert str(values(answer)["launch_token"]) != form["launch_token"]
        assert f"Run {run.pk} was launched." in answer.content.decode()


class TestRelaunchWithChanges:
    def test_the_new_run_says_what_was_changed(self, signed_in, workspace):
        source = factories.make_run(workspace, Status.COMPLETED, prompt="Download October invoices")
        form = launch_form(
            user_prompt="Download November invoices",
            goal_prompt=source.agent_session.goal_prompt,
            relaunch_of=source.pk,
        )
        answer = signed_in.post("/runs/new/", form, follow=True)
        assert [str(change.label) for change in answer.context["changes"]] == ["Task", "Duration"]
        page = answer.content.decode()
        assert "<del>October</del><ins>November</ins>" in page and "<del>1</del><ins>2</ins>" in page

    def test_the_form_says_it_while_it_is_edited(self, signed_in, workspace):
        source = factories.make_run(workspace, Status.COMPLETED)
        form = launch_form(user_prompt="<b>Something</b> else", relaunch_of=source.pk)
        page = signed_in.post("/runs/new/checks/", form).content.decode()
        assert "<b>Task</b>" in page and "&lt;" in page and "<b>Something</b>" not in page


class TestChecks:
    def test_a_key_in_a_text_is_asked_about_before_anything_is_kept(self, signed_in):
        answer = signed_in.post("/runs/new/", launch_form(system_prompt=f"Use {KEY}"))
        assert answer.status_code == 422 and "looks like a Giga key" in answer.content.decode()
        assert not AgentSession.objects.exists()
        signed_in.post("/runs/new/", launch_form(system_prompt=f"Use {KEY}", launch_anyway="on"))
        assert Run.objects.count() == 1

    def test_a_run_like_it_that_goes_on_is_named(self, signed_in, workspace):
        queued_at = timezone.now() - timedelta(minutes=13)
        run = factories.make_run(workspace, prompt="Same\ntask", queued_at=queued_at)
        page = signed_in.post("/runs/new/checks/", launch_form(user_prompt="Same\r\ntask")).content.decode()
        assert "launched 13 min ago and is still going on." in page and f'href="/runs/{run.pk}/"' in page

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
    def test_a_run_that_is_over_is_not(self, signed_in, workspace, status):
        factories.make_run(workspace, status, prompt="Same task")
        page = signed_in.post("/runs/new/checks/", launch_form(user_prompt="Same task")).content.decode()
        assert "still going on" not in page

    def test_another_teams_run_is_not(self, signed_in, stranger):
        factories.make_run(stranger.memberships.get().workspace, prompt="Same task")
        page = signed_in.post("/runs/new/checks/", launch_form(user_prompt="Same task")).content.decode()
        assert "still going on" not in page

    def test_the_number_of_wrong_fields_stands_in_the_foot(self, signed_in):
        page = signed_in.post("/runs/new/", launch_form(user_prompt="", goal_prompt="")).content.decode()
        assert "2 fields need you" in page

    @pytest.mark.parametrize("path", ["checks", "curl"])
    def test_a_viewer_asks_in_vain(self, client, viewer, path):
        client.force_login(viewer)
        assert client.post(f"/runs/new/{path}/", launch_form()).status_code == 403

    @pytest.mark.parametrize("path", ["checks", "curl"])
    def test_nonsense_is_survived(self, signed_in, path):
        nonsense = {"user_prompt": "a\0b", "duration_hours": "x", "relaunch_of": "9" * 40}
        assert signed_in.post(f"/runs/new/{path}/", nonsense).status_code == 200


class TestCurl:
    def run_in_a_shell(self, tmp_path, text) -> list[list[str]]:
        """What `curl` was called with, by a real shell."""
        log = tmp_path / "calls"
        script = f"""curl() {{ printf '%s\\0' "$@" '--end--' >> {log}; echo '{{"threadId": "t-1"}}'; }}
            jq() {{ echo t-1; }}
            GIGA_API_KEY=the-key
            {text}"""
        subprocess.run(["bash", "-eu", "-c", script], check=True, capture_output=True)
        calls = log.read_bytes().decode().split("--end--\0")[:-1]
        return [call.split("\0")[:-1] for call in calls]

    def test_a_shell_sends_exactly_what_the_form_holds(self, tmp_path):
        configuration = {
            "user_prompt": HOSTILE,
            "goal_prompt": "Done",
            "system_prompt": "",
            "sandbox_template": "giga-standard",
            "duration_hours": 2,
            "deployment_id": "",
        }
        text = curl.launch_as_curl("https://api.giga.example", configuration)
        create, start = self.run_in_a_shell(tmp_path, text)
        assert create[3] == "https://api.giga.example/api/sessions"
        assert start[3] == "https://api.giga.example/api/sessions/t-1/runs"
        assert "Authorization: Bearer the-key" in create and "Authorization: Bearer the-key" in start
        assert json.loads(create[-1]) == {
            "prompts": {"userPrompt": HOSTILE, "goalPrompt": "Done"},
            "template": "giga-standard",
            "duration": 2,
        }
        assert json.loads(start[-1]) == {"message": "Start the task now."}

    def test_a_follow_up_is_one_call_in_its_session(self, tmp_path):
        text = curl.follow_up_as_curl("https://api.giga.example", "t-9", HOSTILE)
        (call,) = self.run_in_a_shell(tmp_path, text)
        assert call[3] == "https://api.giga.example/api/sessions/t-9/runs"
        assert json.loads(call[-1]) == {"message": HOSTILE}

    def test_the_key_is_never_in_it(self, signed_in, workspace):
        page = signed_in.post("/runs/new/curl/", launch_form()).content.decode()
        assert "$GIGA_API_KEY" in page and workspace.giga_account.api_key not in page

    def test_the_run_page_has_it_too(self, signed_in, workspace):
        run = factories.make_run(workspace)
        assert "&quot;userPrompt&quot;" in signed_in.get(f"/runs/{run.pk}/").content.decode()


class TestUsual:
    def arrived(self, workspace, took_s, *, template="giga-standard", **fields):
        queued_at = timezone.now() - timedelta(hours=1)
        marks = {
            name: queued_at + timedelta(seconds=share * took_s)
            for name, share in (
                ("session_at", 0.1),
                ("accepted_at", 0.2),
                ("started_at", 0.9),
                ("desktop_at", 1),
            )
        }
        agent_session = factories.make_session(workspace, sandbox_template=template)
        fields = {"agent_session": agent_session, "queued_at": queued_at, **marks, **fields}
        return factories.make_run(workspace, Status.COMPLETED, **fields)

    def test_it_is_the_median_of_the_runs_of_that_template_that_got_there(
        self, workspace, django_assert_num_queries
    ):
        for took_s in (10, 20, 90):
            self.arrived(workspace, took_s)
        self.arrived(workspace, 1000, template="giga-max")
        self.arrived(workspace, 500, desktop_at=None)
        self.arrived(workspace, 500, message="A follow-up")
        self.arrived(factories.make_workspace("Other"), 500)
        with django_assert_num_queries(1):
            usual = usual_of(workspace.pk)["giga-standard"]
        assert (usual.runs, usual.whole_s) == (3, 20)
        assert {key: round(took, 1) for key, took in usual.steps.items()} == {
            "session": 2,
            "started": 2,
            "booted": 14,
            "desktop": 2,
        }
        with django_assert_num_queries(0):
            usual_of(workspace.pk)

    def test_only_the_newest_fifty_count(self, workspace, monkeypatch):
        monkeypatch.setattr("runs.usual.RUNS_OF_A_TEMPLATE", 2)
        for took_s in (500, 10, 20):
            self.arrived(workspace, took_s)
        assert usual_of(workspace.pk)["giga-standard"].whole_s == 15

    def test_without_history_no_number_is_made_up(self, signed_in, workspace):
        run = factories.make_run(workspace, Status.STARTING, remote_word="QUEUED")
        page = signed_in.get(f"/runs/{run.pk}/").content.decode()
        assert "nothing is known about how long it takes" in page and "data-usual" not in page

    def test_a_later_step_proves_the_earlier_ones(self, signed_in, workspace):
        """A run that was adopted has no time at which its session was created."""
        run = factories.make_run(workspace, Status.STARTING, session_at=None)
        page = signed_in.get(f"/runs/{run.pk}/").content.decode()
        places = re.findall(r'<li class="is-(\w+)', page)
        assert places == ["done", "done", "done", "now", "next", "next"]

    def test_past_twice_the_usual_time_the_row_says_what_is_known(self, signed_in, workspace):
        self.arrived(workspace, 10)
        late = timezone.now() - timedelta(seconds=57)
        run = factories.make_run(workspace, Status.STARTING, accepted_at=late, remote_word="QUEUED")
        page = signed_in.get(f"/runs/{run.pk}/").content.decode()
        assert "Usually 10 s from launch to desktop, from your last run." in page
        assert 'class="is-now tone-amber is-late"' in page and "and says “QUEUED”." in page


class TestComparing:
    @pytest.mark.parametrize(
        "before, after",
        [("", "a"), ("a", ""), ("a b c", "a x c"), ("same", "same"), ("x " * 9000, "y " * 9000), ("\n", " ")],
    )
    def test_both_texts_can_be_read_from_the_difference(self, before, after, monkeypatch):
        monkeypatch.setattr("runs.comparing.SAME_WORDS_SHOWN", 10**9)
        parts = word_diff(before, after)
        assert "".join(part.text for part in parts if part.kind != "ins") == before
        assert "".join(part.text for part in parts if part.kind != "del") == after

    def test_long_unchanged_stretches_are_shortened(self):
        parts = word_diff("word " * 500 + "old", "word " * 500 + "new")
        assert [part.kind for part in parts] == ["same", "gap", "same", "del", "ins"]

    def test_nothing_changed_is_nothing(self):
        assert (
            changes({"user_prompt": "a", "duration_hours": 1}, {"user_prompt": "a", "duration_hours": "1"})
            == []
        )


def test_every_stored_sentence_with_values_is_recognised_and_keeps_them():
    for form in FORMS:
        text = form % {name: f"<{name}>" for name in re.findall(r"%\((\w+)\)s", form)}
        assert told(text) == text
    assert told("Anything else") == "Anything else" and told("") == ""
