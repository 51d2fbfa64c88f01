"""The launch form in a browser: where it begins, its draft, its slider, and a large sum looked at twice."""

import re

import pytest
from playwright.sync_api import Page, expect

A_RUN = re.compile(r"/runs/\d+/$")
NO_FIELD_SIZING = """
    const supports = CSS.supports.bind(CSS);
    CSS.supports = (...what) => !`${what}`.includes('field-sizing') && supports(...what);
"""
ADD_DEMO_LINE = """document.querySelector('main').insertAdjacentHTML(
    'afterbegin', '<p class="demo-line narrow-only">Demo</p>')"""
UNSIZED = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('textarea { field-sizing: fixed !important; }');
    document.adoptedStyleSheets = [sheet];
}"""


@pytest.fixture
def form(page, frozen) -> Page:
    frozen.sign_in(page.context, "every")
    page.goto(frozen.address("/runs/new/"))
    page.wait_for_load_state("networkidle")
    return page


def task(page: Page):
    return page.get_by_label("Task")


def test_one_types_at_once_and_ctrl_enter_launches_from_the_page(form):
    expect(task(form)).to_be_focused()
    form.keyboard.type("Count the zebras")
    form.locator("[name=goal_prompt]").fill("There is a number.")
    form.evaluate("document.activeElement.blur()")
    form.keyboard.press("Control+Enter")
    form.wait_for_url(A_RUN)


def test_a_draft_that_is_brought_back_says_since_when_and_can_be_discarded(form):
    note = form.locator("[data-draft-note]")
    expect(note).to_be_hidden()
    task(form).fill("Half a thought")
    form.reload()
    expect(note).to_have_text(re.compile(r"^Draft from \d\d:\d\d · Discard$"))
    expect(task(form)).to_have_value("Half a thought")
    note.get_by_role("button", name="Discard").click()
    expect(note).to_be_hidden()
    expect(task(form)).to_be_focused()
    form.reload()
    expect(task(form)).to_have_value("")
    expect(note).to_be_hidden()


def test_a_large_sum_is_looked_at_twice(form):
    sent = []
    form.on(
        "request", lambda request: sent.append(request.post_data) if request.is_navigation_request() else None
    )
    task(form).fill("Count the zebras")
    form.locator("[name=goal_prompt]").fill("There is a number.")
    form.get_by_role("button", name="24 h").click()
    dialog = form.get_by_role("dialog", name="Launch for 24 h?")
    task(form).press("Control+Enter")
    expect(dialog).to_contain_text("480 credits")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    form.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    form.get_by_role("button", name="Launch and keep form").click()
    expect(dialog).to_be_visible()
    assert sent == []
    dialog.get_by_role("button", name="Launch").click()
    form.wait_for_url(re.compile(r"/runs/new/\?kept=\d+$"))


def test_keys_move_the_slider_by_hours_and_usual_durations(form):
    hours, slider = form.get_by_label("Duration").first, form.locator("#slider input")
    slider.focus()
    for key, shown in [
        ("ArrowLeft", 1),
        ("ArrowRight", 2),
        ("ArrowUp", 3),
        ("PageUp", 4),
        ("PageUp", 8),
        ("ArrowDown", 7),
        ("PageDown", 4),
        ("End", 24),
        ("PageUp", 24),
        ("Home", 1),
    ]:
        slider.press(key)
        expect(hours).to_have_value(str(shown))


def test_a_task_grows_with_its_text_where_style_sheets_cannot_say_so(form):
    form.add_init_script(NO_FIELD_SIZING)
    form.reload()
    form.evaluate(UNSIZED)
    before = task(form).bounding_box()["height"]
    task(form).fill("\n".join(f"Line {number}" for number in range(15)))
    assert task(form).bounding_box()["height"] > before + 100
    assert task(form).evaluate("field => field.scrollHeight <= field.clientHeight")
    task(form).fill("One line")
    assert task(form).bounding_box()["height"] == before


def test_enter_makes_a_line_of_a_follow_up_and_ctrl_enter_sends_it(form, frozen):
    form.goto(frozen.address("/runs/{completed}/"))
    field = form.get_by_label("Follow-up in the same session")
    expect(form.get_by_role("button", name="Send Ctrl ↵")).to_be_visible()
    field.fill("First")
    field.press("Enter")
    expect(field).to_have_value("First\n")
    with form.expect_request(re.compile("/follow-up/$")):
        field.press("Control+Enter")


def test_one_hears_it_when_the_browser_refuses_to_tell(form, frozen):
    form.add_init_script("Notification.requestPermission = async () => 'denied'")
    form.goto(frozen.address("/runs/{running}/"))
    tell = form.get_by_role("button", name="Tell me")
    tell.click()
    expect(form.locator("#toasts .toast")).to_have_text(re.compile("does not allow notifications"))
    expect(tell).to_have_attribute("aria-pressed", "false")
    expect(tell.get_by_text("Tell me: on")).to_be_hidden()
    form.add_init_script("Object.defineProperty(Notification, 'permission', {get: () => 'granted'})")
    form.add_init_script("Notification.requestPermission = async () => 'granted'")
    form.reload()
    tell.click()
    expect(tell).to_have_attribute("aria-pressed", "true")
    expect(tell.get_by_text("Tell me: on")).to_be_visible()


def test_a_phone_shows_the_status_of_sessions_and_the_demo_on_top_of_a_run(form, frozen):
    form.set_viewport_size({"width": 390, "height": 844})
    form.goto(frozen.address("/sessions/"))
    expect(form.locator("tbody .c-last .pill .icon").first).to_be_visible()
    form.goto(frozen.address("/runs/{running}/"))
    form.evaluate(ADD_DEMO_LINE)
    line, head = form.locator(".demo-line"), form.locator("#run-head")
    assert line.bounding_box()["y"] < head.bounding_box()["y"]
