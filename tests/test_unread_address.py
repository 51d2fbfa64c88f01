"""What of an address cannot be read is said, and never means everything: a filter that was mistyped once let
bulk work on all rows (netbox #4445, nautobot #5759)."""

import re
import uuid

import pytest
from django.http import QueryDict

from people.address_form import AddressForm
from runs import listing
from runs.forms import FindForm, RunFilterForm, SessionFilterForm, WallForm
from runs.models import Run, SavedView
from runs.status import Status
from tests import factories

pytestmark = [pytest.mark.any_database, pytest.mark.long, pytest.mark.usefixtures("rung")]

UNREAD = [
    "status=bogus",
    "status=Failed",
    "statuss=failed",
    "STATUS=failed",
    "status=failed&status=running",
    "who=mara",
    "who=-1",
    "who=0",
    "who=1.5",
    f"who={'9' * 40}",
    "who=1&who=2",
    "tag=billing",
    "when=yesterday",
    "q=%E2%80%8B",  # U+200B, which nobody sees
    "template=%E3%85%A4",
    "since=2026-02-30",
    "since=24.11.2026",
    "since=1999-12-31",
    "until=tomorrow",
    "before=abc",
    "before=-5",
    "view=mine",
    "sort=title",
    "order=-id",
    "page=2",
    "q=" + "x" * 201,
    "template=" + "x" * 101,
    "utm_source=mail",
    "%3Cscript%3E=1",
    "=1",
]
# One of each kind: not offered, no number, another's word, given twice, unknown, too long.
SHOWN = ["status=bogus", "who=mara", "since=24.11.2026", "who=1&who=2", "%3Cscript%3E=1", "q=" + "x" * 201]
READ = ["", "status=failed", "status=&who=&q=", "who=+7+", "status=failed&status=failed", "q=a&q=a&view=3"]


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def chips(page: str) -> list[tuple[str, str]]:
    """What is said not to be understood, and the address without it."""
    found = re.findall(r'class="applied-one tone-amber" href="([^"]*)".*?<bdi>(.*?)</bdi>', page, re.S)
    return [(words, query.replace("&amp;", "&")) for query, words in found]


class TestReading:
    @pytest.mark.parametrize("query", UNREAD)
    def test_names_what_it_cannot_read_and_leaves_it_out(self, query):
        form = RunFilterForm(QueryDict(f"{query}&template=giga-pro" if "template" not in query else query))
        assert len(form.unread) == 1 and not form.unread.keys() & form.asked.keys()
        assert form.refusal.startswith("Nothing was done")
        assert all(len(part.words) <= 60 for part in form.unread_parts)

    @pytest.mark.parametrize("query", READ)
    def test_says_nothing_of_what_it_can(self, query):
        form = RunFilterForm(QueryDict(query))
        assert (form.unread, form.refusal, form.unread_parts) == ({}, "", [])
        assert form.with_unread("?status=failed") == "?status=failed"

    @pytest.mark.parametrize("form", [RunFilterForm, SessionFilterForm, FindForm, WallForm])
    def test_every_reader_of_an_address_is_of_this_kind(self, form):
        assert issubclass(form, AddressForm)
        assert form(QueryDict("nothing=of+it")).unread == {"nothing": ["of it"]}

    @pytest.mark.parametrize("query", ["layout=9x9", "live=7", "live=x", "kiosk=banana", "status=failed"])
    def test_a_wall_reads_its_own(self, query):
        assert WallForm(QueryDict(query)).unread

    def test_what_was_not_understood_is_handed_on_whole(self):
        form = RunFilterForm(QueryDict("status=a&status=b&bogus=1&who=7"))
        assert form.with_unread(listing.query_of(form.asked)) == "?who=7&status=a&status=b&bogus=1"


class TestTheList:
    @pytest.mark.parametrize("query", SHOWN)
    def test_says_so_with_a_way_out_of_it(self, signed_in, workspace, query):
        factories.make_run(workspace)
        answer = signed_in.get(f"/runs/?{query}&q=october" if "q=" not in query else f"/runs/?{query}")
        assert answer.status_code == 200
        ((words, rest),) = chips(answer.content.decode())
        assert words and chips(signed_in.get(f"/runs/{rest}").content.decode()) == []

    def test_each_part_goes_by_itself(self, signed_in, workspace):
        page = signed_in.get("/runs/?status=bogus&sort=title&q=x").content.decode()
        assert chips(page) == [("status=bogus", "?sort=title&q=x"), ("sort=title", "?status=bogus&q=x")]

    def test_a_filter_that_is_understood_is_not_among_them(self, signed_in, workspace):
        assert chips(signed_in.get("/runs/?status=failed&q=x").content.decode()) == []

    def test_a_text_in_it_stays_a_text(self, signed_in, workspace):
        page = signed_in.get("/runs/?status=<img src=x onerror=alert(1)>").content.decode()
        assert "<img src=x" not in page

    def test_two_beginnings_of_time_both_count(self, signed_in, workspace, operator):
        factories.make_run(workspace)
        assert signed_in.get("/runs/?when=30d&since=2999-01-01").context["runs"] == []


