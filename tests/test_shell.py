"""What stands around every page: the places to go, the counts, the palette, messages."""

import re
from html import unescape

import pytest
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.template.loader import render_to_string

from people.models import Membership, membership_of
from runs import listing, live
from runs.models import Run
from runs.places import ADMIN, PLACES
from runs.status import Status
from tests import factories

pytestmark = pytest.mark.any_database


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def found(client, text="", **more) -> list[str]:
    """What the palette lists, as it reads."""
    page = client.get("/find/", {"q": text, **more}).content.decode()
    titles = re.findall(r'role="option" id=.*?found-title"[^>]*>(.*?)</span>', page, re.S)
    return [unescape(title) for title in titles]


@pytest.mark.parametrize("text", ["wall", "WALL", "Wáll", "ＷＡＬＬ"])
def test_a_page_is_found_by_other_forms_of_its_letters(signed_in, workspace, text):
    assert found(signed_in, text) == ["Wall"]


def counts(page: str) -> tuple[str, str]:
    """How many runs need somebody and how many are active, as the side bar says; "" for none."""
    needs = re.search(r'id="needs-count">(?:<b>(\d+)</b>)?', page)
    active = re.search(r'id="active-count">(\d*)', page)
    return needs[1] or "", active[1]


class TestPlaces:
    def test_only_what_exists_is_linked(self, signed_in):
        page = signed_in.get("/runs/").content.decode()
        nav = page.split('<nav class="nav"')[1].split("</nav>")[0]
        linked = re.findall(r'<a href="([^"]+)"', nav)
        assert linked == [place.url for place in PLACES if place.url]
        assert linked[:2] == ["/runs/", "/sessions/"]

    def test_only_superusers_see_the_admin(self, client, workspace):
        client.force_login(factories.make_person(workspace, is_superuser=True, is_staff=True))
        assert f'href="{ADMIN.url}"' in client.get("/runs/").content.decode()

    def test_where_one_is_is_marked(self, signed_in):
        for path in ("/runs/", "/sessions/"):
            page = signed_in.get(path).content.decode()
            assert re.findall(r'<a href="([^"]+)"[^>]*aria-current="page"', page) == [path]


class TestCounts:
    def test_runs_that_need_somebody_are_counted_once(self, signed_in, workspace, operator):
        flagged = factories.make_run(workspace, Status.RUNNING)
        flagged.call_for_somebody("A code by phone", by=operator)
        unknown = factories.make_run(workspace, Status.UNKNOWN)
        unknown.call_for_somebody("Is it running?", by=operator)
        taken = factories.make_run(workspace, Status.RUNNING)
        taken.call_for_somebody("Done soon", by=operator)
        taken.take_on(by=operator)
        factories.make_run(workspace, Status.COMPLETED)
        factories.make_run(factories.make_workspace("Other team"), Status.UNKNOWN)
        assert listing.counts_beside(membership_of(operator)) == {"active_count": 3, "needs_count": 2}
        assert counts(signed_in.get("/sessions/").content.decode()) == ("2", "3")

    def test_the_tab_says_how_many_and_its_icon_that_there_are_some(self, signed_in, workspace):
        calm = signed_in.get("/runs/").content.decode()
        assert "<title>Runs · Gigawatch</title>" in calm
        run = factories.make_run(workspace, Status.UNKNOWN)
        telling = signed_in.get("/runs/").content.decode()
        assert "<title>(1) Runs · Gigawatch</title>" in telling
        assert re.search(r'id="favicon"[^>]* href="[^"]*favicon-needs', telling)
        of_the_run = signed_in.get(f"/runs/{run.pk}/").content.decode()
        assert "<title>Unknown · " in of_the_run

    def test_a_push_carries_both(self, workspace, operator):
        factories.make_run(workspace, Status.UNKNOWN)
        assert counts(live.side_counts(membership_of(operator))) == ("1", "1")
        Run.objects.all().delete()
        assert counts(live.side_counts(membership_of(operator))) == ("", "")

    def test_they_take_one_query(self, operator, django_assert_num_queries):
        membership = membership_of(operator)
        with django_assert_num_queries(1):
            live.side_counts(membership)


