"""What a page says in English though the German catalogue has other words for it."""

import re
from functools import cache
from pathlib import Path

import allauth
import polib
from playwright.sync_api import Page

from tests.served import ROOT

CATALOGUES = [
    ROOT / "locale/de/LC_MESSAGES/django.po",
    ROOT / "people/words_of_allauth/de/LC_MESSAGES/django.po",
    Path(allauth.__file__).parent / "locale/de/LC_MESSAGES/django.po",
]
MARKUP = re.compile(r"<[^>]*>")
GAP = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")
# What a person reads or hears of a page. What is copied for Giga's support is not among it: that is English.
SAID = r"""() => {
    const said = new Set(), note = (text) => said.add((text ?? '').replace(/\s+/g, ' ').trim());
    const texts = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    while (texts.nextNode())
        if (!texts.currentNode.parentElement.closest('script')) note(texts.currentNode.data);
    for (const name of ['title', 'alt', 'placeholder', 'label', 'aria-label', 'aria-description'])
        for (const one of document.querySelectorAll(`[${name}]`)) note(one.getAttribute(name));
    return [...said];
}"""


def english_on(page: Page) -> set[str]:
    """The texts of this page that are English."""
    return set(filter(is_english, page.evaluate(SAID)))


@cache
def is_english(text: str) -> bool:
    """A sentence is found inside of others, too. Most of a page was read on the page before."""
    words, sentences = english()
    return text in words or bool(sentences.search(text))


@cache
def english() -> tuple[set[str], re.Pattern]:
    """The texts without gaps, and whatever is a sentence, with or without gaps, as one pattern."""
    pairs = [pair for path in CATALOGUES for entry in polib.pofile(str(path)) for pair in _pairs(entry)]
    in_german = {german for _, german in pairs}
    differing = {text for text, german in pairs if german and text != german} - in_german
    words = {text for text in differing if not GAP.search(text)}
    sentences = [text for text in differing if len(GAP.sub("", text).split()) > 2]
    gaps_filled = [".+?".join(map(re.escape, GAP.split(text))) for text in sentences]
    return words, re.compile("|".join(sorted(gaps_filled, key=len, reverse=True)))


def _pairs(entry) -> list[tuple[str, str]]:
    """What stands between the markup of a text, each with what stands there in German."""
    plural = entry.msgstr_plural or {0: entry.msgstr}
    both = [(entry.msgid, plural[0]), (entry.msgid_plural, plural.get(1, ""))]
    return [
        (" ".join(text.split()), " ".join(german.split()))
        for english, translated in both
        for text, german in zip(MARKUP.split(english), MARKUP.split(translated), strict=False)
        if any(letter.isalpha() for letter in GAP.sub("", text))
    ]
