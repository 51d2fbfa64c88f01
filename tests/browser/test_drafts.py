"""What is typed is kept until it has arrived, whatever becomes of the login, the page or the launch."""

import re

from playwright.sync_api import Page, expect

from runs.models import PROMPT_LENGTH
from tests.browser.driving import LOGIN, give_password, launch, status


def fill(page: Page, task: str, goal: str = "It is done.") -> None:
    page.get_by_label("Task").fill(task)
    page.get_by_label("Done means").fill(goal)


def press_launch(page: Page) -> None:
    page.get_by_role("button", name="Launch", exact=False).first.click()


def log_out_elsewhere(page: Page) -> None:
    page.context.clear_cookies(name=LOGIN)


def test_a_whole_form_outlives_its_page_and_goes_when_it_was_launched(signed_in, team):
    page = signed_in
    page.goto(f"{team.url}/runs/new/")
    fill(page, "Kept for later")
    page.locator('[value="giga-pro"]').check()
    page.get_by_role("button", name="8 h", exact=True).click()
    page.goto(f"{team.url}/runs/")
    page.goto(f"{team.url}/runs/new/")
    expect(page.get_by_label("Task")).to_have_value("Kept for later")
    expect(page.locator('[value="giga-pro"]')).to_be_checked()
    expect(page.locator("#estimate")).to_have_text("320 credits runtime only, AI tokens extra")
    press_launch(page)
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    page.goto(f"{team.url}/runs/new/")
    expect(page.get_by_label("Task")).to_have_value("")


def test_a_browser_that_keeps_nothing_is_not_said_to_keep_the_draft(signed_in, team):
    page = signed_in
    page.goto(f"{team.url}/runs/new/")
    expect(page.get_by_text("Draft kept in this browser")).to_be_visible()
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw Error() } })")
    page.reload()
    expect(page.get_by_label("Task")).to_be_visible()
    expect(page.get_by_text("Draft kept in this browser")).to_be_hidden()


def test_a_launch_that_was_refused_keeps_its_draft_while_other_runs_are_looked_at(signed_in, team):
    page = signed_in
    run = launch(page, "Another run")
    page.goto(f"{team.url}/runs/new/?example=fails")
    fill(page, "Not right yet", goal=" ")
    press_launch(page)
    expect(page.get_by_text("Write how to tell that it is done.")).to_be_visible()
    page.goto(f"{team.url}/runs/{run}/")
    expect(status(page)).to_be_visible()
    page.goto(f"{team.url}/runs/new/?example=fails")
    expect(page.get_by_label("Task")).to_have_value("Not right yet")


def test_a_login_that_ended_costs_nothing_that_was_typed(signed_in, team, giga):
    page = signed_in
    giga.hold_in_queue()
    run = launch(page, "Noted")
    page.get_by_role("tab", name="Notes").click()
    page.get_by_label("Note", exact=True).fill("Nobody types this twice.")
    # Until then the page may have something to fetch, and so find out by itself.
    expect(page.locator("body")).to_have_attribute("data-live", "live")
    log_out_elsewhere(page)
    page.get_by_role("button", name="Add note").click()
    page.wait_for_url(f"{team.url}/accounts/login/?next=/runs/{run}/")
    give_password(page, team.username)
    page.wait_for_url(f"{team.url}/runs/{run}/")
    page.get_by_role("tab", name="Notes").click()
    expect(page.get_by_label("Note", exact=True)).to_have_value("Nobody types this twice.")

    page.goto(f"{team.url}/runs/new/?run={run}")
    fill(page, "Changed a little")
    log_out_elsewhere(page)
    press_launch(page)
    page.wait_for_url(re.compile("/accounts/login/"))
    give_password(page, team.username)
    page.wait_for_url(f"{team.url}/runs/new/?run={run}")
    expect(page.get_by_label("Task")).to_have_value("Changed a little")


def test_a_note_is_added_once_however_often_its_button_is_pressed(signed_in, team):
    page = signed_in
    launch(page, "Noted once [scenario:slow]")
    page.get_by_role("tab", name="Notes").click()
    page.get_by_label("Note", exact=True).fill("Once.")
    page.get_by_role("button", name="Add note").dblclick()
    expect(page.locator("#run-notes > *")).to_have_count(1)
    # A push may have brought it before the answer, which ends the draft.
    page.wait_for_function(
        "() => !Object.keys(localStorage).some((key) => key.startsWith('gigawatch-draft'))"
    )
    page.reload()
    expect(page.locator("#run-notes > *")).to_have_count(1)
    expect(page.locator("#note-text")).to_have_value("")


def test_a_text_that_is_too_long_is_not_cut_but_said_to_be(signed_in, team):
    page = signed_in
    page.goto(f"{team.url}/runs/new/")
    text = "漢" * (PROMPT_LENGTH + 1)
    fill(page, text, goal=text[1:])
    page.get_by_text("Rules for the agent").first.click()
    page.locator('[name="system_prompt"]').fill(text[1:])
    press_launch(page)
    expect(page.get_by_text("At most 20000 characters, this has 20001.")).to_be_visible()
    expect(page.get_by_label("Task")).to_have_value(text)
    page.get_by_label("Task").fill(text[1:])
    press_launch(page)
    page.wait_for_url(re.compile(r"/runs/\d+/$"))


def test_who_comes_back_to_the_form_by_the_browser_is_told_that_it_was_launched(signed_in):
    page = signed_in
    launch(page, "Went back [scenario:never-ends]")
    page.go_back()
    expect(page.get_by_label("Task")).to_have_value("Went back [scenario:never-ends]")
    expect(page.get_by_text("A run like this was launched")).to_be_visible()


def test_a_text_that_is_larger_than_any_request_may_be_is_said_to_be_and_kept(signed_in, team):
    page = signed_in
    page.goto(f"{team.url}/runs/new/")
    text = "x" * 300_000
    fill(page, text)
    expect(page.locator("#launch-checks")).to_contain_text("A request may be 256 kB long")
    press_launch(page)
    expect(page.get_by_text("Go back, and shorten it.")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Task")).to_have_value(text)
    page.get_by_label("Task").fill("Short")
    expect(page.locator("#launch-checks")).not_to_contain_text("A request may be")
