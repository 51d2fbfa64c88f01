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

from dashboard.unstorable import storable
from people.fields import Label
from people.models import membership_of
from people.spreadsheets import FORMULA_SIGNS, safe_cell
from people.texts import beginning
from runs import live
from runs.models import Run
from tests import hostile_history
from tests.hostile_history import PLAIN, History, tag_of
from tests.hostile_texts import OF_GIGA, TEXTS
from tests.markup import Markup
from tests.streamed import body_of
from tests.walk import cell

# The clock stands: pages that are compared show the same times.
pytestmark = [pytest.mark.any_database, pytest.mark.long, pytest.mark.usefixtures("noon")]

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
    return beginning(text.replace("\x00", "").replace("\ud800", "?"), length)


def page_at(history: History, address: str, **headers) -> str:
    answer = history.client.get(address, headers=headers)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer.content.decode()


def whole_page_at(history: History, address: str, **headers) -> str:
    """The page with all that is loaded when one scrolls down."""
    page = page_at(history, address, **headers)
    while more := re.search(r'href="[^"?]*(\?[^"]+)" hx-get', page):
        rest = page_at(history, f"{address.split('?')[0]}{more[1].replace('&amp;', '&')}", **HTMX)
        page = page.replace(more[0], "") + rest
    return page


def prompts_are_kept_to_the_letter(history: History) -> None:
    for name, text in TEXTS.items():
        session = history.launched[name].agent_session
        prompts = (session.user_prompt, session.goal_prompt, session.system_prompt)
        assert prompts == (kept_prompt(text),) * 3, name


def marks_are_kept_to_the_letter(history: History) -> None:
    hostile = history.hostile
    assert hostile.ended.agent_session.user_prompt == hostile.follow_up.message == kept_prompt(BUNDLE)
    notes = [note.text for note in hostile.marked.notes.order_by("id")]
    assert notes == [kept(text, 5000) for text in TEXTS.values()]
    tags = {Label().clean(storable(tag_of(text, number))) for number, text in enumerate(TEXTS.values())}
    assert {tag.name for tag in hostile.marked.tags.all()} == tags
    flags = [flag.why for flag in hostile.marked.events.filter(kind="flag").order_by("id")]
    assert flags == [kept(text, 200) for text in TEXTS.values()]


def no_column_holds_more_than_postgres_takes(history: History) -> None:
    for model in apps.get_models():
        for column in model._meta.concrete_fields if model._meta.managed else ():
            if isinstance(column, CharField):
                texts = model.objects.values_list(column.attname, flat=True)
                longest = max((len(text or "") for text in texts), default=0)
                assert longest <= column.max_length, column


def same_pages(hostile: str, plain: str, expected) -> None:
    """Two pages of the same elements, the first of which says all that is expected."""
    hostile, plain = Markup(hostile), Markup(plain)
    assert sorted(set(hostile.elements) ^ set(plain.elements)) == []
    assert hostile.elements == plain.elements
    assert [one for one in expected if not hostile.says(one)] == []


def the_pages_of_what_was_typed(history: History) -> None:
    prompt, title = kept_prompt(BUNDLE), history.hostile.ended.title
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
        hostile = page_at(history, address.format(history.hostile), **headers)
        same_pages(hostile, page_at(history, address.format(history.plain), **headers), expected)


def the_parts_that_say_what_giga_said(history: History) -> None:
    member = membership_of(history.person)
    for runs, expected in (
        (history.refused, lambda text: [told(text, length) for length in (500, 60, 100)]),
        (history.running, lambda text: [told(text, 60), told(text, 40)]),
    ):
        parts = {
            run.pk: live.run_parts(run, member)
            for run in Run.objects.for_display().filter(pk__in=[run.pk for run in runs.values()])
        }
        for name, text in OF_GIGA.items():
            same_pages(parts[runs[name].pk], parts[runs[PLAIN].pk], expected(text))


def lists_of_what_was_launched(history: History) -> None:
    titles = {run.title for run in history.launched.values()}
    for address, headers, one in (
        ("/runs/?status=queued", {}, "tr id"),
        ("/runs/?status=queued", LIVE, "tr id"),
        ("/sessions/", {}, "tr id"),
        ("/wall/", {}, "article "),
        ("/wall/", LIVE, "article "),
    ):
        assert looks_of_rows(history, address, headers, one, titles) == 1, address


