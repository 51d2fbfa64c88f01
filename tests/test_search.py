"""Finding runs by words and ids: what counts as a word, that no text is an error, and where the match is
shown. The same on both databases."""

import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection

from runs import migrations, search
from runs.models import AgentSession, Run, RunText
from tests import factories

HOSTILE = [
    '"',
    "'",
    "''; DROP TABLE runs_run; --",
    "AND",
    "OR NOT NEAR(",
    "invoices*",
    "* ^ : { } ( )",
    "words:invoices",
    "-invoices",
    "\\",
    "'invoices':* & !",
    "<-> | &",
    "\ue000workspace31",
    "\ue000",
    "\u202e\u200b",
    "a" * 200,
    "é" * 200,
    "x y " * 40,
    "%_[]",
    "👩‍🚀",
    "\U0010ffff",
]


def found(text: str, **facts) -> list[str]:
    runs = Run.objects.matching(text, **facts)
    return [run.title for run in runs.order_by(f"-{runs.newest_by}")]


def test_all_words_count_and_the_last_may_be_begun(workspace):
    factories.make_run(workspace, prompt="Download the October invoices")
    factories.make_run(workspace, prompt="Download the press kit")
    assert found("download") == ["Download the press kit", "Download the October invoices"]
    assert found("october download") == ["Download the October invoices"]
    assert found("the inv") == ["Download the October invoices"]
    assert found("inv the") == []


@pytest.mark.parametrize("asked", ["CAFE", "café", "cafe\u0301", "Café", "caf"])
def test_accents_and_capitals_make_no_difference(workspace, asked):
    factories.make_run(workspace, prompt="Reserve the Café Zürich")
    assert found(asked) == ["Reserve the Café Zürich"]


@pytest.mark.parametrize(
    "prompt, asked",
    [
        ("請下載發票", "發票"),
        ("Скачать счета", "сче"),
        ("הורד חשבוניות", "חשבוניות"),
        ("インボイスを保存", "保存"),
        ("Straße", "strasse"),
    ],
)
def test_other_alphabets_are_found(workspace, prompt, asked):
    factories.make_run(workspace, prompt=prompt)
    assert found(asked) == [prompt]


def test_every_text_of_a_run_is_searched(workspace, operator):
    agent_session = factories.make_session(
        workspace, user_prompt="title", goal_prompt="a goal", system_prompt="some rules"
    )
    run = factories.make_run(workspace, agent_session=agent_session, message="and a message")
    run.write_note("stopped at the payment page", by=operator)
    run.tag(["quarterly"], by=operator)
    for word in ("title", "goal", "rules", "message", "payment", "quarterly"):
        assert found(word) == ["and a message"], word