class TestBulk:
    @pytest.fixture
    def runs(self, workspace):
        return [factories.make_run(workspace, Status.FAILED) for _ in range(3)]

    def press(self, client, query, action, **fields):
        form = {"action": action, "tag": "acme", "token": str(uuid.uuid4()), **fields}
        return client.post(f"/runs/bulk/?{query}", form)

    @pytest.mark.parametrize("query", SHOWN)
    def test_everything_is_refused_under_such_an_address(self, signed_in, runs, query, rung):
        answer = self.press(signed_in, query, "relaunch", everything="1")
        assert answer.status_code == 422
        assert "this part of the address is not understood" in answer.content.decode()
        assert (Run.objects.count(), rung) == (3, [])

    @pytest.mark.parametrize("action", ["tag", "csv", "json", "verdict-achieved", "relaunch"])
    def test_whatever_is_to_be_done(self, signed_in, runs, action, rung):
        answer = self.press(signed_in, "status=bogus", action, everything="1")
        assert answer.status_code == 422 and 'href="/runs/?status=bogus"' in answer.content.decode()
        assert not Run.objects.filter(tags__isnull=False).exists() and not Run.objects.exclude(verdict="")
        assert (Run.objects.count(), rung) == (3, [])

    def test_what_was_picked_is_done_all_the_same(self, signed_in, runs):
        answer = self.press(signed_in, "status=bogus", "tag", run=[runs[0].pk])
        assert answer.status_code == 302 and answer.url == "/runs/?status=bogus"
        assert list(Run.objects.filter(tags__name="acme")) == [runs[0]]

    def test_how_many_match_is_not_told_either(self, signed_in, runs):
        answer = signed_in.get("/runs/bulk/?status=bogus&everything=1")
        assert answer.status_code == 422 and b"3" not in answer.content
        assert signed_in.get("/runs/bulk/?status=failed&everything=1").content == b"3"

    def test_the_page_does_not_offer_it_and_sends_its_own_address(self, signed_in, runs):
        page = signed_in.get("/runs/?status=bogus").content.decode()
        assert 'action="/runs/bulk/?status=bogus"' in page
        assert re.search(r'name="everything"[^>]* disabled', page)
        assert not re.search(r'name="everything"[^>]* disabled', signed_in.get("/runs/").content.decode())


class TestOthers:
    def test_a_view_is_not_saved_of_it(self, signed_in, workspace):
        answer = signed_in.post("/runs/views/?status=bogus", {"name": "Odd"})
        assert answer.status_code == 422 and not SavedView.objects.exists()
        assert "not understood: status=bogus" in answer.content.decode()
        assert 'value="Odd"' in answer.content.decode()

    def test_a_view_whose_filter_is_gone_says_so(self, signed_in, workspace, operator):
        SavedView.objects.create(workspace=workspace, owner=operator, name="Old", query="?status=gone")
        page = signed_in.get("/runs/?status=gone&view=1").content.decode()
        assert chips(page) == [("status=gone", "?view=1")]

    def test_a_choice_of_columns_keeps_the_address(self, signed_in, workspace):
        assert signed_in.post("/runs/look/?status=bogus", {"shown": "who"}).url == "/runs/?status=bogus"

    @pytest.mark.parametrize("query", ["status=failed", "before=x", "sort=id", "q=" + "x" * 201, "q=a&q=b"])
    def test_the_list_of_sessions_says_so(self, signed_in, workspace, query):
        assert len(chips(signed_in.get(f"/sessions/?{query}").content.decode())) == 1

    @pytest.mark.parametrize("query", ["status=failed", "who=x", "layout=9x9", "live=99", "who=1&who=2"])
    def test_the_wall_says_so(self, signed_in, workspace, query):
        assert len(chips(signed_in.get(f"/wall/?{query}").content.decode())) == 1

    @pytest.mark.parametrize("query", ["q=" + "x" * 201, "q=a&q=b", "run=x", "limit=9"])
    def test_the_palette_says_so_and_finds_nothing_else(self, signed_in, workspace, query):
        run = factories.make_run(workspace, prompt="x" * 201)
        page = signed_in.get(f"/find/?{query}").content.decode()
        assert "Not understood:" in page and (f"found-run-{run.pk}" in page) == ("q=" not in query)

    @pytest.mark.parametrize("query", ["who=mara", "before=x", "q=" + "x" * 201, "q=a&q=b", "act=launched"])
    def test_the_audit_log_says_so_and_exports_nothing_of_it(self, client, workspace, manager, query):
        factories.sign_in(client, manager)
        page = client.get(f"/team/audit/?{query}").content.decode()
        assert len(chips(page)) == 1
        assert "/team/audit/export/?" in page
        answer = client.get(f"/team/audit/export/?{query}")
        assert answer.status_code == 422 and "Content-Disposition" not in answer.headers
