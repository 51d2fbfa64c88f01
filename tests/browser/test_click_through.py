"""Every page that links lead to, and every kind of control once, with the console open: no script error,
nothing that the content policy had to stop, no request that failed. And in German nothing in English."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import Resolver404, resolve

from tests.access import MATRIX
from tests.browser.english import english_on
from tests.browser.walking import Console, press_all, walk
from tests.sights import SIGHTS, visit

# On one worker: the pages they walk through are made and served once.
pytestmark = pytest.mark.xdist_group("walks")

# Pressed by nobody here: what ends the login, takes something away for good, or locks the presser out; and
# passkeys, which need a name for an address (tests/browser/test_sign_in.py).
LEFT_ALONE = re.compile(
    r"logout|delete|remove|revoke|deactivate|needs_second_factor|language|accounts/sessions/ form|webauthn"
)
# Addresses that lead to no page of ours: downloads, and Giga's own page.
NO_PAGES = {"team-audit-export", "run-desktop-open", "session-file"}
# What is part of another page, and opened there.
FRAGMENTS = {
    "run-peek",
    "run-desktop",
    "extend-question",
    "relaunch-question",
    "bulk-question",
    "find",
    "own-workspaces",
    "confirm",
    "session-files",
    "run-bulk",
}
# Not for who is signed in, or asked by no person.
OTHERS = {"home", "enter", "invitation", "invitation-opened", "workspace-new", "healthz", "readyz"}
# Every page of ours is of one of these parts: what its name begins with, none for all others.
PARTS = {
    "list": ("home", "run-list", "run-views"),
    "launch": ("run-new", "launch", "sessions", "session"),
    "run": ("run-",),
    "wall": ("wall",),
    "team": ("team", "workspace", "me"),
    "account": (),
}
# A walk presses at least so many kinds of controls, where there are many.
LEAST = {"list": 48, "launch": 22, "run": 33, "wall": 22}
PAGES = [sight for sight in SIGHTS if not sight.act and sight.name[0] not in "45"]


def kind_of(address: str) -> tuple | None:
    """Which page of ours an address opens, and what it says to it; None for what is no page, and for pages to
    which several things are said at once."""
    parts = urlsplit(address)
    try:
        name = resolve(parts.path).view_name
    except Resolver404:
        return None
    said = parse_qs(parts.query)
    is_left = name in NO_PAGES or len(said) > 1 or LEFT_ALONE.search(address)
    return None if is_left else (name, *said)


def part_of(name: str) -> str:
    return next((part for part, starts in PARTS.items() if name.startswith(starts)), "account")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.soak), "de"])
def test_click_through(language, part, frozen, new_context):
    """In both languages the same way: answers and scripts speak, too, not pages alone. What may be wrong in
    English is wrong in German as well, so that this is walked more often."""
    context = new_context(locale=language, viewport={"width": 1440, "height": 900})
    frozen.sign_in(context, "every")
    page = context.new_page()
    context.on("page", lambda tab: tab.close())
    console = Console(page, frozen.url)
    pressed, in_english = set(), set()

    def read():
        in_english.update((text, console.where) for text in english_on(page) if language == "de")

    def at_each(address):
        read()
        press_all(page, console, pressed, LEFT_ALONE.search, read)

    def kind_here(address):
        kind = kind_of(address)
        return kind if kind and part_of(kind[0]) == part else None

    addresses = [frozen.address(sight.path) for sight in PAGES if sight.who == "every"]
    visited = walk(page, console, filter(kind_here, addresses), kind_here, at_each)
    assert page.locator("html").get_attribute("lang") == language
    assert console.wrong == []
    assert in_english == set()
    pages = {name for name, row in MATRIX["routes"].items() if "GET" in row and part_of(name) == part}
    assert pages - {kind[0] for kind in visited} - NO_PAGES - FRAGMENTS - OTHERS == set()
    assert len(pressed) >= LEAST.get(part, 5), sorted(pressed)


def test_pages_of_others_are_in_german_too(frozen, new_context):
    """Of viewers, of the guarded, of nobody: what the walk of a manager does not come by."""
    page = new_context(locale="de").new_page()
    in_english = []
    for sight in (sight for sight in PAGES if sight.who != "every"):
        frozen.sign_in(page.context, sight.who)
        visit(sight, frozen, page)
        in_english += [(text, sight.name) for text in english_on(page)]
    assert in_english == []


def test_english_is_seen(frozen, new_context):
    """On an English page, where there is nothing else."""
    page = new_context(locale="en").new_page()
    frozen.sign_in(page.context, "every")
    page.goto(frozen.address("/runs/"))
    assert {"Runs", "New run"} <= english_on(page)


def test_the_console_is_heard(frozen, new_context):
    """A script that raises, a style that the policy stops, a page that is not there: each would be seen."""
    page = new_context().new_page()
    frozen.sign_in(page.context, "every")
    console = Console(page, frozen.url)
    page.goto(frozen.address("/me/"))
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<i style=top:0></i>')")
    page.evaluate("setTimeout(() => { throw new Error('raised') })")
    page.evaluate("fetch('/nothing/').then((answer) => answer.text())")
    console.settle()
    said = "\n".join(console.wrong)
    assert "Content Security Policy" in said and "script: raised" in said and "404 GET" in said