def at_once(pk: int, writes) -> None:
    """Each of these writes to the run, on a thread of its own."""

    def one(write):
        try:
            write(Run.objects.get(pk=pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(len(writes)) as pool:
        list(pool.map(one, writes))


@pytest.mark.django_db(transaction=True)
def test_no_word_is_lost_when_many_write_at_once(workspace, operator):
    run = factories.make_run(workspace)
    words = [f"word{number}" for number in range(12)]
    tags = ["one", "two"]
    at_once(
        run.pk,
        [
            *(lambda run, word=word: run.write_note(word, by=operator) for word in words),
            *(lambda run, tag=tag: run.tag([tag], by=operator) for tag in tags),
        ],
    )
    assert [word for word in words if len(found(word)) != 1] == []
    (kept,) = run.tags.values_list("name", flat=True)
    assert [len(found(tag)) for tag in tags] == [int(tag == kept) for tag in tags]


@pytest.mark.django_db(transaction=True)
def test_no_tag_is_lost_when_many_are_added_at_once(workspace, operator):
    run = factories.make_run(workspace)
    tags = [f"tag{number}" for number in range(8)]
    at_once(run.pk, [lambda run, tag=tag: run.add_tag(tag, by=operator) for tag in tags])
    assert list(run.tags.values_list("name", flat=True)) == tags
    assert [tag for tag in tags if found(tag) != [run.title]] == []


def test_a_tag_that_is_taken_away_is_not_found_any_more(workspace, operator):
    run = factories.make_run(workspace)
    run.tag(["quarterly"], by=operator)
    run.tag([], by=operator)
    assert found("quarterly") == []


def test_a_run_that_is_deleted_leaves_no_words(workspace):
    factories.make_run(workspace, prompt="gone soon").delete()
    assert found("gone") == []
    assert not RunText.objects.exists()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_an_error_or_finds_what_it_does_not_say(workspace, text):
    factories.make_run(workspace, prompt="Nothing to see")
    assert found(text) == []
    assert list(AgentSession.objects.matching(text)) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_prompt_is_kept_and_found_by_its_other_words(workspace, text):
    factories.make_run(workspace, prompt=f"{text} lighthouse")
    assert len(found("lighthouse")) == 1


def test_a_prompt_cannot_pretend_to_be_of_another_workspace(workspace):
    factories.make_run(workspace, prompt=f"{search.fact('workspace', 999)} lighthouse")
    assert found("lighthouse", workspace=999) == []


def test_very_long_texts_are_kept(workspace, operator):
    long = " ".join(f"{number:x}é字" for number in range(4000))[:20_000]
    agent_session = factories.make_session(
        workspace, user_prompt="first " + long, goal_prompt=long, system_prompt=long
    )
    factories.make_run(workspace, agent_session=agent_session, message=long).write_note(
        "w" * 5000, by=operator
    )
    assert len(found("first")) == 1


class TestIds:
    def test_a_whole_id_finds_its_run_however_short(self, workspace):
        run = factories.make_run(workspace, prompt="one", remote_id="r1")
        factories.make_run(workspace, prompt="other")
        assert found("r1") == ["one"]
        assert found(f" {run.agent_session.thread_id} ") == ["one"]

    def test_the_beginning_of_an_id_finds_it(self, workspace):
        deployed = factories.make_session(workspace, user_prompt="two", deployment_id="dep_99abcdef")
        factories.make_run(workspace, prompt="one", remote_id="run_12345678")
        factories.make_run(workspace, agent_session=deployed)
        assert found("run_1234") == ["one"]
        assert found("dep_99ab") == ["two"]

    def test_signs_in_an_id_mean_themselves(self, workspace):
        factories.make_run(workspace, prompt="one", remote_id="run_12345678")
        assert found("run%12345") == [] and found("run_1%5678") == []


class TestSessions:
    def test_are_found_by_the_words_of_their_runs_once(self, workspace, operator):
        agent_session = factories.make_session(workspace, user_prompt="Download the invoices")
        for _ in range(2):
            factories.make_run(workspace, agent_session=agent_session)
        factories.make_run(workspace, prompt="other")
        assert list(AgentSession.objects.matching("invoices")) == [agent_session]

    def test_a_word_of_very_many_is_found_the_other_way(self, workspace, monkeypatch):
        monkeypatch.setattr("runs.querysets.MOST_OF_AN_ID", 1)
        made = [factories.make_run(workspace, prompt="Download").agent_session for _ in range(3)]
        factories.make_run(workspace, prompt="other")
        assert list(AgentSession.objects.matching("download")) == made[::-1]


class TestMarks:
    def test_a_match_is_marked_as_it_is_written(self):
        assert search.marked("Reserve the Café", "cafe") == [("Reserve the ", False), ("Café", True)]
        assert search.marked("Invoices, invoice", "invoice") == [
            ("Invoices", True),
            (", ", False),
            ("invoice", True),
        ]

    def test_only_the_last_word_may_be_begun(self):
        assert search.marked("the then", "the x") == [("the", True), (" then", False)]

    def test_nothing_is_lost_or_added(self):
        for text in HOSTILE:
            assert "".join(part for part, _ in search.marked(text, "a")) == text

    def test_an_excerpt_shows_the_first_match_in_its_surroundings(self):
        text = "x " * 100 + "the payment page\n\nrefused " + "y " * 100
        parts = search.excerpt(text, "payment", around=12)
        assert parts == [("… x x x x the ", False), ("payment", True), (" page refus …", False)]
        assert search.excerpt(text, "nowhere") == []


@pytest.mark.django_db
def test_the_migration_fills_the_index_for_older_runs(workspace):
    run = factories.make_run(workspace, prompt="from before")
    RunText.objects.all().delete()
    (name,) = Path(migrations.__file__).parent.glob("*_list_search.py")
    migration = importlib.import_module(f"runs.migrations.{name.stem}")
    migration.fill(apps, None)
    assert RunText.objects.get().run == run and found("before") == ["from before"]


@pytest.mark.django_db
def test_found_runs_are_read_newest_first_without_sorting(workspace):
    """The difference between one page and a million rows."""
    if connection.vendor != "sqlite":
        pytest.skip("Postgres decides by its statistics")
    runs = Run.objects.in_workspace(workspace).matching("invoices", workspace=workspace.pk)
    plan = runs.order_by(f"-{runs.newest_by}")[:50].explain()
    assert "VIRTUAL TABLE" in plan and "TEMP B-TREE" not in plan
