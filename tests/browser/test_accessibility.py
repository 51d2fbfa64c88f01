"""WCAG 2.2 A and AA, as far as axe-core can tell, on every page in every state, light and dark; and that
motion stops for those who asked for it."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.sights import OFFLINE, SIGHTS, look

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Colours that fade from one theme to the other are judged when they have arrived: an inherited one sets out
# anew with each step of the one above it. What stands in the frame is Giga's page.
VIOLATIONS = """async (rules) => {
    const frame = () => new Promise(requestAnimationFrame);
    const fading = () => document.getAnimations().filter((animation) => animation instanceof CSSTransition);
    do {
        await Promise.allSettled(fading().map((animation) => animation.finished));
        await frame();
        await frame();
    } while (fading().length);
    const options = {runOnly: rules, iframes: false};
    const found = await axe.run({exclude: [['iframe']]}, options);
    const shown = (nodes) => nodes.map((node) => node.html.slice(0, 200)).join(' | ');
    return found.violations.map(({id, nodes}) => `${id}: ${shown(nodes)}`);
}"""


def violations(page) -> list[str]:
    """What axe finds on this page in both themes."""
    found = []
    page.evaluate(AXE.read_text())
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        found += [f"{theme}: {violation}" for violation in page.evaluate(VIOLATIONS, RULES)]
    return found


@pytest.mark.parametrize("sight", SIGHTS, ids=lambda sight: sight.name)
def test_nothing_on_this_page_is_hard_to_reach(sight, frozen, chromium):
    page = look(sight, frozen, chromium, viewport={"width": 1440, "height": 900}, bypass_csp=True)
    assert violations(page) == []
    page.context.close()


@pytest.mark.parametrize("name", ["runs", "run-running", "launch", "session", "me", "palette-found"])
def test_nor_on_a_phone(name, frozen, chromium):
    sight = next(sight for sight in SIGHTS if sight.name == name)
    page = look(sight, frozen, chromium, viewport={"width": 390, "height": 844}, bypass_csp=True)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.context.close()


def test_everything_rests_for_those_who_asked_for_less_motion(frozen, chromium):
    names = ("runs", "run-running", "run-starting", "palette")
    for sight in (sight for sight in SIGHTS if sight.name in names):
        page = look(sight, frozen, chromium, reduced_motion="reduce")
        moving = page.evaluate("document.getAnimations().filter((a) => a.playState === 'running').length")
        assert (sight.name, moving) == (sight.name, 0)
        page.context.close()
    page = look(next(sight for sight in SIGHTS if sight.name == "run-starting"), frozen, chromium)
    assert page.evaluate("document.getAnimations().length") > 0
    page.context.close()


def test_nothing_is_hard_to_reach_when_the_server_is_gone(frozen, chromium):
    pages = [look(sight, frozen, chromium, bypass_csp=True) for sight in OFFLINE]
    frozen.freeze()
    try:
        for page in pages:
            expect(page.locator("#banner")).to_be_visible(timeout=15_000)
            assert violations(page) == []
            page.context.close()
    finally:
        frozen.start()