def lists_of_what_giga_said(history: History) -> None:
    reasons = {told(text, 500) for text in TEXTS.values()}
    for address, headers, one, expected, kinds in (
        ("/runs/?status=rejected", {}, "tr id", reasons, 1),
        ("/runs/?status=running", {}, "tr id", (), 1),
        ("/sessions/", {}, "tr id", (), 2),
        ("/wall/", {}, "article ", (), 2),
        ("/wall/", LIVE, "article ", (), 2),
    ):
        assert looks_of_rows(history, address, headers, one, expected) == kinds, address


def looks_of_rows(history: History, address: str, headers: dict, one: str, expected) -> int:
    """How many kinds of rows or tiles a list has, whatever the texts in it are."""
    page = whole_page_at(history, address, **headers)
    markup = Markup(page)
    assert [text for text in expected if not markup.says(text)] == [], address
    rows = re.findall(rf"<{one}.*?</{one.split()[0]}>", page, re.DOTALL)
    assert len(rows) >= len(TEXTS), address
    return len({tuple(Markup(row).elements) for row in rows})


def what_was_launched_of_late(history: History) -> None:
    titles = {run.title for name, run in history.launched.items() if name != PLAIN}
    said = [Markup(page) for page in history.recent]
    assert [title for title in titles if not any(page.says(title) for page in said)] == []
    assert len({tuple(page.elements) for page in said[:-1]}) == 1


def the_palette(history: History) -> None:
    def found(run: Run) -> str:
        return re.search(r"<a .*?</a>", page_at(history, f"/find/?q=%23{run.pk}"), re.DOTALL)[0]

    plain = found(history.launched[PLAIN])
    for name in TEXTS:
        run = history.launched[name]
        same_pages(found(run), plain, [run.title])


def what_a_relaunch_changes(history: History) -> None:
    """Words that went, words that came: together they are the text."""
    for name, text in TEXTS.items():
        run = history.launched[name]
        typed = {"relaunch_of": run.pk, "user_prompt": "Some plain words", "goal_prompt": text}
        answer = history.client.post("/runs/new/checks/", typed).content.decode()
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


def calls_of_curl(history: History) -> None:
    """A shell reads the same texts out of them, and nothing to do."""
    for name, text in TEXTS.items():
        page = page_at(history, f"/runs/{history.launched[name].pk}/")
        copied = next(said for said in Markup(page).texts if said.startswith("THREAD_ID=$(curl"))
        words = shlex.split(copied.replace("$(curl", "$( curl"), comments=True)
        assert json.loads(words[words.index("-d") + 1])["prompts"]["goalPrompt"] == kept_prompt(text)
        assert [word for word in words if word in (";", "|", "&&", "||", "&", ">")] == ["|"], name


def exports_of_what_was_launched(history: History) -> None:
    tasks = {kept_prompt(text) for text in TEXTS.values()}
    rows = exported_rows(history)
    assert {*map(safe_cell, tasks)} <= {row["task"] for row in rows}
    as_json = json.loads(exported(history, "/runs/bulk/", action="json"))
    assert tasks <= {row["task"] for row in as_json} and len(as_json) == len(rows)


def exports_of_what_giga_said(history: History) -> None:
    said = {told(text, 500) for text in OF_GIGA.values()}
    assert {*map(safe_cell, said)} <= {row["reason"] for row in exported_rows(history)}


def exported_rows(history: History) -> list[dict]:
    """Of a spreadsheet, in which no cell is a formula."""
    lines = exported(history, "/runs/bulk/", action="csv")
    rows = list(csv.DictReader(io.StringIO(lines.removeprefix("\ufeff"), newline="")))
    assert [cell for row in rows for cell in row.values() if cell.startswith(tuple(FORMULA_SIGNS))] == []
    return rows


def exported(history: History, address: str, **asked) -> str:
    post, get = history.client.post, history.client.get
    answer = post(address, {**asked, "everything": "1"}) if asked else get(address)
    assert re.fullmatch(r'attachment; filename="[\w.-]+"', answer.headers["Content-Disposition"])
    return body_of(answer).decode()


