"""Every hostile text, in every place where it is shown: it is a text there, and nothing else. Each page is
held against its twin with plain words: of the same elements, with the same attributes."""

import csv
import html
import io
import json
import re
import shlex

import pytest
from django.apps import apps
from django.db.models import CharField
from django.test import TestCase

from dashboard.unstorable import storable
from people.models import membership_of
from people.spreadsheets import FORMULA_SIGNS
from runs import live
from runs.models import Run
from tests import hostile_history
from tests.hostile_history import PLAIN
from tests.hostile_texts import OF_GIGA, TEXTS
from tests.markup import Markup

pytestmark = pytest.mark.long

LIVE = {"X-Live-Parts": "1"}
HTMX = {"HX-Request": "true"}
BUNDLE = "\n\n".join(TEXTS.values())


def kept(text: str, length: int = 20_000) -> str:
    """What is kept of a text for a field of this length."""
    return storable(text[:length]).strip()


def kept_prompt(text: str) -> str:
    return storable(text).replace("\r\n", "\n")


def told(text: str, length: int) -> str:
    """What is kept of a text of Giga's."""
    return text.replace("\x00", "").replace("\ud800", "?")[:length]


class TestPlaces(TestCase):
    @classmethod
    def setUpTestData(cls):
        with hostile_history.as_in_tests():
            cls.history = hostile_history.make()

    def page(self, address: str, **headers) -> str:
        answer = self.history.client.get(address, headers=headers)
        assert answer.status_code == 200, (address, answer.status_code)
        return answer.content.decode()

    def whole(self, address: str, **headers) -> str:
        """The page with all that is loaded when one scrolls down."""
        page = self.page(address, **headers)
        while more := re.search(r'href="[^"?]*(\?[^"]+)" hx-get', page):
            rest = self.page(f"{address.split('?')[0]}{more[1].replace('&amp;', '&')}", **HTMX)
            page = page.replace(more[0], "") + rest
        return page

    def test_what_was_typed_is_kept_to_the_letter(self):
        for name, text in TEXTS.items():
            session = self.history.launched[name].agent_session
            prompts = (session.user_prompt, session.goal_prompt, session.system_prompt)
            assert prompts == (kept_prompt(text),) * 3, name
        hostile = self.history.hostile
        assert hostile.ended.agent_session.user_prompt == hostile.follow_up.message == kept_prompt(BUNDLE)
        notes = [note.text for note in hostile.marked.notes.order_by("id")]
        assert notes == [kept(text, 5000) for text in TEXTS.values()]
        assert {tag.name for tag in hostile.marked.tags.all()} == {kept(text, 40) for text in TEXTS.values()}
        flags = [flag.why for flag in hostile.marked.events.filter(kind="flag").order_by("id")]
        assert flags == [kept(text, 200) for text in TEXTS.values()]

    def test_no_column_holds_more_than_postgres_takes(self):
        for model in apps.get_models():
            for column in model._meta.concrete_fields if model._meta.managed else ():
                if isinstance(column, CharField):
                    texts = model.objects.values_list(column.attname, flat=True)
                    longest = max((len(text or "") for text in texts), default=0)
                    assert longest <= column.max_length, column

    def same_pages(self, hostile: str, plain: str, expected) -> None:
        """Two pages of the same elements, the first of which says all that is expected."""
        hostile, plain = Markup(hostile), Markup(plain)
        assert sorted(set(hostile.elements) ^ set(plain.elements)) == []
        assert hostile.elements == plain.elements
        assert [one for one in expected if not hostile.says(one)] == []

    def test_the_pages_of_what_was_typed(self):
        prompt, title = kept_prompt(BUNDLE), self.history.hostile.ended.title
        marks = [kept(text, length) for text in TEXTS.values() for length in (1000, 200, 40)]
        for address, headers, expected in (
            ("/runs/{0.ended.pk}/", {}, [title, prompt]),
            ("/runs/{0.ended.pk}/peek/", {}, [title]),
            ("/runs/{0.follow_up.pk}/", {}, [title, prompt]),
            ("/runs/{0.follow_up.pk}/", LIVE, [title, prompt[:1000]]),
            ("/runs/{0.follow_up.pk}/peek/", {}, [title]),
            ("/runs/{0.marked.pk}/", {}, marks),
            ("/runs/{0.marked.pk}/", LIVE, marks),
            ("/runs/{0.marked.pk}/peek/", {}, [kept([*TEXTS.values()][-1])]),
            ("/runs/new/?run={0.ended.pk}", {}, [prompt]),
            ("/runs/new/?from={0.ended.agent_session_id}", {}, [prompt]),
            ("/sessions/{0.ended.agent_session_id}/", {}, [title, prompt]),
        ):
            hostile = self.page(address.format(self.history.hostile), **headers)
            self.same_pages(hostile, self.page(address.format(self.history.plain), **headers), expected)

    def test_the_parts_that_say_what_giga_said(self):
        member = membership_of(self.history.person)
        for runs, expected in (
            (self.history.refused, lambda text: [told(text, length) for length in (500, 60, 100)]),
            (self.history.running, lambda text: [told(text, 60), told(text, 40)]),
        ):
            parts = {
                run.pk: live.run_parts(run, member)
                for run in Run.objects.for_display().filter(pk__in=[run.pk for run in runs.values()])
            }
            for name, text in OF_GIGA.items():
                self.same_pages(parts[runs[name].pk], parts[runs[PLAIN].pk], expected(text))

    def test_lists_of_runs_with_all_texts(self):
        """Rows and tiles of the same elements, whatever the text is."""
        titles = {run.title for run in self.history.launched.values()}
        for address, headers, one, kinds, expected in (
            ("/runs/?status=queued", {}, "tr id", 3, titles),
            ("/runs/?status=queued", LIVE, "tr id", 3, titles),
            ("/runs/?status=rejected", {}, "tr id", 1, {told(text, 500) for text in TEXTS.values()}),
            ("/sessions/", {}, "tr id", 4, titles),
            ("/wall/", {}, "article ", 4, titles),
            ("/wall/", LIVE, "article ", 4, titles),
        ):
            page = self.whole(address, **headers)
            markup = Markup(page)
            assert [one for one in expected if not markup.says(one)] == [], address
            rows = re.findall(rf"<{one}.*?</{one.split()[0]}>", page, re.DOTALL)
            looks = {tuple(Markup(row).elements) for row in rows}
            assert len(rows) >= len(TEXTS) and len(looks) <= kinds, (address, len(rows), len(looks))

    def test_what_was_launched_of_late(self):
        titles = {run.title for name, run in self.history.launched.items() if name != PLAIN}
        said = [Markup(page) for page in self.history.recent]
        assert [title for title in titles if not any(page.says(title) for page in said)] == []
        assert len({tuple(page.elements) for page in said[:-1]}) == 1

    def test_the_palette(self):
        def found(run: Run) -> str:
            return re.search(r"<a .*?</a>", self.page(f"/find/?q=%23{run.pk}"), re.DOTALL)[0]

        plain = found(self.history.launched[PLAIN])
        for name in TEXTS:
            run = self.history.launched[name]
            self.same_pages(found(run), plain, [run.title])

    def test_what_a_relaunch_changes(self):
        """Words that went, words that came: together they are the text."""
        for name, text in TEXTS.items():
            run = self.history.launched[name]
            typed = {"relaunch_of": run.pk, "user_prompt": "Some plain words", "goal_prompt": text}
            answer = self.history.client.post("/runs/new/checks/", typed).content.decode()
            gone = "".join(re.findall(r"<del>(.*?)</del>", answer, re.DOTALL))
            assert html.unescape(gone).split()[:50] or not text.split(), name
            tags = {re.match(r"</?([^ >]+)", element)[1] for element in Markup(answer).elements}
            known = {
                "a",
                "b",
                "dd",
                "del",
                "div",
                "dl",
                "dt",
                "ins",
                "p",
                "section",
                "span",
                "svg",
                "use",
                "br",
            }
            assert tags <= known, name

    def test_calls_of_curl(self):
        """A shell reads the same texts out of them, and nothing to do."""
        for name, text in TEXTS.items():
            page = self.page(f"/runs/{self.history.launched[name].pk}/")
            copied = next(said for said in Markup(page).texts if said.startswith("THREAD_ID=$(curl"))
            words = shlex.split(copied.replace("$(curl", "$( curl"), comments=True)
            assert json.loads(words[words.index("-d") + 1])["prompts"]["goalPrompt"] == kept_prompt(text)
            assert [word for word in words if word in (";", "|", "&&", "||", "&", ">")] == ["|"], name

    def test_exports_of_runs(self):
        tasks = {kept_prompt(text) for text in TEXTS.values()}
        lines = self.exported("/runs/bulk/", action="csv")
        rows = list(csv.DictReader(io.StringIO(lines.removeprefix("\ufeff"), newline="")))
        assert tasks <= {undone(row["task"]) for row in rows}
        assert {told(text, 500) for text in OF_GIGA.values()} <= {undone(row["reason"]) for row in rows}
        assert [cell for row in rows for cell in row.values() if cell.startswith(FORMULA_SIGNS)] == []
        as_json = json.loads(self.exported("/runs/bulk/", action="json"))
        assert tasks <= {row["task"] for row in as_json} and len(as_json) == len(rows)

    def exported(self, address: str, **asked) -> str:
        post, get = self.history.client.post, self.history.client.get
        answer = post(address, {**asked, "everything": "1"}) if asked else get(address)
        assert re.fullmatch(r'attachment; filename="[\w.-]+"', answer.headers["Content-Disposition"])
        return b"".join(answer.streaming_content).decode()

    def test_the_audit_log(self):
        """Its rows are alike whatever they speak of; the export gives the same back."""
        pages, address = "", "/team/audit/?q=launched"
        while address:
            pages += (page := self.page(address))
            older = re.search(r'href="(\?[^"]*before[^"]*)"', page)
            address = "/team/audit/" + html.unescape(older[1]) if older else ""
        rows = re.findall(r"<tr>.*?</tr>", pages.replace("<thead><tr>", ""), re.DOTALL)
        assert len({tuple(Markup(row).elements) for row in rows}) == 1
        said = Markup(pages)
        objects = {f"{run.pk}: {run.title}"[:200] for run in self.history.launched.values()}
        assert [one for one in objects if not said.says(one)] == []
        lines = csv.reader(io.StringIO(self.exported("/team/audit/export/"), newline=""))
        assert objects <= {undone(row[5]) for row in lines}

    def test_the_admin(self):
        titles = {run.title for name, run in self.history.launched.items()}
        for address, expected in (
            ("/admin/runs/agentsession/?all=", titles),
            ("/admin/runs/run/?status__exact=queued&all=", titles),
            ("/admin/runs/runevent/?kind=note&all=", {kept(text, 1000) for text in TEXTS.values()}),
        ):
            page = self.page(address)
            markup = Markup(page)
            assert [
                one for one in expected if not markup.says(" ".join(one.split())) and not markup.says(one)
            ] == []
            rows = re.findall(r"<tr><.*?</tr>", page[page.index("<tbody>") :], re.DOTALL)
            assert len(rows) >= len(TEXTS) and len({tuple(Markup(row).elements) for row in rows}) <= 4
        for kind, pk in (
            ("agentsession", lambda told: told.ended.agent_session_id),
            ("run", lambda told: told.marked.pk),
        ):
            hostile, plain = (
                self.page(f"/admin/runs/{kind}/{pk(told)}/change/")
                for told in (self.history.hostile, self.history.plain)
            )
            self.same_pages(hostile, plain, [])

    def test_conversations_and_files(self):
        """What Giga remembers of a session, and what it stores for it."""
        pages = {}
        for name, texts in {"hostile": OF_GIGA.values(), "plain": ["Plain words"] * len(OF_GIGA)}.items():
            session = getattr(self.history, name).ended.agent_session
            messages = [{"role": "assistant", "content": text} for text in texts]
            files = [{"_id": f"file_{n}", "fileName": t, "mimeType": t} for n, t in enumerate(texts)]
            with self.history.giga_says({"thread": {"messages": messages, "id": "x"}, "files": files}):
                thread = self.history.client.post(f"/sessions/{session.pk}/thread/", headers=HTMX)
                type(session).objects.filter(pk=session.pk).update(deployment_id="dep_1")
                listed = self.page(f"/sessions/{session.pk}/files/", **HTMX)
            pages[name] = thread.content.decode() + listed
        expected = [told(text, 20_000) for text in OF_GIGA.values()]
        expected += [told(text, 300).strip() for text in OF_GIGA.values()]
        self.same_pages(pages["hostile"], pages["plain"], expected)


def undone(cell: str) -> str:
    """A cell of an export as it was before it was made harmless."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA_SIGNS) else cell
