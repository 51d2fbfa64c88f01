"""The pages over HTTP: lists, launch, history, what they say and what they cost."""

import uuid

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from runs import tasks
from runs.forms import LaunchForm
from runs.models import AgentSession, Run
from runs.status import Status
from tests import factories


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


def titles(answer) -> list[str]:
    return [run.title for run in answer.context["runs"]]


class TestLaunch:
    def test_a_good_form_goes_to_the_run_page_and_rings_for_the_launch(self, signed_in, monkeypatch):
        rung = []
        monkeypatch.setattr(type(tasks.launch), "enqueue", lambda self, run_id: rung.append(run_id))
        answer = signed_in.post("/runs/new/", launch_form())
        run = Run.objects.get()
        assert answer.status_code == 302 and answer.url == f"/runs/{run.pk}/"
        assert rung == [run.pk]
        assert (run.agent_session.duration_hours, run.created_by.username) == (2, "olga")

    def test_the_same_form_twice_is_one_launch(self, signed_in):
        form = launch_form()
        assert signed_in.post("/runs/new/", form).url == signed_in.post("/runs/new/", form).url
        assert Run.objects.count() == 1

    @pytest.mark.parametrize(
        "field, value, sentence",
        [
            ("user_prompt", "", "Write what should happen."),
            ("user_prompt", " \n\t ", "Write what should happen."),
            ("goal_prompt", "", "Write how to tell that it is done."),
            ("user_prompt", "x" * 20_001, "At most 20000 characters, this has 20001."),
            ("system_prompt", "x" * 20_001, "At most 20000 characters, this has 20001."),
            ("duration_hours", "0", "At least 1 hour."),
            ("duration_hours", "25", "At most 24 hours."),
            ("duration_hours", "1.5", "Whole hours, from 1 to 24."),
            ("duration_hours", "", "Pick a duration."),
            ("duration_hours", "١", None),
            ("sandbox_template", "", "Pick a computer."),
            ("sandbox_template", "giga standard", "letters, digits, dots and dashes only"),
            ("sandbox_template", "<b>", "letters, digits, dots and dashes only"),
            ("deployment_id", "dep 1", "An id has no spaces"),
            ("launch_token", "x", "valid UUID"),
        ],
    )
    def test_a_wrong_field_comes_back_with_its_sentence(self, signed_in, field, value, sentence):
        answer = signed_in.post("/runs/new/", launch_form(**{field: value}))
        if sentence is None:
            assert answer.status_code in (302, 422)
            return
        assert answer.status_code == 422
        assert sentence in str(answer.context["form"].errors[field])
        assert not Run.objects.exists()

    def test_what_was_typed_comes_back(self, signed_in):
        typed = 'Keep <this> & "that" שלום 👩‍🚀'
        answer = signed_in.post("/runs/new/", launch_form(user_prompt=typed, goal_prompt=""))
        assert answer.status_code == 422
        assert answer.context["form"]["user_prompt"].value() == typed
        assert b"&lt;this&gt; &amp; &quot;that&quot;" in answer.content

    def test_what_cannot_be_stored_is_shown_as_such(self, signed_in):
        signed_in.post("/runs/new/", launch_form(user_prompt="a\x00b"))
        assert AgentSession.objects.get().user_prompt == "a�b"

    def test_texts_are_kept_byte_for_byte_but_for_line_ends(self, signed_in):
        text = "  leading\r\n\ttab \u202eright-to-left\u202c 👩‍🚀 trailing  "
        signed_in.post("/runs/new/", launch_form(user_prompt=text))
        assert AgentSession.objects.get().user_prompt == text.replace("\r\n", "\n")

    def test_another_template_may_be_typed(self, signed_in):
        signed_in.post("/runs/new/", launch_form(sandbox_template="", other_template=" my-image.v2 "))
        assert AgentSession.objects.get().sandbox_template == "my-image.v2"

    def test_a_launch_like_another_is_filled_in_with_a_new_token(self, signed_in, workspace):
        source = factories.make_session(workspace, user_prompt="Do it again", duration_hours=8)
        form = signed_in.get(f"/runs/new/?from={source.pk}").context["form"]
        assert form["user_prompt"].value() == "Do it again" and form["duration_hours"].value() == 8
        assert form["launch_token"].value() != source.launch_token

    @pytest.mark.parametrize("source", ["", "x", "-1", "٣", "9" * 400, "1;drop"])
    def test_a_source_that_is_none_gives_the_plain_form(self, signed_in, source):
        assert signed_in.get("/runs/new/", {"from": source}).status_code == 200

    def test_the_form_has_the_fields_others_build_on(self):
        assert list(LaunchForm.base_fields) == [
            "user_prompt",
            "goal_prompt",
            "system_prompt",
            "sandbox_template",
            "duration_hours",
            "deployment_id",
            "launch_token",
            "relaunch_of",
            "launch_anyway",
        ]