class TestPalette:
    def test_it_lists_the_newest_runs_then_actions_and_pages(self, signed_in, workspace):
        for number in range(10):
            factories.make_run(workspace, prompt=f"Task {number}")
        listed = found(signed_in)
        assert listed[:8] == [f"Task {number}" for number in range(9, 1, -1)]
        assert listed[8:11] == ["New run", "Runs", "Sessions"]

    def test_it_finds_by_text_and_by_number(self, signed_in, workspace):
        first = factories.make_run(workspace, prompt="Invoices of October")
        factories.make_run(workspace, prompt="Order toner")
        assert found(signed_in, "invoices") == ["Invoices of October"]
        assert found(signed_in, f"#{first.pk}")[0] == "Invoices of October"
        assert found(signed_in, "session") == ["Sessions"]
        assert found(signed_in, "nothing like this") == []

    def test_it_finds_nothing_of_another_team(self, client, stranger, workspace):
        run = factories.make_run(workspace, prompt="Not for everybody")
        client.force_login(stranger)
        assert found(client, "everybody", run=run.pk) == []
        assert not any("Not for everybody" in line for line in found(client, run=run.pk))

    def test_it_finds_runs_of_the_workspace_one_works_in(self, signed_in, operator):
        elsewhere = factories.make_workspace("Second team")
        Membership.objects.create(user=operator, workspace=elsewhere, role="operator")
        factories.make_run(elsewhere, prompt="Done elsewhere")
        assert found(signed_in, "elsewhere") == []

    def test_the_open_run_can_be_relaunched_by_those_who_may(self, client, signed_in, workspace, viewer):
        factories.make_session(workspace, user_prompt="So that the ids differ")
        run = factories.make_run(workspace, prompt="Again and again")
        assert "Relaunch “Again and again”" in found(signed_in, run=run.pk)
        page = signed_in.get("/find/", {"run": run.pk}).content.decode()
        address = unescape(re.search(r'id="found-relaunch" href="([^"]+)"', page)[1])
        assert signed_in.get(address).context["form"]["user_prompt"].value() == "Again and again"
        client.force_login(viewer)
        assert found(client, "relaunch", run=run.pk) == []

    @pytest.mark.parametrize("query", [{"run": "x"}, {"run": "9" * 30}, {"q": "#" + "9" * 30}, {"q": "\0%_"}])
    def test_whatever_is_typed_is_answered(self, signed_in, query):
        assert signed_in.get("/find/", query).status_code == 200

    @pytest.mark.parametrize("count", [1, 3])
    def test_it_takes_the_same_queries_for_one_run_and_three(
        self, signed_in, workspace, operator, count, django_assert_num_queries
    ):
        for _ in range(count):
            factories.make_run(workspace, by=operator)
        with django_assert_num_queries(5):
            signed_in.get("/find/")

    def test_hostile_titles_are_text(self, signed_in, workspace):
        factories.make_run(workspace, prompt='"><script>alert(1)</script>')
        assert "<script>alert" not in signed_in.get("/find/", {"q": "script"}).content.decode()


class TestMessages:
    @pytest.mark.parametrize(
        ("level", "tone"),
        [
            (constants.INFO, "slate"),
            (constants.SUCCESS, "green"),
            (constants.WARNING, "amber"),
            (constants.ERROR, "red"),
        ],
    )
    def test_a_message_takes_the_tone_of_its_level(self, level, tone):
        shown = render_to_string("_toasts.html", {"messages": [Message(level, "It was <b>said</b>")]})
        assert re.findall(r'class="toast tone-(\w+)"', shown.split("<template")[0]) == [tone]
        assert "It was &lt;b&gt;said&lt;/b&gt;" in shown


def test_the_menu_of_workspaces_names_ones_own(signed_in, operator):
    elsewhere = factories.make_workspace("Second team")
    factories.make_workspace("Not ours")
    Membership.objects.create(user=operator, workspace=elsewhere, role="viewer")
    page = signed_in.get("/find/workspaces/").content.decode()
    assert re.findall(r"<span>([^<]+)</span>", page) == ["Acme Ops", "Second team"]
