"""Every list that can be searched shows what it finds while it is typed, without Enter, on the same page."""

import re

import pytest
from playwright.sync_api import expect

# By its path: the rows of the list, the field, what is typed into it, and what shows that it was heeded.
LISTS = {
    "/runs/": ("#rows > tr", "q", "invoices", "#applied .applied-one"),
    "/sessions/": ("#rows > tr", "q", "invoices", "#rows > tr"),
    "/team/audit/": (".audit-table tbody tr", "q", "joined", ".audit-search a[href$='q=joined&format=csv']"),
    "/team/audit/ who": (
        ".audit-table tbody tr",
        "by",
        "nobody",
        ".audit-search a[href$='by=nobody&format=csv']",
    ),
}


@pytest.fixture(scope="module")
def reader(frozen, browser):
    with frozen.context(browser, "every", viewport={"width": 1440, "height": 900}) as context:
        yield context.new_page()


@pytest.mark.parametrize("which", LISTS)
def test_what_is_typed_takes_effect_and_the_field_is_left_alone(reader, frozen, which):
    path = which.split()[0]
    rows, name, text, sign = LISTS[which]
    reader.goto(frozen.address("/me/"))
    reader.goto(frozen.address(path))
    reader.evaluate("window.mark = 'never loaded anew'")
    everything = reader.locator(rows).count()
    field = reader.locator(f"main [name={name}]")
    field.press_sequentially(text)
    expect(reader).to_have_url(re.compile(rf"{path}\?{name}={text}$"))
    expect(reader.locator(sign).first).to_be_visible()
    expect(reader.locator(rows).nth(everything - 1)).to_have_count(0)
    expect(field).to_be_focused()
    assert (field.input_value(), field.evaluate("one => one.selectionStart")) == (text, len(text))
    field.fill("")
    expect(reader).to_have_url(re.compile(rf"{path}$"))
    expect(reader.locator(rows)).to_have_count(everything)
    field.fill("zzz nothing")
    field.press("Enter")
    expect(reader.get_by_role("heading", name=re.compile("^Nothing (matches|found)"))).to_be_visible()
    assert reader.evaluate("window.mark") == "never loaded anew"
    reader.go_back()  # past all that was typed
    expect(reader).to_have_url(frozen.address("/me/"))
