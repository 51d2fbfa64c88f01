"""No stray key spends money: a key asks first, and Enter in a field sends nothing (posthog.com #18316,
jenkins #3483, OctopusDeploy #4292, rundeck #7217)."""

import re

import pytest
from playwright.sync_api import Page, expect

HELD = """(key) => {
    for (const repeat of [false, true, true, true]) {
        const event = new KeyboardEvent('keydown', {key, repeat, bubbles: true, cancelable: true});
        document.activeElement.dispatchEvent(event);
    }
}"""
A_RUN = re.compile(r"/runs/\d+/$")
MODIFIED = ("Control+{}", "Alt+{}", "Meta+{}")


@pytest.fixture
def spent(page) -> list[str]:
    """The paths of all that was sent."""
    sent = []

    def note(request):
        if request.method == "POST" and any(
            word in request.url for word in ("relaunch/", "extend/", "new/", "bulk/")
        ):
            sent.append(request.url.split("/", 3)[3])

    page.on("request", note)
    return sent


def open_run(page: Page, frozen, name: str) -> None:
    frozen.sign_in(page.context, "every")
    page.goto(frozen.address(f"/runs/{{{name}}}/"))
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize(
    ("key", "run", "title"), [("r", "failed", "Launch it again?"), ("e", "running", "15 more minutes?")]
)
def test_a_key_asks_and_enter_says_no(page, frozen, spent, key, run, title):
    open_run(page, frozen, run)
    dialog = page.get_by_role("dialog", name=title)
    page.keyboard.press(key)
    expect(dialog).to_contain_text("credits")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    page.evaluate(HELD, key)
    expect(dialog).to_be_visible()
    page.evaluate(HELD, "Enter")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert spent == []


@pytest.mark.parametrize("key", ["r", "a"])
def test_keys_rest_where_they_are_meant_for_something_else(page, frozen, spent, key):
    open_run(page, frozen, "failed")
    question = page.locator("#question")
    for pattern in MODIFIED:
        page.keyboard.press(pattern.format(key))
    page.keyboard.press("Shift+R")
    for opened in ("#run-menu > summary", "#run-menu [popovertarget=curl-box]"):
        page.locator(opened).click()
        page.keyboard.press(key)
    expect(page.locator("#curl-box")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.keyboard.press(key)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type(key)
    page.keyboard.press("Escape")
    page.locator("#tab-notes").click()
    page.locator("#panel-notes textarea").first.click()
    page.keyboard.type(key)
    expect(question).to_be_hidden()
    assert spent == []


def test_a_menu_that_is_open_keeps_its_letters(page, frozen):
    """The tag of a selection once opened a new run."""
    frozen.sign_in(page.context, "every")
    page.goto(frozen.address("/runs/"))
    page.wait_for_load_state("networkidle")
    page.keyboard.press("x")
    page.locator("#bulk summary").first.click()
    for key in "nxj":
        page.keyboard.press(key)
    expect(page).to_have_url(frozen.address("/runs/"))
    expect(page.locator("#picked")).to_have_text("1 selected")
    page.keyboard.press("Escape")
    expect(page.locator("#bulk [data-menu][open]")).to_have_count(0)
    expect(page.locator("#picked")).to_have_text("1 selected")


@pytest.mark.parametrize("has_script", [True, False])
def test_enter_in_a_field_of_the_launch_form_sends_nothing(browser, frozen, has_script):
    with frozen.context(browser, "every", java_script_enabled=has_script) as context:
        page = context.new_page()
        page.goto(frozen.address("/runs/new/"))
        for summary in page.locator(".launch .fold > summary").all():
            summary.click()
        page.locator("[name=user_prompt]").fill("Count the zebras")
        page.locator("[name=goal_prompt]").fill("There is a number.")
        sent = []
        page.on(
            "request", lambda request: sent.append(request.url) if request.is_navigation_request() else None
        )
        fields = page.locator("#launch").locator("input:not([type=hidden]):visible")
        for number in range(fields.count()):
            fields.nth(number).press("Enter")
        page.locator("[name=deployment_id]").fill("dep_abc")
        page.locator("[name=deployment_id]").press("Enter")
        page.wait_for_timeout(300)
        assert sent == [] and fields.count() > 3
        page.locator("[name=sandbox_template]").first.check(force=True)  # the other one wants a name
        page.get_by_role("button", name="Launch", exact=False).first.click()
        page.wait_for_url(A_RUN)


def test_ctrl_enter_launches_from_any_field(page, frozen):
    frozen.sign_in(page.context, "every")
    page.goto(frozen.address("/runs/new/"))
    page.wait_for_load_state("networkidle")
    page.locator("[name=user_prompt]").fill("Count the zebras")
    page.locator("[name=goal_prompt]").fill("There is a number.")
    page.locator(".launch-right .fold > summary").click()
    page.locator("[name=deployment_id]").fill("dep_abc")
    page.locator("[name=deployment_id]").press("Control+Enter")
    page.wait_for_url(A_RUN)


def test_enter_adds_a_tag_and_presses_nothing_from_a_box(page, frozen):
    frozen.sign_in(page.context, "every")
    page.goto(frozen.address("/runs/"))
    page.wait_for_load_state("networkidle")
    page.keyboard.press("x")
    page.locator("#rows [name=run]").first.press("Enter")
    expect(page.locator("#picked")).to_have_text("1 selected")
    page.locator("#bulk summary").first.click()
    page.get_by_label("Add a tag").fill("by enter")
    page.get_by_label("Add a tag").press("Enter")
    expect(page.get_by_text("1 run tagged “by enter”.")).to_be_visible()
