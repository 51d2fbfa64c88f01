"""One is one: whatever counts says "1 run" and "2 runs", on pages, in sentences that are kept, and in what
commands print."""

import ast
import re

import polib
import pytest
from django.utils import translation

from runs import sayings
from runs.sayings import COUNTED, told
from tests.served import ROOT

NOUNS = (
    "runs|members|rows|minutes|hours|run-hours|days|secrets|credits|characters|requests|times|sessions|people"
    "|files|seconds|launches|places|errors|fields|pictures|readings|notes|tags|steps|events|views|computers|keys"
)
# A number stands in for what precedes one of these, and an adjective may come between.
COUNTS = re.compile(rf"(%\(\w+\)[sd]|%[sd]|\{{[^{{}}]+\}})\s+(?:[a-z-]+\s)?(?:{NOUNS})\b")
# Whose number is never one, and why.
NEVER_ONE = {
    "%(left)s of %(all)s requests": "of sixty",
    "%(count)s readings": "so many are asked for",
    "%(most)s times within a minute": "a constant",
    "longer than %(number)s characters": "a constant",
    "%(limit_value)d characters": "a constant",
    "%s characters": "one has its own word",
    "%(credits)s credits": "no published rate makes one",
    "%(rate)s credits": "no published rate is one",
    "%s credits": "no published rate makes one",
    "These are %(count)s runs": "more than are taken at a time",
    "{longest} characters": "a constant",
    "{most} times within a minute": "a constant",
    "{REQUESTS_A_MINUTE} requests": "sixty",
    "{SETTLE_READINGS} readings": "a constant",
}


def is_excused(text: str) -> bool:
    return any(excused in text for excused in NEVER_ONE)


def test_every_sentence_of_the_catalogue_that_counts_has_a_form_for_one():
    catalogue = polib.pofile(str(ROOT / "locale/de/LC_MESSAGES/django.po"))
    counting = [entry for entry in catalogue if COUNTS.search(entry.msgid) or entry.msgid_plural]
    assert len(counting) > 15
    assert [entry.msgid for entry in counting if not entry.msgid_plural and not is_excused(entry.msgid)] == []


def counting_texts(source: str) -> list[str]:
    """Texts put together in a program that count something."""
    texts = [ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.JoinedStr)]
    return [text for text in texts if COUNTS.search(text) and not is_excused(text)]


SOURCES = [path for room in ("dashboard", "people", "runs") for path in sorted((ROOT / room).rglob("*.py"))]


def test_nor_does_a_program_put_one_together():
    found = {str(path.relative_to(ROOT)): counting_texts(path.read_text()) for path in SOURCES}
    assert found and {path: texts for path, texts in found.items() if texts} == {}


def test_what_counts_wrongly_is_found():
    assert counting_texts("f'{most} runs within a minute'") and counting_texts("f'it has {n} made-up rows'")
    assert not counting_texts("f'{most} goes'")


@pytest.mark.parametrize("counted", COUNTED, ids=lambda counted: counted.form(1)[:20])
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_sentence_that_is_kept_counts_in_both_languages(counted, language):
    values = [{"used": "0.5", counted.name: number} for number in (1, 2, 1000)]
    kept = [counted.stored(**one) for one in values]
    with translation.override(language):
        assert [told(text) for text in kept] == [counted.form(one[counted.name]) % one for one in values]


@pytest.mark.parametrize(
    ("number", "english", "german"),
    [(1, "may have 1 run active", "1 aktiven Lauf auf"), (2, "may have 2 runs active", "2 aktive Läufe auf")],
)
def test_one_run_at_once_is_one_run(number, english, german):
    kept = sayings.ACTIVE_AT_ONCE.stored(number=number)
    assert english in kept
    with translation.override("de"):
        assert german in told(kept)


def test_what_was_kept_with_the_wrong_form_is_told_with_the_right_one():
    assert told("Waiting: this workspace may have 1 runs active at once.") == (
        "Waiting: this workspace may have 1 run active at once."
    )


def test_what_only_looks_alike_is_told_as_it_is():
    text = "Waiting: this workspace may have many runs active at once."
    assert told(text) == text
