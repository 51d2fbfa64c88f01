"""The runs list: filters, counts, marks, the glance, and what each costs."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from people.models import Membership, membership_of
from runs import listing
from runs.models import Run, Tag
from runs.status import Status
from runs.templatetags.gigawatch import exactly
from tests import factories


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def titles(answer) -> list[str]:
    return [run.title for run in answer.context["runs"]]


def chips(answer) -> dict:
    return {chip.key: chip.shown for chip in answer.context["chips"]}


class TestFilters:
    def test_by_template(self, signed_in, workspace):
        small = factories.make_session(workspace, user_prompt="small", sandbox_template="giga-mini")
        factories.make_run(workspace, agent_session=small)
        factories.make_run(workspace, prompt="standard")
        assert titles(signed_in.get("/runs/?template=giga-mini")) == ["small"]
        assert titles(signed_in.get("/runs/?template=nothing")) == []

    def test_by_tag(self, signed_in, workspace, operator):
        factories.make_run(workspace, prompt="tagged").tag(["acme"], by=operator)
        factories.make_run(workspace, prompt="plain")
        tag = Tag.objects.get()
        answer = signed_in.get(f"/runs/?tag={tag.pk}")
        assert titles(answer) == ["tagged"]
        assert [str(filter) for filter in answer.context["applied"]] == ["tag acme"]

    @pytest.mark.parametrize(
        "query, expected",
        [
            ("when=today", ["now"]),
            ("when=7d", ["now", "five days"]),
            ("when=30d", ["now", "five days", "twenty days"]),
            ("since={ten}", ["now", "five days"]),
            ("until={ten}", ["twenty days", "long ago"]),
            ("since={thirty}&until={ten}", ["twenty days"]),
        ],
    )
    def test_by_time(self, noon, signed_in, workspace, query, expected):
        now = timezone.now()
        for days, title in ((400, "long ago"), (20, "twenty days"), (5, "five days"), (0, "now")):
            factories.make_run(workspace, prompt=title, queued_at=now - timedelta(days=days))
        today = timezone.localdate()
        days = {"ten": today - timedelta(days=10), "thirty": today - timedelta(days=30)}
        assert titles(signed_in.get("/runs/?" + query.format(**days))) == expected

    @pytest.mark.parametrize(
        "query",
        [
            "since=x",
            "since=0001-01-01",
            "until=9999-12-31",
            "when=tomorrow",
            "tag=x",
            f"tag={10**30}",
            f"who={10**30}",
            f"template={'x' * 101}",
            "view=x",
        ],
    )
    def test_what_cannot_be_read_is_left_out(self, signed_in, workspace, query):
        factories.make_run(workspace)
        assert len(titles(signed_in.get(f"/runs/?{query}"))) == 1

    def test_each_one_goes_with_one_press(self, signed_in, workspace, operator):
        query = f"status=failed&who={operator.pk}&template=giga-max&when=7d&q=oct"
        answer = signed_in.get(f"/runs/?{query}")
        assert [(str(filter), filter.query) for filter in answer.context["applied"]] == [
            ("Failed", f"?who={operator.pk}&template=giga-max&when=7d&q=oct"),
            ("olga", "?status=failed&template=giga-max&when=7d&q=oct"),
            ("giga-max", f"?status=failed&who={operator.pk}&when=7d&q=oct"),
            ("7 days", f"?status=failed&who={operator.pk}&template=giga-max&q=oct"),
            ("“oct”", f"?status=failed&who={operator.pk}&template=giga-max&when=7d"),
        ]
        assert "Nothing matches Failed + olga + giga-max + 7 days + “oct”" in answer.content.decode()

    def test_together_they_narrow_down(self, noon, signed_in, workspace, operator):
        factories.make_run(workspace, Status.FAILED, prompt="october shop", by=operator)
        factories.make_run(workspace, Status.FAILED, prompt="october shop")
        factories.make_run(workspace, Status.RUNNING, prompt="october shop", by=operator)
        answer = signed_in.get(f"/runs/?status=failed&q=shop&when=today&who={operator.pk}")
        assert [run.created_by for run in answer.context["runs"]] == [operator]

    def test_a_search_in_a_group_looks_no_further_than_the_group(self, signed_in, workspace):
        factories.make_run(workspace, Status.RUNNING, prompt="shop one")
        factories.make_run(workspace, Status.FAILED, prompt="shop two")
        assert titles(signed_in.get("/runs/?q=shop&status=active")) == ["shop one"]
        assert titles(signed_in.get("/runs/?q=shop&status=unknown")) == []


class TestWorkspace:
    def test_the_list_is_of_the_workspace_somebody_works_in(self, signed_in, workspace, operator):
        other = factories.make_workspace("Second team")
        Membership.objects.create(user=operator, workspace=other, role="operator")
        factories.make_run(other, prompt="theirs")
        factories.make_run(workspace, prompt="ours")
        answer = signed_in.get("/runs/")
        assert titles(answer) == ["ours"] and chips(answer)["all"] == "1"
        assert titles(signed_in.get("/runs/?q=theirs")) == []

    def test_a_tag_of_others_says_nothing(self, signed_in, workspace, stranger):
        others = stranger.memberships.get().workspace
        factories.make_run(others).tag(["secret-project"], by=stranger)
        answer = signed_in.get(f"/runs/?tag={Tag.objects.get().pk}")
        assert titles(answer) == [] and b"secret-project" not in answer.content


class TestCounts:
    def test_end_where_nobody_reads_on(self, signed_in, workspace, monkeypatch):
        monkeypatch.setattr("runs.listing.MOST_COUNTED", 2)
        for _ in range(4):
            factories.make_run(workspace)
        assert chips(signed_in.get("/runs/"))["all"] == "2+"

    def test_needs_you_is_offered_when_somebody_is_needed_or_it_is_chosen(
        self, signed_in, workspace, operator
    ):
        def above_the_list(query=""):
            return signed_in.get(f"/runs/{query}").content.decode().split('class="filters"')[0]

        assert "Needs you" not in above_the_list() and "Needs you" in above_the_list("?status=needs_you")
        factories.make_run(workspace).call_for_somebody("Which cost centre?", by=operator)
        assert chips(signed_in.get("/runs/"))["needs_you"] == "1"
        assert "Which cost centre?" in signed_in.get("/runs/").content.decode()


class TestRows:
    @pytest.mark.parametrize("count", [1, 3])
    def test_tags_and_tokens_take_no_query_of_their_own(
        self, signed_in, workspace, operator, count, django_assert_num_queries
    ):
        for _ in range(count):
            factories.make_run(workspace, by=operator, sandbox_id="box").tag(["a", "b"], by=operator)
        with django_assert_num_queries(8):
            signed_in.get("/runs/")

    @pytest.mark.parametrize("count", [1, 3])
    def test_a_search_takes_the_same_queries_for_one_and_three(
        self, signed_in, workspace, operator, count, django_assert_num_queries
    ):
        for _ in range(count):
            factories.make_run(workspace, by=operator).write_note("a lighthouse", by=operator)
        with django_assert_num_queries(12):
            answer = signed_in.get("/runs/?q=lighthouse")
        assert answer.content.count(b"<mark>lighthouse</mark>") == count

    def test_a_match_in_the_title_is_marked_there(self, signed_in, workspace):
        factories.make_run(workspace, prompt="Sort <b>invoices</b>")
        page = signed_in.get("/runs/?q=invo").content.decode()
        assert "Sort &lt;b&gt;<mark>invoices</mark>&lt;/b&gt;" in page

    def test_a_follow_up_is_called_by_its_message_and_said_to_be_one(self, signed_in, workspace):
        first = factories.make_run(workspace, Status.COMPLETED, prompt="Collect the invoices")
        factories.make_run(
            workspace, agent_session=first.agent_session, message="Now mail them to the office"
        )
        page = signed_in.get("/runs/").content.decode()
        titles = re.findall(r'class="row-link"[^>]*>([^<]*)<', page)
        assert titles == ["Now mail them to the office", "Collect the invoices"]
        assert page.count('<span class="sr">Follow-up</span>') == 1

    def test_more_time_is_offered_once_and_only_with_a_computer(self, signed_in, workspace, operator):
        run = factories.make_run(workspace, sandbox_id="box")
        factories.make_run(workspace)
        page = signed_in.get("/runs/").content.decode()
        assert page.count("/extend/") == 1
        token = page.split('{"token": "')[1].split('"')[0]
        assert signed_in.post(f"/runs/{run.pk}/extend/", {"token": token}).status_code == 302
        assert run.extensions.count() == 1
        assert "/extend/" not in signed_in.get("/runs/").content.decode()

    def test_an_ended_run_says_that_nobody_judged_it(self, signed_in, workspace, operator):
        run = factories.make_run(workspace, Status.COMPLETED)
        assert b"not judged yet" in signed_in.get("/runs/").content
        run.judge("achieved", by=operator)
        assert b"not judged yet" not in signed_in.get("/runs/").content


class TestPeek:
    def test_tells_what_matters(self, signed_in, workspace, operator):
        run = factories.make_run(workspace, by=operator, sandbox_id="box")
        run.call_for_somebody("Which cost centre?", by=operator)
        page = signed_in.get(f"/runs/{run.pk}/peek/").content.decode()
        for words in (
            run.title,
            "All PDFs are in the folder.",
            "Which cost centre?",
            "olga",
            "/extend/",
            "Relaunch",
            exactly(run.queued_at),  # the row's is on hover alone: this one is reached by keys
        ):
            assert words in page, words
        assert page.count("<li>") == 2

    def test_of_others_is_not_there(self, client, workspace, stranger):
        run = factories.make_run(workspace)
        client.force_login(stranger)
        assert client.get(f"/runs/{run.pk}/peek/").status_code == 404

    def test_a_viewer_only_looks(self, client, workspace, viewer):
        run = factories.make_run(workspace, sandbox_id="box")
        client.force_login(viewer)
        page = client.get(f"/runs/{run.pk}/peek/").content.decode()
        assert "Open run" in page and "/extend/" not in page and "Relaunch" not in page


class TestFirstUse:
    def test_offers_examples_in_demo_mode(self, signed_in, workspace):
        page = signed_in.get("/runs/").content.decode()
        for slug in ("invoices", "flights", "fails"):
            assert f'href="/runs/new/?example={slug}"' in page

    def test_offers_none_that_would_cost(self, signed_in, workspace, settings):
        settings.IS_DEMO = False
        assert "example=" not in signed_in.get("/runs/").content.decode()

    def test_a_viewer_is_told_who_launches(self, client, workspace, viewer):
        client.force_login(viewer)
        page = client.get("/runs/").content.decode()
        assert "Operators and managers" in page and "example=" not in page


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite counts its steps")
def test_a_day_without_runs_is_not_looked_for_in_the_whole_history(noon, workspace, operator):
    """As every morning is one until the first launch."""
    filters = {"since": timezone.localdate()}
    yesterday = timezone.now() - timedelta(days=1)
    first = factories.make_run(workspace, Status.COMPLETED, queued_at=yesterday)
    membership = membership_of(operator)
    few = steps_of(lambda: listing.page_of(membership, filters))
    Run.objects.bulk_create(
        Run(agent_session=first.agent_session, workspace=workspace, status=first.status, queued_at=yesterday)
        for _ in range(3000)
    )
    assert listing.page_of(membership, filters) == ([], None)
    assert steps_of(lambda: listing.page_of(membership, filters)) <= few + 1


def steps_of(read) -> int:
    """How many thousands of steps SQLite takes for what is read."""
    steps = []
    connection.ensure_connection()
    connection.connection.set_progress_handler(lambda: steps.append(1) and None, 1000)
    try:
        read()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return len(steps)


def test_lists_are_read_from_their_indexes(workspace, operator):
    """Sorting or scanning a million rows is what makes a list slow; small tables do not show it."""
    runs = Run.objects.visible_to(operator).in_workspace(workspace)
    for some in (runs, runs.in_group("failed"), runs.in_group("running"), runs.filter(created_by=operator)):
        plan = some.order_by("-pk")[:50].explain().splitlines()
        # Who the reader is may be sorted out; what is read for them may not.
        is_sqlite = connection.vendor == "sqlite"
        of_the_runs = [line for line in plan if line.split()[1] == "0"] if is_sqlite else plan[:2]
        assert [line for line in of_the_runs if "TEMP B-TREE" in line or "Sort" in line] == []


def test_a_list_without_filters_has_no_bar_of_them(signed_in, workspace):
    assert '<p class="applied-list bar" id="applied"></p>' in signed_in.get("/runs/").content.decode()
    assert '<p class="applied-list bar" id="applied"><a' in signed_in.get("/runs/?q=x").content.decode()
