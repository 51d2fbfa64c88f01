"""WCAG 2.2 A and AA, as far as axe-core can tell, on every page in every state, light and dark; and that
motion stops for those who asked for it."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.sights import OFFLINE, SIGHTS, visit

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
# In the dark the same page has other colours, and nothing else.
RULES = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "dark": ["color-contrast", "link-in-text-block"],
}
# Colours that fade from one theme to the other are judged when they have arrived: an inherited one sets out
# anew with each step of the one above it. What stands in the frame is Giga's page. What is hidden is no
# violation, and slow to look for.
VIOLATIONS = """async ([rules, leftOut]) => {
    const frame = () => new Promise(requestAnimationFrame);
    const fading = () => document.getAnimations().filter((animation) => animation instanceof CSSTransition);
    do {
        await Promise.allSettled(fading().map((animation) => animation.finished));
        await frame();
        await frame();
    } while (fading().length);
    const options = {
        runOnly: rules, iframes: false, resultTypes: ['violations'], selectors: false,
        rules: {'hidden-content': {enabled: false}},
    };
    const found = await axe.run({exclude: leftOut.map((one) => [one])}, options);
    const shown = (nodes) => nodes.map((node) => node.html.slice(0, 200)).join(' | ');
    return found.violations.map(({id, nodes}) => `${id}: ${shown(nodes)}`);
}"""


# Rows beyond the eighth are like those before them.
LEFT_OUT = ["iframe", "#rows > :nth-child(n + 9)", "#wall > :nth-child(n + 9)"]
CLASSES = "[...new Set([...document.querySelectorAll('body [class]')].map((one) => one.classList.value))]"
# A draft that one sight leaves is none of the next one's.
FORGET = "try { localStorage.clear(); sessionStorage.clear(); } catch {}"


def violations(page, left_out=LEFT_OUT, themes=tuple(RULES)) -> list[str]:
    """What axe finds on this page, which has it, in these themes."""
    found = []
    for theme in themes:
        page.emulate_media(color_scheme=theme)
        found += [f"{theme}: {said}" for said in page.evaluate(VIOLATIONS, [RULES[theme], left_out])]
    return found


def violations_by_sight(sights, frozen, new_context, **options) -> dict[str, list[str]]:
    """By the names of sights, all that axe finds. One page goes through all of them. What stands beside each
    page is judged beside the first one of each person, and colours in the dark where something looks like
    nothing before it."""
    page = new_context(bypass_csp=True, **options).new_page()
    page.add_init_script(FORGET)
    page.add_init_script(path=AXE)
    found, judged_beside, looks = {}, set(), set()
    for sight in sights:
        frozen.sign_in(page.context, sight.who)
        visit(sight, frozen, page)
        left_out = [*LEFT_OUT, ".side"] if sight.who in judged_beside else LEFT_OUT
        classes = set(page.evaluate(CLASSES))
        found[sight.name] = violations(page, left_out, tuple(RULES) if classes - looks else ("light",))
        judged_beside.add(sight.who)
        looks |= classes
        if options["viewport"] == PHONE and page.evaluate("document.documentElement.scrollWidth") > 390:
            found[sight.name].append("wider than a phone")
    return {name: some for name, some in found.items() if some}


# As many as let workers share them; pages that look alike stay together.
SHARES = [SIGHTS[start : start + 16] for start in range(0, len(SIGHTS), 16)]
together = pytest.mark.xdist_group("accessibility")


@pytest.mark.parametrize(
    "sights",
    [
        pytest.param(
            share, id=f"{share[0].name}...{share[-1].name}", marks=pytest.mark.xdist_group(share[0].name)
        )
        for share in SHARES
    ],
)
def test_nothing_on_any_page_is_hard_to_reach(frozen, new_context, sights):
    assert violations_by_sight(sights, frozen, new_context, viewport=DESKTOP) == {}


@together
def test_nor_on_a_phone(frozen, new_context):
    names = ("runs", "run-running", "launch", "session", "me", "palette-found")
    sights = [sight for sight in SIGHTS if sight.name in names]
    assert violations_by_sight(sights, frozen, new_context, viewport=PHONE) == {}


@together
def test_what_is_hard_to_reach_is_found(frozen, page):
    page.add_init_script(path=AXE)
    page.goto(frozen.address("/accounts/login/"))
    page.locator("main").evaluate(
        """(main) => {
            const pale = document.createElement('p');
            pale.textContent = 'Hardly to be read';
            [pale.style.color, pale.style.backgroundColor] = ['#888', '#777'];
            main.append(new Image(), pale);
        }"""
    )
    assert sorted(violation.split(":")[:2] for violation in violations(page)) == [
        ["dark", " color-contrast"],
        ["light", " color-contrast"],
        ["light", " image-alt"],
    ]


@together
def test_everything_rests_for_those_who_asked_for_less_motion(frozen, new_context):
    names = ("runs", "run-running", "run-starting", "palette")
    page = new_context().new_page()
    page.emulate_media(reduced_motion="reduce")
    frozen.sign_in(page.context, "every")
    for sight in (sight for sight in SIGHTS if sight.name in names):
        visit(sight, frozen, page)
        moving = page.evaluate("document.getAnimations().filter((a) => a.playState === 'running').length")
        assert (sight.name, moving) == (sight.name, 0)
    page.emulate_media(reduced_motion="no-preference")
    visit(next(sight for sight in SIGHTS if sight.name == "run-starting"), frozen, page)
    assert page.evaluate("document.getAnimations().length") > 0


@together
def test_nothing_is_hard_to_reach_when_the_server_is_gone(frozen, new_context):
    context = new_context(viewport=DESKTOP, bypass_csp=True)
    context.add_init_script(path=AXE)
    frozen.sign_in(context, "every")
    pages = [context.new_page() for _ in OFFLINE]
    for sight, page in zip(OFFLINE, pages, strict=True):
        visit(sight, frozen, page)
    frozen.freeze()
    try:
        for page in pages:
            expect(page.locator("#banner")).to_be_visible()
            assert violations(page) == []
    finally:
        frozen.start()
