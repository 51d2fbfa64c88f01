"""The title is what tells rows apart: whatever is hidden beside it, it has all the room there is, in a long
list as in a short one."""

import pytest
from playwright.sync_api import Page, expect

from runs.remembering import COLUMNS

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
