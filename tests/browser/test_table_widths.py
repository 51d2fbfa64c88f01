"""The title is what tells rows apart: whatever is hidden beside it, it has all the room there is, in a long
list as in a short one."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation
from playwright.sync_api import Page, expect

from runs.forms import SANDBOX_TEMPLATES
from runs.remembering import COLUMNS
from runs.status import LOOKS, VERDICT_LOOKS
from runs.templatetags.gigawatch import about, ago, day_and_time, duration

MEASURE = """() => {
    const table = document.querySelector('.table');
    const width = (one) => Math.round(one.getBoundingClientRect().width);
    const heads = [...table.querySelectorAll('th')].filter((head) => head.checkVisibility());
    const columns = heads.map((head) => [head.className.split(' ')[0], width(head)]);
    return {table: width(table), place: width(table.parentElement), ...Object.fromEntries(columns)};
}"""
LEAVE_THREE = """() => {
    for (const row of document.querySelectorAll('#rows > :nth-child(n + 4)')) row.remove();
    document.querySelector('#more-rows').remove();
}"""
SHOW_ONLY = """(names) => {
    for (const box of document.querySelectorAll('[name=shown]')) box.checked = names.includes(box.value);
}"""
IDS = "[...document.querySelectorAll('#rows > tr')].map((row) => Number(row.id.slice(4)))"
# Where columns go, and in between.
WIDTHS = [641, 861, 1024, 1181, 1440]
HIDDEN = [(), ("who", "started"), tuple(COLUMNS)]


@pytest.fixture(scope="module")
def supply(frozen, browser):
    """Somebody with 300 runs."""
    with frozen.context(browser, "history", reduced_motion="reduce") as context:
        yield context.new_page()


def load_more(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Load more").click()
    expect(page.locator("#rows > tr")).to_have_count(100)


def widths(page: Page, hidden) -> dict:
    """Of the visible columns, the table and its place, by the window's width and what is switched off."""
    measured = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for names in hidden:
            page.evaluate(SHOW_ONLY, [name for name in COLUMNS if name not in names])
            measured[width, names] = page.evaluate(MEASURE)
    return measured


def in_a_long_list_as_in_a_short_one(page: Page, hidden) -> dict:
    long = widths(page, hidden)
    page.evaluate(LEAVE_THREE)
    assert widths(page, hidden) == long
    for seen in long.values():
        columns = sum(width for name, width in seen.items() if name not in ("table", "place"))
        assert seen["table"] == seen["place"] and abs(seen["table"] - columns) <= 4
        assert seen["c-title"] > 150
    return long


def test_the_title_of_a_run_keeps_its_room(supply, frozen):
    load_more(supply, frozen.address("/runs/"))
    long = in_a_long_list_as_in_a_short_one(supply, HIDDEN)
    assert long[1024, ()]["c-title"] > 300


def test_beside_the_glance_too(supply, frozen):
    load_more(supply, frozen.address("/runs/"))
    supply.set_viewport_size({"width": 1440, "height": 900})
    supply.keyboard.press("j")
    supply.keyboard.press("Space")
    supply.locator("#peek h2").wait_for()
    long = in_a_long_list_as_in_a_short_one(supply, [()])
    assert long[1440, ()]["c-title"] > 250


def test_so_does_the_task_of_a_session(supply, frozen):
    load_more(supply, frozen.address("/sessions/"))
    in_a_long_list_as_in_a_short_one(supply, [()])


def test_more_and_more_is_loaded_until_nothing_is_left(supply, frozen):
    load_more(supply, frozen.address("/runs/"))
    for count in (150, 200, 250, 300):
        supply.get_by_role("link", name="Load more").dispatch_event("click")
        expect(supply.locator("#rows > tr")).to_have_count(count)
    expect(supply.locator("#more-rows")).to_have_count(0)
    ids = supply.evaluate(IDS)
    assert ids == sorted(set(ids), reverse=True)


# How much of its line the title has, and what of it is seen, in the row whose title and note are longest.
SHARE = """() => {
    const [line] = document.querySelectorAll('#rows .title-line:has(.note)');
    const [title, note] = [line.querySelector('.row-link'), line.querySelector('.note > span')];
    title.textContent = 'Compare the delivery terms of forty suppliers, clause by clause, and write it down';
    note.textContent = 'Waiting: this workspace may have three runs active at once, and has them';
    return title.offsetWidth / line.offsetWidth;
}"""


@pytest.mark.parametrize(("width", "share"), [(641, 0.85), (860, 0.85), (861, 0.58), (1440, 0.58)])
def test_a_long_note_leaves_most_of_the_line_to_the_title(supply, frozen, width, share):
    """And all of it where the line is short. (A row under the pointer has its buttons there, too.)"""
    supply.mouse.move(0, 0)
    supply.set_viewport_size({"width": width, "height": 900})
    supply.goto(frozen.address("/runs/"))
    assert supply.evaluate(SHARE) >= share