class TestList:
    def test_newest_first(self, signed_in, workspace):
        for prompt in ("first", "second", "third"):
            factories.make_run(workspace, prompt=prompt)
        assert titles(signed_in.get("/runs/")) == ["third", "second", "first"]

    def test_filters_by_status_group_person_and_text(self, signed_in, workspace, operator):
        factories.make_run(workspace, Status.RUNNING, prompt="sort the inbox", by=operator)
        factories.make_run(workspace, Status.FAILED, prompt="crawl the shop")
        factories.make_run(workspace, Status.COMPLETED, prompt="crawl the press")
        assert titles(signed_in.get("/runs/?status=active")) == ["sort the inbox"]
        assert titles(signed_in.get("/runs/?status=failed")) == ["crawl the shop"]
        assert titles(signed_in.get("/runs/?status=completed")) == ["crawl the press"]
        assert titles(signed_in.get(f"/runs/?who={operator.pk}")) == ["sort the inbox"]
        assert titles(signed_in.get("/runs/?q=CRAWL")) == ["crawl the press", "crawl the shop"]
        assert titles(signed_in.get("/runs/?q=crawl&status=failed")) == ["crawl the shop"]

    def test_ids_find_their_run(self, signed_in, workspace):
        run = factories.make_run(workspace, prompt="one")
        factories.make_run(workspace, prompt="other")
        assert titles(signed_in.get("/runs/", {"q": run.remote_id})) == ["one"]
        assert titles(signed_in.get("/runs/", {"q": run.agent_session.thread_id})) == ["one"]

    def test_search_signs_are_text(self, signed_in, workspace):
        factories.make_run(workspace, prompt="100% of a_b")
        factories.make_run(workspace, prompt="nothing")
        assert titles(signed_in.get("/runs/", {"q": "100%"})) == ["100% of a_b"]
        assert titles(signed_in.get("/runs/", {"q": "a_b"})) == ["100% of a_b"]
        assert titles(signed_in.get("/runs/", {"q": "%"})) == []

    @pytest.mark.parametrize(
        "query",
        [
            "status=nonsense",
            "who=x",
            "who=-1",
            "before=x",
            f"before={10**30}",
            "q=%00",
            "q=" + "x" * 5000,
            "x=1",
        ],
    )
    def test_filters_that_cannot_be_read_are_left_out(self, signed_in, workspace, query):
        factories.make_run(workspace)
        assert signed_in.get(f"/runs/?{query}").status_code == 200

    def test_pages_by_cursor_without_gaps_or_repeats(self, signed_in, workspace):
        agent_session = factories.make_session(workspace)
        made = [factories.make_run(workspace, agent_session=agent_session).pk for _ in range(120)]
        seen, query = [], ""
        while True:
            answer = signed_in.get(f"/runs/{query}", headers={"HX-Request": "true"} if query else {})
            seen += [run.pk for run in answer.context["runs"]]
            query = answer.context["next_query"]
            if not query:
                break
        assert seen == made[::-1]

    def test_the_next_page_keeps_the_filters(self, signed_in, workspace):
        agent_session = factories.make_session(workspace)
        for _ in range(51):
            factories.make_run(workspace, agent_session=agent_session)
        assert "status=active" in signed_in.get("/runs/?status=active").context["next_query"]

    def test_counts_are_of_everything_the_person_sees(self, signed_in, workspace, stranger):
        for status in (Status.RUNNING, Status.UNKNOWN, Status.FAILED, Status.COMPLETED):
            factories.make_run(workspace, status)
        factories.make_run(stranger.memberships.get().workspace)
        chips = {chip.key: chip.count for chip in signed_in.get("/runs/?status=failed").context["chips"]}
        assert chips == {"all": 4, "active": 2, "needs_you": 0, "unknown": 1, "failed": 1, "to_judge": 1}

    @pytest.mark.parametrize("count", [1, 3])
    def test_it_takes_the_same_queries_for_one_row_and_three(
        self, signed_in, workspace, operator, count, django_assert_num_queries
    ):
        for _ in range(count):
            factories.make_run(workspace, by=operator)
        with django_assert_num_queries(8):
            signed_in.get("/runs/")

    def test_an_empty_list_says_what_to_do(self, signed_in):
        assert b"No runs yet" in signed_in.get("/runs/").content

    def test_every_status_has_its_row_and_its_page(self, signed_in, workspace):
        runs = [factories.make_run(workspace, status, reason="Because.") for status in Status]
        rows = signed_in.get("/runs/").content.decode()
        for run in runs:
            page = signed_in.get(f"/runs/{run.pk}/").content.decode()
            assert f'id="run-{run.pk}"' in rows and f'data-status="{run.status}"' in rows
            assert 'id="run-status"' in page and f'data-status="{run.status}"' in page

    def test_live_parts_are_the_list_and_its_counts(self, signed_in, workspace):
        run = factories.make_run(workspace)
        answer = signed_in.get("/runs/", headers={"X-Live-Parts": "1"})
        assert answer.content.startswith(b'<hx-partial hx-target="#list"')
        assert f'id="run-{run.pk}"' in answer.content.decode() and b'id="chips"' in answer.content
        assert answer.headers["X-Newest-Event"] == str(run.events.get().pk)

    def test_live_parts_reach_as_far_down_as_the_page_asking_for_them(
        self, signed_in, workspace, monkeypatch
    ):
        monkeypatch.setattr("runs.listing.PAGE_SIZE", 2)
        runs = [factories.make_run(workspace) for _ in range(5)]
        asking = {"X-Live-Parts": "1", "X-Down-To": str(runs[1].pk)}
        answer = signed_in.get("/runs/", headers=asking).content.decode()
        assert [f'id="run-{run.pk}"' in answer for run in runs] == [False, True, True, True, True]
        assert f"before={runs[1].pk}" in answer


