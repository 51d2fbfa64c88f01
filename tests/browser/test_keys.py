"""Whose a key is: what has the focus keeps the keys that press it, on every keyboard, and what opens takes
the focus and gives it back."""

import pytest
from playwright.sync_api import expect

# What is pressed is noted and goes no further.
NOTE_PRESSES = """() => {
    window.pressed = [];
    addEventListener('click', (event) => {
        event.preventDefault();
        event.stopImmediatePropagation();
        pressed.push(event.target.closest('a, button, summary, input') ?? event.target);
    }, true);
}"""
CONTROLS = """(kinds) => {
    window.controls = [...document.querySelectorAll(kinds)].filter((one) => one.checkVisibility()
        && !one.disabled && one.tabIndex >= 0 && !one.closest('.row-actions, [inert]'));
    return window.controls.length;
}"""
FOCUS = "(number) => { window.pressed = []; window.controls[number].focus(); }"
WAS_PRESSED = """(number) => pressed.length === 1 && pressed[0] === controls[number]
    || controls[number].outerHTML.slice(0, 200)"""
# Which page key an event has pressed, and whether it took the event from what has the focus.
SEND = """([key, code, more]) => {
    window.pressed = [];
    const event = new KeyboardEvent('keydown', {key, code, bubbles: true, cancelable: true, ...more});
    const isTaken = !document.activeElement.dispatchEvent(event);
    return isTaken ? pressed.map((one) => one.dataset.key).join() : 'left alone';
}"""
ELEMENTS = """(html) => {
    document.querySelector('main').insertAdjacentHTML('afterbegin', html);
    document.querySelector('main').firstElementChild.focus();
}"""


@pytest.fixture
def open_page(page, frozen):
    """A function that opens a page of the frozen rows."""
    frozen.sign_in(page.context, "every")

    def open_page(path: str):
        page.goto(frozen.address(path))
        page.wait_for_load_state("networkidle")
        return page

    return open_page


@pytest.mark.parametrize("path", ["/runs/", "/runs/{running}/", "/runs/new/", "/wall/", "/sessions/", "/me/"])
def test_space_and_enter_press_what_has_the_focus(open_page, path):
    """TanStack/hotkeys #142, element-call #2502, kopuz #278."""
    page = open_page(path)
    page.evaluate(NOTE_PRESSES)
    for key, kinds in ((" ", "button, summary, [type=checkbox]"), ("Enter", "button, summary, a[href]")):
        count = page.evaluate(CONTROLS, kinds)
        assert count > 2
        for number in range(count):
            page.evaluate(FOCUS, number)
            page.keyboard.press(key)
            assert page.evaluate(WAS_PRESSED, number) is True
    expect(page.locator("dialog[open], :popover-open, .peek:visible")).to_have_count(0)


def test_the_glance_is_for_rows_and_widgets_keep_their_keys(open_page):
    page = open_page("/runs/")
    page.evaluate(NOTE_PRESSES)
    keep = {
        '<div role="button" tabindex="0">.</div>': [" ", "Enter"],
        '<a role="button" href="#x">.</a>': [" ", "Enter"],
        '<button role="tab">.</button>': [" ", "Enter", "ArrowDown"],
        '<div role="menuitem" tabindex="0">.</div>': [" ", "Enter", "ArrowDown", "n", "/"],
        '<input type="range">': [" ", "ArrowDown", "n"],
        "<select><option>nine</select>": [" ", "ArrowDown", "n", "/"],
        '<p contenteditable="plaintext-only">.</p>': [" ", "Enter", "n", "/"],
        '<pre tabindex="0">.</pre>': [" ", "ArrowDown"],
    }
    for html, keys in keep.items():
        page.evaluate(ELEMENTS, html)
        for key in keys:
            assert page.evaluate(SEND, [key, "", {}]) == "left alone", (html, key)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("Space")
    expect(page.locator("#peek")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.locator("#peek")).to_be_hidden()


