"""History by session: the list, and one session with its runs in order."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from runs.models import AgentSession
from runs.status import Status
from tests import factories


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def titles(answer) -> list[str]:
    return [session.title for session in answer.context["agent_sessions"]]


def statuses(html: str) -> list[str]:
    return re.findall(r'class="pill[^"]*" data-status="(\w+)"', html)


class TestList:
    def test_newest_first_with_the_last_status_and_the_number_of_runs(self, signed_in, workspace, operator):
        session = factories.make_session(workspace, user_prompt="twice", by=operator)
        factories.make_run(workspace, Status.FAILED, agent_session=session)
        factories.make_run(workspace, Status.RUNNING, agent_session=session)
        factories.make_session(workspace, user_prompt="never run")
        answer = signed_in.get("/sessions/")
        page = answer.content.decode()
        assert titles(answer) == ["never run", "twice"]
        assert statuses(page) == ["running"]
        assert re.findall(r'<td class="c-runs num">(\d+)', page) == ["0", "2"]

    def test_search_finds_prompts_and_ids(self, signed_in, workspace):
        found = factories.make_session(workspace, user_prompt="count the zebras", deployment_id="dep_9")
        factories.make_run(workspace, agent_session=found)
        factories.make_run(workspace, prompt="other")
        for text in ("ZEBRA", found.thread_id, "dep_9"):
            assert titles(signed_in.get("/sessions/", {"q": text})) == ["count the zebras"]

    def test_nothing_found_and_nothing_there_say_so(self, signed_in, workspace):
        assert "No sessions yet" in signed_in.get("/sessions/").content.decode()
        factories.make_session(workspace)
        assert "No session has “&lt;b&gt;”" in signed_in.get("/sessions/", {"q": "<b>"}).content.decode()
        assert "Nothing older" in signed_in.get("/sessions/?before=1").content.decode()

    def test_more_is_loaded_from_where_the_page_ended(self, signed_in, workspace):
        for number in range(51):
            factories.make_session(workspace, user_prompt=f"number {number}")
        first = signed_in.get("/sessions/")
        assert len(titles(first)) == 50
        more = signed_in.get("/sessions/" + first.context["next_query"], headers={"HX-Request": "true"})
        assert titles(more) == ["number 0"] and b"<html" not in more.content

    def test_another_teams_sessions_are_not_in_it(self, signed_in, stranger):
        factories.make_session(stranger.memberships.get().workspace)
        assert titles(signed_in.get("/sessions/")) == []

    @pytest.mark.parametrize("count", [1, 3])
    def test_more_sessions_cost_no_more_queries(
        self, signed_in, workspace, operator, django_assert_num_queries, count
    ):
        for _ in range(count):
            session = factories.make_session(workspace, by=operator)
            factories.make_run(workspace, agent_session=session)
            factories.make_run(workspace, agent_session=session)
        with django_assert_num_queries(7):
            signed_in.get("/sessions/")


class TestOneSession:
    def test_its_runs_stand_from_the_first_to_the_last_with_their_messages(self, signed_in, workspace):
        session = factories.make_session(workspace, user_prompt="start here")
        factories.make_run(workspace, Status.COMPLETED, agent_session=session)
        for status, message in ((Status.FAILED, "then <this>"), (Status.RUNNING, "and that")):
            factories.make_run(workspace, status, agent_session=session, message=message, reason="why")
        page = signed_in.get(f"/sessions/{session.pk}/").content.decode()
        lines = re.findall(r'<li class="run-line">.*?</li>', page, re.S)
        assert [statuses(line) for line in lines] == [["completed"], ["failed"], ["running"]]
        assert "start here" in lines[0] and "then &lt;this&gt;" in lines[1] and "and that" in lines[2]
        assert "why" in lines[1]

    def test_a_session_without_runs_says_so(self, signed_in, workspace):
        session = factories.make_session(workspace)
        assert "No run was made in it." in signed_in.get(f"/sessions/{session.pk}/").content.decode()

    def test_the_conversation_shows_when_it_was_read(self, signed_in, workspace):
        session = factories.make_session(workspace)
        AgentSession.objects.update(
            thread={"messages": [{"role": "user", "text": "<b>hello", "at": "nonsense"}]},
            thread_read_at=timezone.now() - timedelta(minutes=5),
        )
        page = signed_in.get(f"/sessions/{session.pk}/").content.decode()
        assert "&lt;b&gt;hello" in page and "5 min ago</time>" in page and "Read again" in page

    @pytest.mark.parametrize("count", [1, 3])
    def test_more_runs_cost_no_more_queries(self, signed_in, workspace, django_assert_num_queries, count):
        session = factories.make_session(workspace)
        for _ in range(count):
            factories.make_run(workspace, agent_session=session)
        with django_assert_num_queries(7):
            signed_in.get(f"/sessions/{session.pk}/")