class TestRun:
    def test_live_parts_are_the_same_as_in_the_page(self, signed_in, workspace):
        run = factories.make_run(workspace)
        page = signed_in.get(f"/runs/{run.pk}/").content.decode()
        parts = signed_in.get(f"/runs/{run.pk}/", headers={"X-Live-Parts": "1"}).content.decode()
        for part in ("run-head", "run-strip", "desktop", "run-activity", "run-details"):
            assert f'id="{part}"' in page and f'hx-target="#{part}"' in parts

    def test_a_rejected_run_says_all_that_giga_said(self, signed_in, workspace):
        run = factories.make_run(
            workspace,
            Status.REJECTED,
            reason="Not enough credits.",
            error_code="INSUFFICIENT_CREDITS",
            error_hint="Top up first.",
            request_id="req-7",
        )
        page = signed_in.get(f"/runs/{run.pk}/").content.decode()
        for words in ("Not enough credits.", "INSUFFICIENT_CREDITS", "Top up first.", "req-7"):
            assert words in page

    def test_an_unknown_run_can_be_settled_by_a_person(self, signed_in, workspace):
        run = factories.make_run(workspace, Status.UNKNOWN)
        page = f"/runs/{run.pk}/settle/"
        assert signed_in.post(page, {"decision": "running"}).status_code == 422
        assert signed_in.post(page, {"decision": "running", "remote_id": "a b"}).status_code == 422
        assert signed_in.post(page, {"decision": "perhaps"}).status_code == 422
        assert signed_in.post(page, {"decision": "running", "remote_id": "run_x"}).status_code == 302
        run.refresh_from_db()
        assert (run.status, run.remote_id) == (Status.STARTING, "run_x")

    def test_an_unknown_run_promises_no_reading_that_does_not_come(self, signed_in, workspace):
        run = factories.make_run(workspace, Status.UNKNOWN)
        words = []
        for due_at in (timezone.now(), None):
            Run.objects.filter(pk=run.pk).update(due_at=due_at)
            words.append(signed_in.get(f"/runs/{run.pk}/").content.decode())
        assert ["wait for the next reading" in page for page in words] == [True, False]
        assert ["Nothing more: a person decides" in page for page in words] == [False, True]

    def test_a_refused_key_is_said_on_every_page(self, signed_in, workspace):
        workspace.giga_account.pause("Giga refuses this workspace's key: It was revoked.")
        for path in ("/runs/", "/sessions/"):
            assert b"It was revoked." in signed_in.get(path).content

    def test_no_page_offers_a_stop(self, signed_in, workspace):
        run = factories.make_run(workspace)
        assert ">Stop<" not in signed_in.get(f"/runs/{run.pk}/").content.decode()


