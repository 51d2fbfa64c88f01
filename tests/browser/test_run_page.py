"""The run page under a person's hands: judging, notes, a call for somebody, relaunch, follow-up."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.driving import launch, sign_in, status, wait_for_pixels
from tests.hostile_texts import TEXTS
from tests.served import eventually

# A Notification that only notes what it was to say, and a page that its reader does not look at.
TOLD = """() => {
    window.told = [];
    window.Notification = class {
        static permission = 'default';
        static requestPermission() { return Promise.resolve((this.permission = 'granted')); }
        constructor(text) { window.told.push(text); }
    };
    document.hasFocus = () => false;
}"""
# A function: the policy stops an expression that is not true at the first look.
TOLD_OF_DESKTOP = "() => window.told.length > 0"


@pytest.fixture
def colleague(signed_in):
    """The same run on another screen."""
    other = signed_in.context.new_page()
    other.goto(signed_in.url)
    return other


def expect_ended(page):
    expect(status(page)).to_have_attribute("data-status", "completed", timeout=40_000)


def test_a_verdict_by_keyboard_is_seen_by_colleagues_and_can_be_taken_back(signed_in, colleague, team):
    page = signed_in
    launch(page, "Judge this one")
    colleague.goto(page.url)
    expect_ended(page)
    expect(page.locator("#run-verdict")).to_contain_text("It is done.")
    page.keyboard.press("z")
    for screen in (page, colleague):
        expect(status(screen)).to_have_text("Not achieved")
        expect(screen.locator("#run-verdict")).to_contain_text(f"says {team.username}")
    page.keyboard.press("a")
    expect(status(colleague)).to_have_text("Achieved")
    page.get_by_role("button", name="Take back").click()
    expect(status(colleague)).to_have_text("Ended")


HOSTILE = f"{TEXTS['a picture that fails']}\n{TEXTS['the other way round']}"


def test_notes_and_flags_reach_colleagues_as_text_and_reload_nothing(signed_in, colleague, team):
    page = signed_in
    launch(page, "Watch this one [scenario:never-ends]")
    colleague.goto(page.url)
    wait_for_pixels(page)
    page.frames[1].evaluate("window.mark = 'not loaded anew'")
    page.get_by_role("tab", name="Notes").click()
    page.get_by_label("Note", exact=True).fill(HOSTILE)
    page.get_by_label("Note", exact=True).press("Control+Enter")
    colleague.get_by_role("tab", name="Notes").click()
    for screen in (page, colleague):
        note = screen.locator("#run-notes .prose")
        expect(note).to_have_count(1)
        assert note.evaluate("element => element.textContent") == HOSTILE
        expect(screen.locator("#tab-notes")).to_have_text("Notes 1")
    expect(page.get_by_label("Note", exact=True)).to_have_value("")

    colleague.get_by_label("Note", exact=True).fill("Half a thought")
    page.locator("#run-menu summary").click()
    page.get_by_role("button", name="Call for somebody").click()
    page.get_by_label("What is somebody needed for?").press_sequentially("A second factor")
    page.keyboard.press("Enter")
    expect(colleague.locator("#run-flag")).to_contain_text("A second factor")
    expect(page.locator("#flag-box")).to_be_hidden()
    expect(colleague.get_by_label("Note", exact=True)).to_have_value("Half a thought")
    colleague.get_by_role("button", name="I take it").click()
    expect(page.locator("#run-flag")).to_contain_text(f"{team.username} is on it.")
    page.get_by_role("button", name="Done").click()
    expect(colleague.locator("#run-flag")).to_have_text("")
    assert page.frames[1].evaluate("window.mark") == "not loaded anew"
    assert not any(screen.evaluate("'pwned' in window") for screen in (page, colleague))


def test_relaunch_with_changes_shows_the_changes_while_editing_and_afterwards(signed_in):
    page = signed_in
    run = launch(page, "Download October invoices")
    expect_ended(page)
    page.get_by_role("link", name="Relaunch with changes").click()
    page.get_by_label("Task").fill("Download November invoices")
    checks = page.locator("#launch-checks")
    expect(checks.locator("del")).to_have_text("October")
    expect(checks.locator("ins")).to_have_text("November")
    page.get_by_label("Task").press("Control+Enter")
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    page.get_by_role("tab", name="Prompts").click()
    panel = page.locator("#panel-prompts")
    expect(panel).to_contain_text(f"Relaunch of run {run}")
    expect(panel.locator("ins")).to_have_text("November")


def test_relaunch_by_key_launches_once(signed_in):
    page = signed_in
    run = launch(page, "Once more")
    expect_ended(page)
    for key in ("r", "r"):
        page.keyboard.press(key)
        expect(page.get_by_role("dialog", name="Launch it again?")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/runs/{run + 1}/$"))
    page.goto(f"{page.url.split('/runs/')[0]}/runs/?q=Once+more")
    expect(page.locator("tbody tr[id^=run-]")).to_have_count(2)


def test_a_launch_over_a_limit_loses_nothing_typed_and_a_manager_may_go_on(signed_in, team):
    page = signed_in

    def limit_hours(most: str) -> None:
        page.goto(f"{team.url}/team/limits/")
        page.get_by_label("Run-hours a day").fill(most)
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Saved.").wait_for()

    run = launch(page, "The one that may be")
    limit_hours("1")
    page.goto(f"{team.url}/runs/{run}/")
    expect_ended(page)
    field = page.get_by_label("Follow-up in the same session")
    field.fill("And one more")
    page.get_by_role("button", name="Send").click()
    toast = page.locator("#toasts .toast")
    expect(toast).to_contain_text("Not launched: over a limit")
    expect(field).to_have_value("And one more")
    toast.get_by_role("button", name="Close").click()
    page.keyboard.press("r")
    page.get_by_role("dialog").get_by_role("button", name="Relaunch").click()
    toast.get_by_role("button", name="Launch all the same").click()
    page.wait_for_url(f"{team.url}/runs/{run + 1}/")


def test_a_follow_up_goes_on_in_the_session_and_what_is_typed_survives_a_push(signed_in, colleague, giga):
    page = signed_in
    giga.hold_at_work()
    run = launch(page, "The first part")
    colleague.goto(page.url)
    field = page.get_by_label("Follow-up in the same session")
    expect(field).to_be_disabled()
    expect(status(page)).to_have_attribute("data-status", "running", timeout=40_000)
    giga.let_on()
    expect_ended(page)
    expect_ended(colleague)
    field.fill("Now the second part")
    colleague.keyboard.press("a")
    expect(status(page)).to_have_text("Achieved")
    expect(field).to_have_value("Now the second part")
    page.get_by_role("button", name="Send").dblclick()
    expect(page).to_have_url(re.compile(f"/runs/{run + 1}/$"))
    expect(page.locator("#run-activity")).to_contain_text("Now the second part")
    expect(colleague.locator("#run-activity")).to_contain_text("Followed up")
    expect(colleague.get_by_label("Follow-up in the same session")).to_be_disabled()
    expect(status(page)).to_have_attribute("data-status", "running", timeout=40_000)
    giga.let_on()
    expect_ended(page)
    page.get_by_role("tab", name="Prompts").click()
    expect(page.locator("#panel-prompts dt").first).to_have_text("Message")


def test_who_asked_is_told_when_the_desktop_is_live_and_when_the_run_is_over(signed_in, giga):
    page = signed_in
    page.add_init_script(f"({TOLD})()")
    giga.hold_in_queue()
    giga.hold_at_work()
    launch(page, "Tell me about it")
    tell = page.get_by_role("button", name="Tell me")
    expect(tell).to_have_attribute("aria-pressed", "false")
    tell.click()
    expect(tell).to_have_attribute("aria-pressed", "true")
    expect(status(page)).to_have_attribute("data-status", "starting")  # there is something to let on
    giga.let_on()
    page.wait_for_function(TOLD_OF_DESKTOP)
    giga.let_on()
    expect_ended(page)
    page.wait_for_function("() => window.told.length > 1")
    assert page.evaluate("window.told") == ["The desktop is live.", "Status: Ended"]


def test_who_did_not_ask_is_told_nothing(signed_in):
    page = signed_in
    page.add_init_script(f"({TOLD})()")
    launch(page, "Do not tell me")
    expect_ended(page)
    assert page.evaluate("window.told") == []


def test_little_time_left_is_said_in_the_title_and_on_the_page(signed_in):
    page = signed_in
    page.add_init_script(f"({TOLD})()")
    launch(page, "Short of time [scenario:never-ends]")
    page.get_by_role("button", name="Tell me").click()
    expect(page.locator("#time-warning")).to_be_hidden()
    wait_for_pixels(page)  # then nothing is pushed any more
    page.evaluate(
        """() => {
            const left = document.querySelector('[data-warn] [data-left-until]');
            left.dataset.leftUntil = new Date(Date.now() + 4.5 * 60000).toISOString();
        }"""
    )
    expect(page.locator("#time-warning")).to_have_text("Less than 5 min left")
    expect(page).to_have_title(re.compile("Less than 5 min left"))
    page.wait_for_function("() => window.told.includes('Less than 5 min left')")


def test_the_menu_copies_a_link_and_explains_that_there_is_no_stop(signed_in):
    page = signed_in
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    launch(page, "Look at the menu [scenario:never-ends]")
    page.locator("#run-menu summary").click()
    page.get_by_role("button", name="Copy link").click()
    eventually(lambda: page.evaluate("navigator.clipboard.readText()") == page.url)
    page.locator("#run-menu summary").click()
    page.get_by_role("button", name="Stop watching").click()
    expect(page.locator("#leave-box")).to_contain_text("Giga offers no way to stop a run")
    page.get_by_role("link", name="Leave this page").click()
    page.wait_for_url(re.compile("/runs/$"))


def test_noting_calling_and_judging_work_without_javascript(new_context, team, giga):
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, team)
    giga.hold_at_work()
    launch(page, "With plain HTML, to its end")
    page.get_by_label("Note", exact=True).fill("Written plainly")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#run-notes")).to_contain_text("Written plainly")
    page.locator("#run-menu summary").click()
    page.get_by_role("button", name="Call for somebody").click()
    page.get_by_label("What is somebody needed for?").fill("A look")
    page.locator("#flag-form button").click()
    expect(page.locator("#run-flag")).to_contain_text("A look")
    while status(page).get_attribute("data-status") != "running":
        page.reload()
    giga.let_on()
    while status(page).get_attribute("data-status") != "completed":
        page.reload()
    page.get_by_role("button", name="Achieved", exact=False).first.click()
    expect(status(page)).to_have_text("Achieved")
    page.get_by_role("button", name="Relaunch", exact=False).click()
    expect(page.locator("#panel-prompts")).to_contain_text("nothing changed")


def test_what_is_beside_the_desktop_folds_and_stays_folded_for_this_person(signed_in):
    page = signed_in
    launch(page, "Fold beside this one [scenario:never-ends]")
    wait_for_pixels(page)
    page.frames[1].evaluate("window.mark = 'not loaded anew'")
    panels, desktop = page.locator(".tab-panels"), page.locator(".run-desktop")
    before = desktop.bounding_box()["width"]
    fold = page.get_by_role("checkbox", name="Fold what is beside the desktop")
    with page.expect_response(re.compile("/runs/side/")) as kept:
        fold.press("Space")
    assert kept.value.status == 204
    expect(panels).to_be_hidden()
    assert desktop.bounding_box()["width"] > before + 250
    assert page.frames[1].evaluate("window.mark") == "not loaded anew"
    page.reload()
    expect(panels).to_be_hidden()
    with page.expect_response(re.compile("/runs/side/")):
        fold.press("Space")
    expect(panels).to_be_visible()
    page.reload()
    expect(panels).to_be_visible()


def test_from_a_failure_the_answer_of_giga_is_one_press_away(signed_in):
    page = signed_in
    launch(page, "Break off [scenario:fails]")
    expect(status(page)).to_have_attribute("data-status", "failed", timeout=40_000)
    answer = page.locator("#raw-answer pre")
    for is_folded in (False, True):
        page.locator("#side-fold").set_checked(is_folded, force=True)
        page.locator("#run-alert").get_by_role("link", name="Giga’s answer").click()
        expect(answer).to_be_in_viewport()
        expect(answer).to_contain_text('"status": "FAILED"')
        page.get_by_role("tab", name="Activity").click()
        expect(answer).to_be_hidden()
