"""Without a script: launching, reading, extending, leaving. Links are links, forms are forms."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.driving import sign_in
from tests.served import eventually


@pytest.fixture
def plain(new_context, team):
    """A page without JavaScript, signed in."""
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, team)
    return page


def launch_plainly(page, team, prompt: str) -> int:
    page.goto(f"{team.url}/runs/new/")
    page.get_by_label("Task").fill(prompt)
    page.get_by_label("Done means").fill("Done")
    page.get_by_role("button", name="Launch", exact=False).first.click()
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    return int(page.url.rstrip("/").rsplit("/", 1)[-1])


def shows(page, address: str, text: str) -> bool:
    page.goto(address)
    return page.get_by_text(text).first.is_visible()


def test_launch_read_and_find_again(plain, team):
    run = launch_plainly(plain, team, "Without a script")
    expect(plain.get_by_role("heading", level=1)).to_contain_text("Without a script")
    plain.goto(f"{team.url}/runs/?q=Without")
    expect(plain.locator("tbody tr[id^=run-]")).to_have_count(1)
    plain.get_by_role("link", name="Without a script").click()
    plain.wait_for_url(f"{team.url}/runs/{run}/")
    plain.get_by_role("link", name="Sessions").first.click()
    plain.get_by_role("link", name="Without a script").first.click()
    plain.wait_for_url(re.compile(r"/sessions/\d+/$"))
    expect(plain.locator("main")).to_contain_text("Without a script")


def test_extend(plain, team, giga):
    giga.hold_at_work()
    run = launch_plainly(plain, team, "Extended without a script")
    address = f"{team.url}/runs/{run}/"
    eventually(lambda: shows(plain, address, "+15 min"))
    plain.get_by_role("button", name="+15 min").click()
    plain.wait_for_url(address)
    eventually(lambda: shows(plain, address, "15 min"))
    expect(plain.locator("#run-activity")).to_contain_text("15")


def test_preferences_are_kept_and_said_to_be(plain, team):
    plain.goto(f"{team.url}/me/")
    plain.get_by_label("Time zone").fill("Mars/Olympus")
    plain.get_by_role("button", name="Save").click()
    expect(plain.get_by_text("There is no such time zone.")).to_be_visible()
    expect(plain.get_by_label("Time zone")).to_have_value("Mars/Olympus")
    plain.get_by_label("Time zone").fill("")
    plain.get_by_role("button", name="Save").click()
    expect(plain.get_by_text("Your preferences are kept.")).to_be_visible()
    expect(plain.get_by_role("button", name="Close")).to_have_count(0)


def test_what_needs_a_script_is_not_shown(plain):
    for name in ("Find or go to", "Keyboard", "Dark"):
        expect(plain.get_by_role("button", name=name)).to_have_count(0)


def test_sign_out(plain, team):
    plain.locator(".side-foot summary").click()
    plain.get_by_role("button", name="Sign out").click()
    plain.goto(f"{team.url}/runs/")
    expect(plain.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
