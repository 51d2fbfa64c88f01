"""What a person presses on the run page shows its result by its own answer: no socket is there to tell it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.driving import intercept, launch, status

REFUSED = """() => {
    if (window !== top) return;
    const Socket = window.WebSocket;
    window.WebSocket = class extends Socket {
        constructor() { super(`${location.origin.replace('http', 'ws')}/ws/nowhere/`); }
    };
}"""


@pytest.fixture
def alone(signed_in):
    """A signed-in page none of whose sockets opens, and which does not ask by itself either."""
    signed_in.add_init_script(f"({REFUSED})()")
    intercept(
        signed_in,
        re.compile(r"/runs/\d+/$"),
        lambda route: route.abort() if "x-live-parts" in route.request.headers else route.continue_(),
    )
    return signed_in


def reload_when(page, word: str):
    """Load the page anew once its run is so far; nothing else would tell it."""
    while f'data-status="{word}"' not in page.request.get(page.url).text():
        page.wait_for_timeout(200)
    page.reload()
    expect(status(page)).to_have_attribute("data-status", word)
    expect(page.locator("#banner")).to_be_visible()


def test_a_call_a_note_and_more_time(alone, team):
    page = alone
    launch(page, "Nobody tells [scenario:never-ends]")
    reload_when(page, "running")
    page.locator("#run-menu summary").click()
    page.get_by_role("button", name="Call for somebody").click()
    page.get_by_label("What is somebody needed for?").fill("A second factor")
    page.keyboard.press("Enter")
    expect(page.locator("#run-flag")).to_contain_text("A second factor")
    expect(page.locator("#flag-box")).to_be_hidden()
    page.get_by_role("button", name="I take it").click()
    expect(page.locator("#run-flag")).to_contain_text(f"{team.username} is on it.")
    page.get_by_role("button", name="Done").click()
    expect(page.locator("#run-flag")).to_have_text("")
    page.get_by_role("tab", name="Notes").click()
    page.get_by_label("Note", exact=True).fill("Written alone")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#run-notes")).to_contain_text("Written alone")
    page.get_by_role("button", name="+15 min").click()
    expect(page.locator("#run-activity")).to_contain_text("15 min asked for")


def test_a_call_for_nothing_is_refused_at_its_field(alone):
    page = alone
    launch(page, "Refuse me [scenario:never-ends]")
    page.locator("#run-menu summary").click()
    page.get_by_role("button", name="Call for somebody").click()
    page.get_by_label("What is somebody needed for?").fill("   ")
    page.keyboard.press("Enter")
    expect(page.locator("#flag-box .field-error")).to_be_visible()
    expect(page.get_by_label("What is somebody needed for?")).to_have_attribute("aria-invalid", "true")


def test_a_verdict_a_follow_up_and_a_relaunch(alone):
    page = alone
    run = launch(page, "Judged alone")
    reload_when(page, "completed")
    page.keyboard.press("a")
    expect(status(page)).to_have_text("Achieved")
    page.get_by_label("Follow-up in the same session").fill("   ")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#follow-up-error")).to_be_visible()
    page.get_by_label("Follow-up in the same session").fill("And now the rest")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(re.compile(f"/runs/{run + 1}/$"))
    expect(page.locator("#run-activity")).to_contain_text("And now the rest")


def test_what_did_not_reach_the_dashboard_is_said_and_stays_typed(alone):
    page = alone
    launch(page, "Unheard [scenario:never-ends]")
    intercept(page, re.compile("/notes/$"), lambda route: route.abort())
    page.get_by_role("tab", name="Notes").click()
    page.get_by_label("Note", exact=True).fill("Not lost")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#toasts .tone-red")).to_contain_text("That did not work.")
    expect(page.get_by_label("Note", exact=True)).to_have_value("Not lost")
