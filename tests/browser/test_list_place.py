"""Who comes back to a long list finds it as it was left: rows, scroll, what was picked, the glance."""

import re

import pytest
from playwright.sync_api import Page, expect

# Where the first rows in sight stand, what is picked, and the row that is the current one.
PLACE = """() => {
    const rows = [...document.querySelectorAll('#rows > tr')];
    const seen = rows.filter((row) => row.getBoundingClientRect().bottom > 150).slice(0, 5);
    return {
        rows: rows.length,
        seen: seen.map((row) => [row.id, Math.round(row.getBoundingClientRect().top)]),
        picked: [...document.querySelectorAll('#rows [name=run]:checked')].map((box) => box.value),
        current: document.querySelector('.is-current')?.id ?? null,
        peek: document.querySelector('#peek:not([hidden]) h2')?.textContent ?? null,
    };
}"""


@pytest.fixture(scope="module")
def page(frozen, browser):
    """Of somebody with 300 runs."""
    size = {"width": 1440, "height": 900}
    with frozen.context(browser, "history", reduced_motion="reduce", viewport=size) as context:
        yield context.new_page()


def go_deep(page: Page, address: str, row: int, *, pages: int) -> None:
    """Load more, and walk to a row far down: a first visit, not the same address anew."""
    page.goto("about:blank")
    page.goto(address)
    for number in range(2, pages + 1):
        page.get_by_role("link", name="Load more").click()
        expect(page.locator("#rows > tr")).to_have_count(50 * number)
    page.locator("#rows > tr").nth(row).scroll_into_view_if_needed()


def expect_place(page: Page, place: dict) -> None:
    page.wait_for_function(f"place => JSON.stringify(({PLACE})()) === JSON.stringify(place)", arg=place)


@pytest.fixture
def glanced(page, frozen):
    """With two rows picked far down, and a glance at a third."""
    go_deep(page, frozen.address("/runs/"), 90, pages=3)
    for number in (87, 88):
        page.locator("#rows > tr").nth(number).locator("[name=run]").check(force=True)
    row = page.locator("#rows > tr").nth(90)
    row.hover()
    row.get_by_role("button", name="Glance at it here").click()
    page.locator("#peek h2").wait_for()
    place = page.evaluate(PLACE)
    assert place["rows"] == 150 and len(place["picked"]) == 2 and place["peek"]
    return place


def test_by_back_from_the_run(page, glanced):
    page.locator("#peek").get_by_role("link", name="Open run").click()
    page.locator(".run-page").wait_for()
    page.go_back()
    expect_place(page, glanced)
    expect(page.locator("#picked")).to_have_text("2 selected")


def test_by_the_crumb_of_the_run(page, glanced):
    page.locator("#peek").get_by_role("link", name="Open run").click()
    page.get_by_role("main").get_by_role("link", name="Runs", exact=True).click()
    page.wait_for_url(re.compile(r"/runs/#run-\d+$"))
    expect_place(page, glanced)


def test_by_back_from_somewhere_else_and_after_loading_anew(page, glanced):
    page.locator(".nav").get_by_role("link", name="Wall").click()
    page.locator(".wall, #wall").first.wait_for()
    page.go_back()
    expect_place(page, glanced)
    page.wait_for_function("place => history.state?.place?.top === place.seen[0][1]", arg=glanced)
    page.reload()
    expect_place(page, glanced)


def test_with_a_filter_and_after_two_steps(page, frozen):
    go_deep(page, frozen.address("/runs/?status=to_judge"), 30, pages=1)
    place = page.evaluate(PLACE)
    row = page.locator("#rows > tr").nth(30)
    row.locator(".row-link").click()
    page.get_by_role("link", name="Relaunch with changes").click()
    page.locator("[name=user_prompt]").wait_for()
    page.go_back()
    page.locator(".run-page").wait_for()
    page.go_back()
    expect_place(page, {**place, "current": row.get_attribute("id")})