def test_keys_are_heard_on_every_keyboard(open_page):
    """bulwarkmail/webmail #541, deltachat-desktop #4140, leggett/simplify #793; and cinnyapp/cinny #680: what
    a Latin layout says counts, wherever its keys are."""
    page = open_page("/runs/")
    page.evaluate(NOTE_PRESSES)
    for key, code, more, pressed in [
        ("n", "KeyN", {}, "n"),
        ("N", "KeyN", {}, "n"),  # Caps Lock
        ("т", "KeyN", {}, "n"),
        ("Т", "KeyN", {}, "n"),
        ("ν", "KeyN", {}, "n"),
        ("מ", "KeyN", {}, "n"),
        ("ى", "KeyN", {}, "n"),
        ("ㅜ", "KeyN", {}, "n"),
        ("ื", "KeyN", {}, "n"),
        ("n", "KeyL", {}, "n"),  # Dvorak
        ("ｎ", "KeyN", {}, "n"),
        ("？", "Slash", {"shiftKey": True}, "?"),
        ("؟", "Slash", {"shiftKey": True}, "?"),
        ("b", "KeyN", {}, "left alone"),
        ("é", "KeyN", {}, "left alone"),
        (",", "KeyN", {}, "left alone"),
        ("ע", "KeyG", {}, ""),
        ("'", "KeyW", {}, "g w"),  # Hebrew
        ("п", "KeyG", {}, ""),
        ("ы", "KeyS", {}, "g s"),
        ("Dead", "KeyN", {}, "left alone"),
        ("Process", "KeyN", {}, "left alone"),
        ("т", "KeyN", {"isComposing": True}, "left alone"),
        ("n", "KeyN", {"keyCode": 229}, "left alone"),
        ("т", "KeyN", {"shiftKey": True}, "left alone"),
        ("т", "KeyN", {"altKey": True}, "left alone"),
        ("т", "KeyN", {"modifierAltGraph": True}, "left alone"),
        ("n", "KeyN", {"ctrlKey": True, "altKey": True}, "left alone"),
        ("K", "KeyK", {"ctrlKey": True, "shiftKey": True}, "left alone"),
        (None, "", {}, "left alone"),
    ]:
        found = page.evaluate(SEND, [key, code, more])
        # The first of two keys takes nothing yet.
        assert found == (pressed or "left alone"), (key, code, more)
    page.reload()
    page.wait_for_load_state("networkidle")
    page.evaluate(SEND, ["л", "KeyK", {"ctrlKey": True}])
    expect(page.locator("#palette")).to_be_visible()


def test_what_opens_on_the_list_takes_the_focus_and_gives_it_back(open_page):
    page = open_page("/runs/")
    page.keyboard.press("x")
    page.keyboard.press("Space")
    expect(page.locator("#peek")).to_be_visible()
    tag = page.locator("#bulk summary").first
    tag.press("Space")
    expect(page.get_by_label("Add a tag")).to_be_focused()
    page.keyboard.type("n?")
    expect(page.get_by_label("Add a tag")).to_have_value("n?")
    page.keyboard.press("Escape")
    expect(tag).to_be_focused()
    for selector in (".views", ".look", ".filters .pop", "#bulk .pop >> nth=1"):
        opened = page.locator(selector).first
        opened.locator("summary").press("Enter")
        inside = opened.locator(":focus:not(summary)")
        expect(inside).to_have_count(1)
        if selector == ".views":
            expect(page.locator("#views form")).to_be_visible()
            expect(inside).to_have_count(1)
        page.keyboard.press("j")
        page.keyboard.press("Escape")
        expect(opened.locator("summary")).to_be_focused()
        expect(opened).not_to_have_attribute("open", "")
    more = page.locator("[data-row-menu]").first
    more.press("Space")
    expect(page.locator("#row-menu a").first).to_be_focused()
    page.keyboard.press("n")
    page.keyboard.press("Escape")
    expect(page.locator("#row-menu")).to_be_hidden()
    expect(more).to_be_focused()
    # Each of them was closed alone, and none of the letters has done anything.
    expect(page.locator("#peek")).to_be_visible()
    expect(page.locator("#picked")).to_have_text("1 selected")
    page.keyboard.press("Escape")
    expect(page.locator("#peek")).to_be_hidden()
    person = page.locator(".side-foot summary")
    person.press("Enter")
    page.locator(".menu-box [data-help]").press("Enter")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    expect(person).to_be_focused()


def test_what_opens_on_a_run_takes_the_focus_and_gives_it_back(open_page):
    page = open_page("/runs/{running}/")
    menu = page.locator("#run-menu > summary")
    for box, inside in (("curl", "pre"), ("flag", "input:not([type=hidden])"), ("leave", "a")):
        menu.press("Enter")
        expect(page.locator("#run-menu .menu-box :focus")).to_have_count(1)
        page.locator(f"#run-menu [popovertarget={box}-box]").press("Enter")
        expect(page.locator(f"#{box}-box {inside}").first).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator(f"#{box}-box")).to_be_hidden()
        expect(menu).to_be_focused()