def test_what_a_row_says_when_it_is_hovered_lies_open_under_the_pointer(supply, frozen):
    """The time of its start, the whole of its note: neither under the row's buttons nor under its link."""
    supply.set_viewport_size({"width": 1440, "height": 900})
    supply.goto(frozen.address("/runs/"))
    row = supply.locator("#rows > tr").first
    for part in (row.locator(".c-started time"), row.locator(".note"), row.locator(".avatar")):
        part.hover()  # refused where something else is on top
        expect(row.get_by_role("button", name="More")).to_be_visible()
        expect(part).to_be_visible()
    expect(row.locator(".note")).to_have_attribute("title", "Waiting for a free computer, place 2 in line.")
    expect(row.locator(".note")).to_have_text("place 2 in line")
    row.locator(".c-started time").click()
    expect(supply.locator(".run-page")).to_be_visible()


# Each text in its column, in a font that is wider than ours; what does not fit comes back. Numbers are set to
# the right: they overflow to the left.
FILL = """(columns) => {
    document.documentElement.style.setProperty('--sans', "'DejaVu Sans'");
    const fits = (element, box) => {
        const range = document.createRange();
        range.selectNodeContents(element);
        const [seen, place] = [range.getBoundingClientRect(), box.getBoundingClientRect()];
        const style = getComputedStyle(box);
        const left = place.left + parseFloat(style.paddingLeft);
        const right = place.right - parseFloat(style.paddingRight);
        return seen.left >= left - 0.5 && seen.right <= right + 0.5;
    };
    const heads = [...document.querySelectorAll('th')];
    const wrong = heads.filter((head) => !fits(head, head)).map((head) => head.textContent);
    const row = document.querySelector('#rows > .has-left') ?? document.querySelector('#rows > tr');
    for (const [name, texts] of Object.entries(columns)) {
        const cell = row.querySelector(`.${name}`);
        const place = cell.querySelector('.word, .left > span, time') ?? cell;
        for (const text of texts) {
            place.textContent = text;
            if (!fits(place, cell.querySelector('.pill') ?? cell)) wrong.push([name, text]);
        }
    }
    const pills = new Set([...document.querySelectorAll('.table .pill')].map((pill) => pill.offsetWidth));
    return [wrong, pills.size];
}"""


def longest_texts() -> dict[str, dict[str, list[str]]]:
    """What the columns of runs and of sessions have to hold, in the language of now."""
    labels = [str(look.label) for look in [*LOOKS.values(), *VERDICT_LOOKS.values()]]
    this_year = timezone.now().year
    months = [
        datetime(year, month, 28, 22, 48, tzinfo=UTC) for year in (2020, this_year) for month in range(1, 13)
    ]
    times = [day_and_time(at) for at in months] + [
        ago(timezone.now() - timedelta(minutes=m)) for m in (0, 59, 1439)
    ]
    lengths = [duration(seconds) for seconds in (0, 59, 3599, 86_399, 90_000)]
    templates = [template["name"] for template in SANDBOX_TEMPLATES]
    left = [about(minutes * 60) for minutes in (0, 14, 59, 600, 1438, 1498)]
    return {
        "/runs/": {
            "c-status": labels,
            "c-template": templates,
            **dict.fromkeys(["c-queue", "c-start", "c-run"], lengths),
            "c-left": left,
            "c-started": times,
        },
        "/sessions/": {"c-last": labels, "c-template": templates, "c-duration": ["24 h"], "c-created": times},
    }


@pytest.mark.parametrize("language", ["en", "de"])
def test_all_that_a_column_may_hold_fits_it_in_a_wide_font(frozen, browser, language):
    with translation.override(language):
        texts = longest_texts()
    seen = {}
    with frozen.context(
        browser, "history", locale=language, viewport={"width": 1440, "height": 900}
    ) as context:
        page = context.new_page()
        for address, columns in texts.items():
            page.goto(frozen.address(address))
            expect(page.locator("html")).to_have_attribute("lang", language)
            seen[address] = page.evaluate(FILL, columns)
    assert seen == {"/runs/": [[], 1], "/sessions/": [[], 1]}


def test_cells_are_cells_in_every_table(frozen, browser):
    """One that is laid out as something else stands beside its row, and its line ends before the others'."""
    odd = {}
    with frozen.context(browser, "every", viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        for path in ("/runs/", "/sessions/", "/team/", "/team/audit/"):
            page.goto(frozen.url + path)
            odd[path] = page.evaluate(
                "[...document.querySelectorAll('td')].filter((cell) => cell.checkVisibility())"
                ".map((cell) => getComputedStyle(cell).display).filter((shown) => shown !== 'table-cell')"
            )
    assert not any(odd.values()), odd
