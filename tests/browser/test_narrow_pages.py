"""On the narrowest phones nothing is cut off, in the longer of both languages as well."""

import pytest

from tests.sights import SIGHTS, visit

# On one worker: the pages it looks at are made and served once.
pytestmark = pytest.mark.xdist_group("accessibility")

WIDTH = 320
NAMES = (
    "sign-in",
    "runs",
    "run-running",
    "run-achieved",
    "run-failed",
    "launch",
    "wall",
    "session",
    "me",
    "team",
    "confirm-it-is-you",
)
# What reaches over the edge of the page, or to that of its bar, and buttons that do not hold their words.
CUT_OFF = """() => {
    const cut = [];
    const wide = document.documentElement.scrollWidth;
    if (wide > innerWidth) cut.push(`as wide as ${wide}`);
    for (const one of document.querySelectorAll('.side .avatar, .side span'))
        if (one.getBoundingClientRect().right > innerWidth - 2) cut.push(one.innerText);
    for (const one of document.querySelectorAll('.btn'))
        if (one.scrollHeight > one.clientHeight || one.scrollWidth > one.clientWidth) cut.push(one.innerText);
    for (const one of document.querySelectorAll('.head h1:not([dir])'))
        if (one.scrollWidth > one.clientWidth) cut.push(one.innerText);
    return cut;
}"""
# The name of a field is one line, with the count of what is written in it.
FIRST_LINE = """label => {
    const name = document.createRange();
    name.selectNode(label.firstChild);
    const boxes = [...name.getClientRects(), label.querySelector('.counter').getBoundingClientRect()];
    return [boxes.length, boxes.every((box) => Math.abs(box.top - boxes[0].top) < 4)];
}"""


# What a reader may ask of any text (WCAG 1.4.12).
SPACE_OUT = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
        word-spacing: .16em !important } p { margin-bottom: 2em !important }`);
    document.adoptedStyleSheets = [sheet];
    return document.documentElement.scrollWidth - innerWidth;
}"""


@pytest.fixture(params=["en", "de"])
def phone(request, new_context):
    return new_context(viewport={"width": WIDTH, "height": 700}, locale=request.param).new_page()


def test_nothing_is_cut_off(frozen, phone):
    cut_off = {}
    for sight in SIGHTS:
        if sight.name in NAMES:
            frozen.sign_in(phone.context, sight.who)
            visit(sight, frozen, phone)
            cut_off[sight.name] = phone.evaluate(CUT_OFF)
    assert cut_off == {name: [] for name in NAMES}


def test_no_page_grows_wider_than_a_phone_when_its_text_is_spaced_out(frozen, new_context):
    phone = new_context(viewport={"width": 390, "height": 844}, locale="de").new_page()
    beyond = {}
    for sight in SIGHTS:
        if sight.name in (*NAMES, "run-unknown"):
            frozen.sign_in(phone.context, sight.who)
            visit(sight, frozen, phone)
            beyond[sight.name] = phone.evaluate(SPACE_OUT)
    assert {name: width for name, width in beyond.items() if width > 0} == {}


def test_the_name_of_a_field_stays_one_line_when_something_is_written(frozen, phone):
    frozen.sign_in(phone.context, "every")
    phone.goto(frozen.address("/runs/new/"))
    phone.locator("[name=goal_prompt]").fill("Something")
    assert phone.locator("[for=id_goal_prompt]").evaluate(FIRST_LINE) == [2, True]


def test_the_line_of_a_demo_keeps_its_distance_from_the_heading(frozen, phone):
    phone.goto(frozen.address("/accounts/login/"))
    distance = phone.locator("main h1").evaluate(
        """heading => {
            const line = document.createElement('p');
            [line.className, line.textContent] = ['demo-line', 'Demo: simulated Giga'];
            heading.before(line);
            return heading.getBoundingClientRect().top - line.getBoundingClientRect().bottom;
        }"""
    )
    assert distance >= 16