def the_audit_log(history: History) -> None:
    """Its rows are alike whatever they speak of; the export gives the same back."""
    pages, address = "", "/team/audit/?q=launched"
    while address:
        pages += (page := page_at(history, address))
        older = re.search(r'href="(\?[^"]*before[^"]*)"', page)
        address = "/team/audit/" + html.unescape(older[1]) if older else ""
    rows = re.findall(r"<tr>.*?</tr>", pages.replace("<thead><tr>", ""), re.DOTALL)
    assert len({tuple(Markup(row).elements) for row in rows}) == 1
    said = Markup(pages)
    runs = history.launched.values() or [history.hostile.ended, history.plain.ended]
    objects = {f"{run.pk}: {run.title}"[:200] for run in runs}
    assert [one for one in objects if not said.says(one)] == []
    lines = csv.reader(io.StringIO(exported(history, "/team/audit/export/"), newline=""))
    assert {*map(safe_cell, objects)} <= {row[5] for row in lines}


def lists_of_the_admin(history: History) -> None:
    titles = {run.title for run in history.launched.values()}
    admin_rows_alike(history, "/admin/runs/agentsession/?all=", titles)
    admin_rows_alike(history, "/admin/runs/run/?status__exact=queued&all=", titles)


def pages_of_the_admin(history: History) -> None:
    notes = {kept(text, 1000) for text in TEXTS.values()}
    admin_rows_alike(history, "/admin/runs/runevent/?kind=note&all=", notes)
    for address in (
        "/admin/runs/agentsession/{0.ended.agent_session_id}/change/",
        "/admin/runs/run/{0.marked.pk}/change/",
    ):
        hostile, plain = (page_at(history, address.format(one)) for one in (history.hostile, history.plain))
        same_pages(hostile, plain, [])


def admin_rows_alike(history: History, address: str, expected) -> None:
    page = page_at(history, address)
    markup = Markup(page)
    in_one_line = {text: " ".join(text.split()) for text in expected}
    missing = [text for text, line in in_one_line.items() if not markup.says(line) and not markup.says(text)]
    assert missing == []
    rows = re.findall(r"<tr><.*?</tr>", page[page.index("<tbody>") :], re.DOTALL)
    assert len(rows) >= len(TEXTS) and len({tuple(Markup(row).elements) for row in rows}) <= 4


def conversations_and_files(history: History) -> None:
    """What Giga remembers of a session, and what it stores for it."""
    pages = {}
    for name, texts in {"hostile": OF_GIGA.values(), "plain": ["Plain words"] * len(OF_GIGA)}.items():
        session = getattr(history, name).ended.agent_session
        messages = [{"role": "assistant", "content": text} for text in texts]
        files = [{"_id": f"file_{n}", "fileName": t, "mimeType": t} for n, t in enumerate(texts)]
        with history.giga_says({"thread": {"messages": messages, "id": "x"}, "files": files}):
            thread = history.client.post(f"/sessions/{session.pk}/thread/", headers=HTMX)
            type(session).objects.filter(pk=session.pk).update(deployment_id="dep_1")
            listed = page_at(history, f"/sessions/{session.pk}/files/", **HTMX)
        pages[name] = thread.content.decode() + listed
    expected = [told(text, 20_000) for text in OF_GIGA.values()]
    expected += [told(text, 300).strip() for text in OF_GIGA.values()]
    same_pages(pages["hostile"], pages["plain"], expected)


def walk(history: History, *places) -> list[str]:
    """What is wrong, by the place."""
    hostile_history.stop_the_clock()
    wrong = []
    for place in places:
        with cell(wrong, place.__name__):
            place(history)
    return wrong


def test_runs_with_all_texts_in_them(db):
    history = hostile_history.begin()
    hostile_history.tell_both(history)
    wrong = walk(
        history,
        marks_are_kept_to_the_letter,
        no_column_holds_more_than_postgres_takes,
        the_pages_of_what_was_typed,
        conversations_and_files,
        pages_of_the_admin,
        the_audit_log,
    )
    assert wrong == []


def test_a_run_for_each_text(db):
    history = hostile_history.begin()
    hostile_history.launch_each(history)
    wrong = walk(
        history,
        prompts_are_kept_to_the_letter,
        no_column_holds_more_than_postgres_takes,
        lists_of_what_was_launched,
        what_was_launched_of_late,
        the_palette,
        what_a_relaunch_changes,
        calls_of_curl,
        exports_of_what_was_launched,
        lists_of_the_admin,
        the_audit_log,
    )
    assert wrong == []


def test_what_giga_answers(db):
    history = hostile_history.begin()
    hostile_history.be_answered(history)
    wrong = walk(
        history,
        no_column_holds_more_than_postgres_takes,
        the_parts_that_say_what_giga_said,
        lists_of_what_giga_said,
        exports_of_what_giga_said,
    )
    assert wrong == []
