"""The whole main job without a mouse: sign in, launch, watch, say what came of it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import status, wait_for_pixels
from tests.served import PASSWORD

FOCUSED = """() => {
    const element = document.activeElement;
    const label = element.labels?.[0]?.innerText ?? element.getAttribute('aria-label') ?? element.innerText;
    return (label || '').trim();
}"""


@pytest.fixture
def page(page):
    """A page whose mouse is gone."""

    def refuse(*args, **kwargs):
        raise AssertionError("the mouse was used")

    page.mouse.click = page.mouse.move = page.mouse.down = refuse
    return page


def tab_to(page: Page, start: str) -> None:
    """Go on by Tab until what has the focus is called so, seeing on the way that the focus shows."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED).startswith(start):
            return
    raise AssertionError(f"Tab never comes to {start!r}")


def sign_in_by_keys(page: Page, team) -> None:
    page.goto(f"{team.url}/accounts/login/")
    expect(page.locator("[name=login]")).to_be_focused()
    page.keyboard.type(team.username)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{team.url}/runs/")


def launch_by_keys(page: Page, prompt: str) -> None:
    page.keyboard.press("n")
    page.wait_for_url(re.compile("/runs/new/$"))
    expect(page.get_by_label("Task")).to_be_focused()
    page.keyboard.type(prompt)
    tab_to(page, "Done means")
    page.keyboard.type("It is done.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(r"/runs/\d+/$"))


def test_sign_in_launch_watch_and_go_back(page, team, giga):
    giga.hold_at_work()
    sign_in_by_keys(page, team)
    launch_by_keys(page, "Typed, never clicked")
    expect(status(page)).to_have_attribute("data-status", "running", timeout=20_000)
    wait_for_pixels(page)
    giga.let_on()
    expect(status(page)).to_have_attribute("data-status", "completed", timeout=30_000)
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url(f"{team.url}/runs/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Typed, never clicked")


@pytest.mark.parametrize(("key", "word"), [("a", "Achieved"), ("z", "Not achieved")])
def test_say_what_came_of_it(signed_in, key, word):
    page = signed_in
    launch_by_keys(page, f"Judged by the key {key}")
    expect(status(page)).to_have_attribute("data-status", "completed")
    page.keyboard.press(key)
    expect(status(page)).to_contain_text(word)


def test_the_first_tab_skips_to_the_content(signed_in):
    page = signed_in
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_the_focus_can_always_be_seen(signed_in, team):
    """Each stop of Tab on the list, the form and the preferences draws an outline, a border or a halo."""
    page = signed_in
    for path in ("/runs/", "/runs/new/", "/me/"):
        page.goto(team.url + path)
        stops = 0
        for _ in range(40):
            page.keyboard.press("Tab")
            shown = page.evaluate(
                """() => {
                const element = document.activeElement;
                if (element === document.body) return null;
                const seen = [element, ...element.querySelectorAll('*'), element.parentElement];
                const marks = (one, part) => {
                    const style = getComputedStyle(one, part);
                    return style.outlineStyle !== 'none' || style.boxShadow !== 'none';
                };
                return seen.some((one) => marks(one) || marks(one, '::after')) || element.outerHTML;
            }"""
            )
            if shown is None:
                break
            stops += 1
            assert shown is True
        assert stops > 5
