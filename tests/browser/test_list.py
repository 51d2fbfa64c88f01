"""The runs list in the browser: the glance, picking rows, new rows, views, and all of it by keyboard."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.driving import sign_in
from tests.served import eventually


@pytest.fixture
def team(teams):
    """With a history of a dozen runs."""
    with teams.team(ended=12) as team:
        yield team


@pytest.fixture
def runs(page, team):
    """The list, live."""
    sign_in(page, team)
    expect(page.locator("[data-live]:visible").first).to_have_attribute("data-live", "live", timeout=20_000)
    page.evaluate("window.mark = 'never loaded anew'")
    return page


def row(page, number: int):
    return page.locator("#rows tr[id^=run-]").nth(number)


def titles(page) -> list[str]:
    return page.locator("#rows .row-link").all_inner_texts()


class TestPeek:
    def test_opens_by_key_walks_the_list_and_closes(self, runs):
        first, second = titles(runs)[:2]
        runs.keyboard.press("j")
        runs.keyboard.press("Space")
        peek = runs.get_by_role("complementary", name="Glance")
        expect(peek.get_by_role("heading")).to_have_text(first)
        expect(runs.locator("th.c-template")).to_be_hidden()
        runs.keyboard.press("ArrowDown")
        expect(peek.get_by_role("heading")).to_have_text(second)
        runs.keyboard.press("k")
        expect(peek.get_by_role("heading")).to_have_text(first)
        runs.keyboard.press("Escape")
        expect(peek).to_be_hidden()
        expect(row(runs, 0).locator(".row-link")).to_be_focused()
        expect(runs.locator("th.c-template")).to_be_visible()

    def test_opens_by_its_button_and_follows_its_run(self, runs, team, giga):
        giga.hold_at_work()
        run = team.launch(team.signed_in(), "Watched at a glance")
        new = runs.locator(f"#run-{run}")
        new.hover()
        new.get_by_role("button", name="Glance at it here").click()
        pill = runs.locator("#peek .pill")
        expect(pill).to_have_attribute("data-status", "running", timeout=30_000)
        giga.let_on()
        expect(pill).to_have_attribute("data-status", "completed", timeout=40_000)
        assert runs.evaluate("window.mark") == "never loaded anew"

    def test_tags_are_given_and_taken_off_in_it(self, runs):
        runs.keyboard.press("j")
        runs.keyboard.press("Space")
        peek = runs.get_by_role("complementary", name="Glance")
        field = peek.get_by_role("textbox", name="Tag")
        field.fill("a,b")
        field.press("Enter")
        expect(peek.get_by_text("A tag has no comma")).to_be_visible()
        field.fill("Quarter end")
        field.press("Enter")
        expect(peek.locator("#run-tags a")).to_have_text("Quarter end")
        expect(field).to_have_value("")
        expect(row(runs, 0).locator(".tag")).to_have_text("Quarter end")
        peek.get_by_role("button", name="Take off the tag Quarter end").click()
        expect(peek.locator("#run-tags a")).to_have_count(0)
        expect(row(runs, 0).locator(".tag")).to_have_count(0)
        assert runs.evaluate("window.mark") == "never loaded anew"

    def test_enter_opens_the_run(self, runs):
        runs.keyboard.press("j")
        runs.keyboard.press("Space")
        expect(runs.locator("#peek h2")).to_be_visible()
        runs.keyboard.press("Enter")
        runs.wait_for_url(re.compile(r"/runs/\d+/$"))

    def test_is_not_offered_on_a_phone(self, runs):
        runs.set_viewport_size({"width": 390, "height": 844})
        runs.keyboard.press("j")
        runs.keyboard.press("Space")
        expect(runs.locator("#peek")).to_be_hidden()


class TestPicking:
    def test_by_keyboard_then_tagged(self, runs):
        expect(runs.locator("#bulk")).to_be_hidden()
        for key in "jxjx":
            runs.keyboard.press(key)
        expect(runs.locator("#picked")).to_have_text("2 selected")
        runs.locator("#bulk").get_by_text("Tag", exact=True).click()
        runs.get_by_label("Add a tag").fill("acme")
        runs.get_by_role("button", name="Add", exact=True).click()
        expect(runs.get_by_text("2 runs tagged “acme”.")).to_be_visible()
        expect(runs.locator(".tag", has_text="acme")).to_have_count(2)
        runs.get_by_role("button", name="Undo").click()
        expect(runs.get_by_text("Undone for 2 runs.")).to_be_visible()
        expect(runs.locator(".tag", has_text="acme")).to_have_count(0)

    def test_a_pick_survives_the_news_of_its_row(self, runs, team):
        run = team.launch(team.signed_in(), "Picked while it moves")
        picked = runs.locator(f"#run-{run} [name=run]")
        picked.check(force=True)
        expect(runs.locator(f"#run-{run}")).to_have_attribute("data-status", "completed", timeout=60_000)
        expect(picked).to_be_checked()
        expect(runs.locator("#picked")).to_have_text("1 selected")

    def test_everything_that_matches_is_counted_and_named_on_the_button(self, runs):
        count = runs.locator("#chips [aria-current] span").inner_text()
        runs.keyboard.press("x")
        runs.get_by_label("all matching").check()
        expect(runs.locator("#everything")).to_have_text(count)
        expect(runs.locator("#picked")).to_have_text(f"{count} selected")
        runs.get_by_label("all matching").uncheck()
        expect(runs.locator("#picked")).to_have_text("1 selected")
        runs.get_by_label("all matching").check()
        expect(runs.locator("#picked")).to_have_text(f"{count} selected")
        runs.get_by_role("button", name="Relaunch").last.click()
        dialog = runs.get_by_role("dialog", name=f"Relaunch {count} runs?")
        expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        expect(dialog.get_by_role("button", name=f"Relaunch {count}")).to_be_visible()
        dialog.get_by_role("button", name="Cancel").click()
        runs.get_by_role("button", name="Select nothing").click()
        expect(runs.locator("#bulk")).to_be_hidden()

    def test_a_relaunch_of_what_is_picked(self, runs, team):
        title = titles(runs)[0]
        runs.keyboard.press("x")
        runs.locator("#bulk").get_by_role("button", name="Relaunch").click()
        runs.get_by_role("button", name="Relaunch 1", exact=True).click()
        expect(runs.get_by_text("1 run launched again.")).to_be_visible()
        for number in range(2):
            expect(row(runs, number).locator(".row-link")).to_have_text(title)

    def test_an_export_is_a_file(self, runs):
        runs.keyboard.press("x")
        with runs.expect_download() as download:
            runs.get_by_role("button", name="Export CSV").click()
        assert re.fullmatch(r"runs-[\d-]+\.csv", download.value.suggested_filename)


class TestNewRows:
    def test_wait_behind_a_button_that_brings_them_in_place(self, runs, team):
        runs.set_viewport_size({"width": 1440, "height": 420})
        runs.locator("#main").evaluate("(main) => main.scrollTo(0, 200)")
        before = titles(runs)
        session = team.signed_in()
        for number in range(2):
            team.launch(session, f"New one {number}")
        button = runs.get_by_role("button", name="2 new")
        expect(button).to_be_visible()
        expect(runs.locator("#said")).to_have_text(re.compile("new"))
        assert titles(runs) == before
        button.click()
        expect(runs.locator("#rows .row-link").first).to_have_text("New one 1")
        expect(button).to_be_hidden()
        assert runs.locator("#main").evaluate("(main) => main.scrollTop") == 0
        assert runs.evaluate("window.mark") == "never loaded anew"


class TestComingBack:
    """From a run to the list it was opened from: its filters, its place, and the row marked."""

    @pytest.fixture
    def opened(self, runs, team):
        runs.set_viewport_size({"width": 1440, "height": 420})
        runs.goto(f"{team.url}/runs/?q=number")
        link = runs.locator("#rows .row-link").nth(9)
        self.title = link.inner_text()
        link.click()
        runs.wait_for_url(re.compile(r"/runs/\d+/$"))
        return runs

    def expect_as_it_was(self, page):
        page.wait_for_url(re.compile(r"/runs/\?q=number#run-\d+$"))
        link = page.locator("#rows .is-current .row-link")
        expect(link).to_have_text(self.title)
        expect(link).to_be_in_viewport()

    def test_by_the_crumb(self, opened):
        opened.get_by_role("main").get_by_role("link", name="Runs", exact=True).click()
        self.expect_as_it_was(opened)

    def test_by_the_browser(self, opened):
        opened.go_back()
        self.expect_as_it_was(opened)
        opened.keyboard.press("j")
        expect(opened.locator("#rows .is-current")).to_have_count(1)

    def test_a_fresh_visit_shows_all(self, opened, team):
        opened.locator(".nav").get_by_role("link", name="Runs").click()
        opened.wait_for_url(f"{team.url}/runs/")
        expect(opened.locator("#rows .is-current")).to_have_count(0)


class TestViewsAndFilters:
    def test_a_view_is_saved_called_up_and_deleted(self, runs, team):
        runs.goto(f"{team.url}/runs/?q=number")
        runs.locator(".views summary").click()
        runs.get_by_label("Save this list as").fill("Numbers")
        runs.get_by_role("button", name="Save view").click()
        expect(runs.locator(".views summary")).to_contain_text("Numbers")
        runs.wait_for_load_state()
        runs.get_by_label("When").select_option("today")
        runs.wait_for_url(re.compile("when=today"))
        expect(runs.locator(".views .changed")).to_be_visible()
        runs.locator(".views summary").click()
        runs.get_by_role("button", name="Delete the view Numbers").click()
        expect(runs.get_by_text("The view Numbers is gone.")).to_be_visible()

    def test_a_search_marks_its_match_and_goes_with_one_press(self, runs):
        runs.keyboard.press("/")
        runs.keyboard.type("number 3")
        runs.keyboard.press("Enter")
        runs.wait_for_url(re.compile("q=number"))
        for place, word in enumerate(["number", "3"]):
            expect(runs.locator("#rows mark").nth(place)).to_have_text(word)
        runs.get_by_role("link", name="Leave out “number 3”").click()
        expect(runs.locator("#rows mark")).to_have_count(0)

    def test_columns_change_at_once_and_are_remembered(self, runs):
        runs.get_by_label("Columns and row height").click()
        with runs.expect_response(re.compile("/runs/look/")):
            runs.get_by_label("Queue", exact=True).uncheck()
        expect(runs.locator("th.c-queue")).to_be_hidden()
        runs.reload()
        expect(runs.locator("th.c-queue")).to_be_hidden()
        runs.get_by_label("Columns and row height").click()
        with runs.expect_response(re.compile("/runs/look/")):
            runs.get_by_label("Queue", exact=True).check()
        expect(runs.locator("th.c-queue")).to_be_visible()


def test_the_menu_of_a_row_offers_a_relaunch(runs):
    row(runs, 0).hover()
    row(runs, 0).get_by_role("button", name="More", exact=True).click()
    runs.get_by_role("link", name="Relaunch").click()
    runs.wait_for_url(re.compile(r"/runs/new/\?from=\d+"))
    expect(runs.get_by_label("Task")).not_to_be_empty()


def test_fifteen_minutes_more_from_the_row(runs, team, giga):
    giga.hold_at_work()
    run = team.launch(team.signed_in(), "Takes longer [scenario:waiting]")
    more = runs.locator(f"#run-{run}").get_by_role("button", name="15 minutes more")
    expect(more).to_be_attached(timeout=30_000)
    more.hover(force=True)
    more.click()
    session = team.signed_in()
    eventually(lambda: "15 min" in session.get(f"{team.url}/runs/{run}/", timeout=10).text)


class TestSearching:
    def test_takes_effect_while_it_is_typed_and_leaves_the_field_alone(self, runs, team):
        field = runs.get_by_role("searchbox", name="Search prompts, ids, notes, tags")
        everything = titles(runs)
        word = next(word for word in everything[0].split() if len(word) > 4)[:4].lower()
        field.press_sequentially(word)
        expect(runs).to_have_url(re.compile(rf"/runs/\?q={word}$"))
        expect(runs.locator("#applied .applied-one")).to_have_text(f"“{word}”")
        expect(runs.locator("#rows mark").first).to_be_visible()
        expect(field).to_be_focused()
        assert field.input_value() == word and field.evaluate("field => field.selectionStart") == len(word)
        assert all(word in text.lower() for text in runs.locator("#rows tr[id]").all_inner_texts())
        # What is done to all that matches, and what is kept as a view, goes by the address too.
        expect(runs.locator("#bulk")).to_have_attribute("action", f"/runs/bulk/?q={word}")
        expect(runs.locator("#live")).to_have_attribute("hx-ws:connect", f"/ws/runs/?q={word}")
        expect(runs.locator("[data-live]:visible").first).to_have_attribute(
            "data-live", "live", timeout=20_000
        )
        other = team.launch(team.signed_in(), "Nothing of the kind")
        fits = team.launch(team.signed_in(), f"One more {word}")
        expect(runs.locator(f"#run-{fits}")).to_be_visible(timeout=20_000)
        expect(runs.locator(f"#run-{other}")).to_have_count(0)
        field.fill("")
        expect(runs).to_have_url(re.compile(r"/runs/$"))
        expect(runs.locator(f"#run-{other}")).to_be_visible()
        field.fill("zzz nothing")
        field.press("Enter")
        expect(runs.get_by_role("heading", name="Nothing matches")).to_be_visible()
        assert runs.evaluate("window.mark") == "never loaded anew"

    def test_the_way_back_leads_past_what_was_typed(self, runs):
        runs.goto(runs.url.replace("/runs/", "/sessions/"))
        runs.goto(runs.url.replace("/sessions/", "/runs/?status=failed"))
        field = runs.get_by_role("searchbox", name="Search prompts, ids, notes, tags")
        for text in ("a", "ab", "abc"):
            field.fill(text)
            expect(runs).to_have_url(re.compile(rf"\?q={text}&"))
        assert "status=failed" in runs.url
        runs.go_back()
        runs.wait_for_url(re.compile("/sessions/"))
        runs.go_forward()
        expect(field).to_have_value("abc")

    def test_what_was_picked_is_let_go_with_its_rows(self, runs):
        runs.keyboard.press("j")
        runs.keyboard.press("x")
        runs.locator("#bulk [name=everything]").check()
        runs.get_by_role("searchbox", name="Search prompts, ids, notes, tags").fill("e")
        expect(runs).to_have_url(re.compile("q=e"))
        expect(runs.locator("#bulk")).to_be_hidden()
        expect(runs.locator("#bulk [name=everything]")).not_to_be_checked()
