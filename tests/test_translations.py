"""The German catalogue says everything the English pages say, with the same gaps to fill in."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import allauth
import polib
import pytest

from tests.served import ROOT

CATALOGUE = ROOT / "locale" / "de" / "LC_MESSAGES" / "django.po"
ROOMS = ("dashboard", "people", "runs", "templates", "locale")
GAP = re.compile(r"%\(\w+\)[sd]|%[sd]|%%|\{\w+\}")


@pytest.fixture(scope="module")
def german():
    return polib.pofile(str(CATALOGUE))


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    """The catalogue as it would be made anew from the sources."""
    if not shutil.which("xgettext"):
        missing = "xgettext is not installed (Debian: apt-get install gettext)"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    copy = tmp_path_factory.mktemp("sources")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    command = [
        sys.executable,
        str(ROOT / "manage.py"),
        "makemessages",
        "-l",
        "de",
        "--no-wrap",
        "--no-obsolete",
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=copy, env=env, check=True, capture_output=True)
    return polib.pofile(str(copy / "locale" / "de" / "LC_MESSAGES" / "django.po"))


def texts(catalogue) -> set[tuple[str, str]]:
    return {(entry.msgctxt or "", entry.msgid) for entry in catalogue}


def test_every_text_of_the_pages_is_in_it_and_nothing_else(german, extracted):
    assert texts(german) ^ texts(extracted) == set()


def test_every_text_is_translated_and_none_is_a_guess(german):
    assert [entry.msgid for entry in german if not entry.translated() or entry.fuzzy] == []


def test_the_gaps_are_the_same(german):
    for entry in german:
        originals = {entry.msgid, entry.msgid_plural} - {""}
        gaps = {frozenset(GAP.findall(original)) for original in originals}
        for said in [entry.msgstr, *entry.msgstr_plural.values()]:
            if said:
                assert frozenset(GAP.findall(said)) in gaps, entry.msgid


def test_what_is_loaded_is_what_was_written(german):
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    written = {(entry.msgctxt or "", entry.msgid, entry.msgstr) for entry in german}
    assert {(entry.msgctxt or "", entry.msgid, entry.msgstr) for entry in compiled} == written


def test_pages_are_not_fewer_in_german(german):
    """A catalogue that lost its entries would still be complete."""
    assert len(german) > 300


# What allauth's pages say, in our words.
OUR_WORDS = ROOT / "people" / "words_of_allauth"


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_allauth_says_is_said_in_our_words(language):
    ours = polib.pofile(str(OUR_WORDS / language / "LC_MESSAGES" / "django.po"))
    loaded = polib.mofile(str(OUR_WORDS / language / "LC_MESSAGES" / "django.mo"))
    theirs = polib.pofile(str(Path(allauth.__file__).parent / "locale" / "de" / "LC_MESSAGES" / "django.po"))
    assert texts(ours) - texts(theirs) == set(), "allauth does not say that any more"
    assert {(entry.msgid, entry.msgstr) for entry in ours} == {
        (entry.msgid, entry.msgstr) for entry in loaded
    }
    for entry in ours:
        said = [entry.msgstr, *entry.msgstr_plural.values()]
        gaps = {tuple(sorted(GAP.findall(text))) for text in said if text}
        assert gaps == {tuple(sorted(GAP.findall(entry.msgid)))}, entry.msgid


def test_both_languages_say_the_same_of_it():
    english, german = (
        polib.pofile(str(OUR_WORDS / language / "LC_MESSAGES" / "django.po")) for language in ("en", "de")
    )
    assert texts(english) == texts(german)