class TestSessions:
    def test_history_by_session(self, signed_in, workspace, operator):
        agent_session = factories.make_session(workspace, by=operator, system_prompt="Never pay.")
        run = factories.make_run(workspace, Status.COMPLETED, agent_session=agent_session)
        assert b"Download the October invoices" in signed_in.get("/sessions/").content
        page = signed_in.get(f"/sessions/{agent_session.pk}/").content.decode()
        for words in ("Never pay.", "giga-standard", f"/runs/{run.pk}/", agent_session.thread_id):
            assert words in page

    @pytest.mark.parametrize("count", [1, 3])
    def test_the_list_takes_the_same_queries_for_one_row_and_three(
        self, signed_in, workspace, operator, count, django_assert_num_queries
    ):
        for _ in range(count):
            factories.make_run(workspace, agent_session=factories.make_session(workspace, by=operator))
        with django_assert_num_queries(7):
            signed_in.get("/sessions/")

    def test_a_thread_of_any_form_is_survived(self, signed_in, workspace):
        for thread in (
            {"messages": [{"role": "user", "text": "<b>hi</b>", "at": ""}], "is_recognised": True, "raw": {}},
            {"messages": [], "is_recognised": False, "raw": {"turns": [1, None, {"x": "<script>"}]}},
        ):
            agent_session = factories.make_session(workspace, thread=thread)
            page = signed_in.get(f"/sessions/{agent_session.pk}/")
            assert (
                page.status_code == 200 and b"<b>hi" not in page.content and b"<script>x" not in page.content
            )


class TestDemo:
    @pytest.mark.parametrize(
        "path", ["/runs/", "/runs/new/", "/runs/1/", "/sessions/", "/nothing/", "/accounts/login/"]
    )
    def test_every_page_says_that_giga_is_simulated(self, signed_in, path):
        if path == "/accounts/login/":
            signed_in.logout()
        assert b"Demo: simulated Giga" in signed_in.get(path).content

    def test_the_admin_says_it_too(self, client, workspace):
        factories.sign_in(client, factories.make_person(workspace, is_staff=True, is_superuser=True))
        assert b"Demo: simulated Giga" in client.get("/admin/").content

    def test_with_a_key_no_page_says_it(self, signed_in, settings):
        settings.IS_DEMO = False
        assert b"Demo: simulated Giga" not in signed_in.get("/runs/").content


class TestErrors:
    def test_a_missing_page_is_ours(self, signed_in):
        assert signed_in.get("/runs/99999999999999999999/").status_code == 404
        answer = signed_in.get("/runs/999999/")
        assert answer.status_code == 404 and b"Gigawatch" in answer.content

    def test_a_missing_page_for_a_stranger_says_nothing_more(self, client, db):
        assert client.get("/nothing-here/").status_code == 404


class TestAdmin:
    @pytest.fixture
    def admin(self, client, workspace):
        user = get_user_model().objects.create_superuser("root", "", "x")
        factories.sign_in(client, user)
        return client

    def test_every_list_and_row_opens_and_holds_no_secret(self, admin, workspace, operator):
        run = factories.make_run(workspace, by=operator)
        sealed = run.sealed("desktop_url", "https://6080-abc.e2b.app/")
        Run.objects.filter(pk=run.pk).update(sealed_desktop_url=sealed)
        rows = {
            "runs/run": run.pk,
            "runs/agentsession": run.agent_session_id,
            "runs/runevent": run.events.get().pk,
            "runs/gigaaccount": workspace.giga_account.pk,
            "people/workspace": workspace.pk,
            "people/membership": operator.memberships.get().pk,
        }
        for model, pk in rows.items():
            for path in (f"/admin/{model}/", f"/admin/{model}/?q=invoices", f"/admin/{model}/{pk}/change/"):
                answer = admin.get(path)
                assert answer.status_code == 200, path
                assert sealed not in answer.content.decode() and "e2b.app" not in answer.content.decode()
                assert workspace.giga_account.sealed_api_key not in answer.content.decode()

    def test_runs_are_for_looking(self, admin, workspace):
        run = factories.make_run(workspace)
        assert admin.get("/admin/runs/run/add/").status_code == 403
        assert admin.post(f"/admin/runs/run/{run.pk}/change/", {"status": "lost"}).status_code == 403
        assert admin.post(f"/admin/runs/run/{run.pk}/delete/", {"post": "yes"}).status_code == 403