def test_the_next_older_row_stands_for_one_that_is_gone(page, frozen):
    go_deep(page, frozen.address("/runs/?status=to_judge"), 0, pages=1)
    ids = page.evaluate("[...document.querySelectorAll('#rows > tr')].map((row) => Number(row.id.slice(4)))")
    above = next(number for number in range(10, 20) if ids[number] - 1 != ids[number + 1])
    kept = {"row": ids[above] - 1, "top": 200, "end": ids[-1], "picked": [], "hasPeek": False}
    page.evaluate("place => { history.replaceState({ place }, ''); location.reload() }", kept)
    page.wait_for_function(
        "id => Math.round(document.querySelector(`#run-${id}`)?.getBoundingClientRect().top) === 200",
        arg=ids[above + 1],
    )


def test_of_sessions_too(page, frozen):
    go_deep(page, frozen.address("/sessions/"), 80, pages=2)
    place = page.evaluate(PLACE)
    row = page.locator("#rows > tr").nth(80)
    row.locator(".row-link").click()
    page.get_by_role("heading", name="Configuration").wait_for()
    page.go_back()
    expect_place(page, {**place, "current": row.get_attribute("id")})


def test_on_a_phone_where_the_window_scrolls(page, frozen):
    page.set_viewport_size({"width": 390, "height": 844})
    go_deep(page, frozen.address("/runs/"), 80, pages=2)
    place = page.evaluate(PLACE)
    row = page.locator("#rows > tr").nth(80)
    row.locator(".row-link").click()
    page.locator(".run-page").wait_for()
    page.go_back()
    expect_place(page, {**place, "current": row.get_attribute("id")})
    page.set_viewport_size({"width": 1440, "height": 900})


def test_after_what_was_done_to_rows_and_after_taking_it_back(page, glanced):
    picked = page.locator("#rows > tr:has([name=run]:checked)")
    page.locator("#bulk").get_by_text("Tag", exact=True).click()
    page.get_by_label("Add a tag").fill("back")
    page.get_by_label("Add a tag").press("Enter")
    expect(page.locator(".toast").first).to_contain_text("2 runs tagged")
    expect_place(page, glanced)
    expect(picked.locator(".tag", has_text="back")).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").first).to_contain_text("Undone for 2 runs.")
    expect_place(page, glanced)


def test_of_any_page_that_scrolls(page, frozen):
    """By Back and anew; a link to where one is begins at the top."""
    page.set_viewport_size({"width": 1440, "height": 250})
    is_at = "top => document.readyState === 'complete' && document.querySelector('#main').scrollTop === top"
    page.goto(frozen.address("/team/"))
    page.evaluate("document.querySelector('#main').scrollTop = 40")
    page.wait_for_function(is_at, arg=40)
    page.locator(".nav").get_by_role("link", name="Wall").click()
    page.locator("#wall").wait_for()
    page.go_back()
    page.wait_for_function(is_at, arg=40)
    page.reload()
    page.wait_for_function(is_at, arg=40)
    page.locator(".nav").get_by_role("link", name="Team").click()
    page.wait_for_function(is_at, arg=0)
    page.set_viewport_size({"width": 1440, "height": 900})


def test_what_is_kept_is_numbers_of_rows(page, glanced):
    page.wait_for_function("() => history.state?.place?.hasPeek")
    kept = page.evaluate("history.state.place")
    assert re.fullmatch(r"[-\w{}\[\]\":, ]*", str(kept).replace("'", '"'))
    assert kept["picked"] == glanced["picked"] and kept["current"] == glanced["current"]


def test_a_fresh_visit_begins_at_the_top(page, glanced):
    page.wait_for_function("() => history.state?.place?.hasPeek")
    page.locator(".nav").get_by_role("link", name="Runs").click()
    page.wait_for_function("() => document.querySelectorAll('#rows > tr').length === 50")
    assert page.evaluate("document.querySelector('#main').scrollTop") == 0
