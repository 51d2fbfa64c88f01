"""The main job: launch a run, watch it live, find it again."""

import re

from playwright.sync_api import expect

from tests.browser.driving import Held, launch, status, wait_for_pixels, watch_statuses
from tests.hostile_texts import MARKUP


def test_launch_watch_and_find_again(signed_in, giga):
    page = signed_in
    prompt = "Compare the prices of the Aeron chair at five shops"
    giga.hold_in_queue()
    giga.hold_at_work()
    run = launch(page, prompt)
    watch_statuses(page)
    expect(status(page)).to_have_attribute("data-status", "starting")
    expect(page.get_by_role("heading", level=1)).to_contain_text(prompt)
    giga.let_on()
    expect(status(page)).to_have_attribute("data-status", "running")
    wait_for_pixels(page)
    giga.let_on()
    expect(status(page)).to_have_attribute("data-status", "completed", timeout=30_000)
    seen = page.evaluate("window.seen")
    assert [word for word in ("starting", "running", "completed") if word in seen] == [
        "starting",
        "running",
        "completed",
    ]
    expect(page.locator("#desktop iframe")).to_have_count(0)
    page.get_by_role("link", name="Runs").first.click()
    row = page.locator(f"tr#run-{run}")
    expect(row).to_have_attribute("data-status", "completed")
    expect(row).to_contain_text(prompt)
    page.get_by_role("searchbox").fill("aeron chair")
    page.get_by_role("searchbox").press("Enter")
    page.wait_for_url(re.compile("q=aeron"))
    expect(page.locator("tbody tr[id^=run-]")).to_have_count(1)


def test_what_happens_beside_the_frame_does_not_reload_it(signed_in, giga):
    page = signed_in
    # It waits in the middle third of its work.
    giga.hold_at_work()
    launch(page, "A task that waits [scenario:waiting]")
    wait_for_pixels(page)
    page.frames[1].evaluate("window.mark = 'not loaded anew'")
    giga.let_on(0.4)
    expect(status(page)).to_have_attribute("data-status", "waiting", timeout=30_000)
    assert page.frames[1].evaluate("window.mark") == "not loaded anew"
    giga.let_on(0.3)
    expect(status(page)).to_have_attribute("data-status", "running", timeout=30_000)
    assert page.frames[1].evaluate("window.mark") == "not loaded anew"


def test_a_bare_stream_is_shown_by_our_own_viewer(signed_in, giga):
    page = signed_in
    giga.hold_at_work()
    launch(page, "Watch a bare stream [scenario:vnc-ws]")
    messages = page.evaluate_handle(
        "() => { const all = []; addEventListener('message', (e) => all.push(e.data)); return all; }"
    )
    is_seen = "(all) => all.some((m) => m.source === 'gigawatch-desktop' && m.state === 'live')"
    page.wait_for_function(is_seen, arg=messages, timeout=30_000)
    frame = page.locator("#desktop iframe")
    assert frame.get_attribute("sandbox") == "allow-scripts"
    assert frame.get_attribute("src").endswith("/desktop/")
    assert "ws://" not in page.content() and "websockify" not in page.content()


def test_the_checklist_waits_for_the_first_picture_of_a_stream(signed_in, giga):
    page = signed_in
    giga.hold_at_work()
    held = Held(page, re.compile("novnc"))
    launch(page, "Watch its first picture [scenario:vnc-ws]")
    checklist = page.locator("#desktop .checks")
    expect(checklist).to_contain_text("First picture")
    page.locator("#desktop iframe").wait_for(timeout=30_000)
    expect(checklist.locator(".is-now")).to_contain_text("First picture")
    expect(page.locator("#run-bar")).to_contain_text("Connecting", use_inner_text=True)
    held.let_go()
    expect(checklist).to_be_hidden()
    expect(page.locator("#run-bar")).to_contain_text("Live", use_inner_text=True)
    wait_for_pixels(page)


def test_of_gigas_own_page_the_checklist_says_no_more_than_that_it_was_loaded(signed_in):
    page = signed_in
    held = Held(page, re.compile("/desktop/open/"))
    launch(page, "Watch its page come [scenario:never-ends]")
    page.locator("#desktop iframe").wait_for(timeout=30_000)
    checklist = page.locator("#desktop .checks")
    expect(checklist.locator(".is-now")).to_contain_text("Giga’s page loaded")
    held.let_go()
    expect(checklist).to_be_hidden()
    wait_for_pixels(page)


def test_the_list_follows_without_reload(signed_in, team, giga):
    page = signed_in
    giga.hold_at_work()
    other = page.context.new_page()
    other.goto(f"{team.url}/runs/")
    run = launch(page, "Seen by a colleague")
    row = other.locator(f"tr#run-{run}")
    expect(row).to_be_visible()
    expect(row).to_have_attribute("data-status", "running", timeout=30_000)
    giga.let_on()
    expect(row).to_have_attribute("data-status", "completed", timeout=30_000)


def test_a_bad_address_is_refused_in_words_and_never_framed(signed_in, giga):
    page = signed_in
    giga.hold_at_work()
    launch(page, "Mischief [scenario:vnc-javascript]")
    expect(page.locator("#desktop")).to_contain_text("not shown", timeout=30_000)
    expect(page.locator("#desktop iframe")).to_have_count(0)


def test_hostile_prompts_are_shown_as_text_byte_for_byte(signed_in, team):
    page = signed_in
    hostile = "\n".join(text for text in MARKUP.values() if text.isprintable()) + "\t two  spaces"
    launch(page, hostile, goal=MARKUP["the ends of elements"])
    page.get_by_role("tab", name="Prompts").click()
    shown = page.locator("[data-prompt=user_prompt]")
    assert shown.evaluate("element => element.textContent") == hostile
    page.goto(f"{team.url}/runs/")
    assert not page.evaluate("'pwned' in window")


def test_an_error_sits_at_its_field_and_nothing_typed_is_lost(signed_in, team):
    page = signed_in
    page.goto(f"{team.url}/runs/new/")
    page.get_by_label("Task").fill("Only the task")
    with page.expect_response(f"{team.url}/runs/new/") as answered:  # and not of the checks beside it
        page.get_by_role("button", name="Launch", exact=False).first.click()
    assert answered.value.status == 422
    expect(page.get_by_text("Write how to tell that it is done.")).to_be_visible()
    expect(page.get_by_label("Task")).to_have_value("Only the task")
    expect(page.get_by_label("Done means")).to_have_attribute("aria-invalid", "true")


def test_a_double_click_launches_once(signed_in, team):
    page = signed_in
    page.goto(f"{team.url}/runs/new/")
    page.get_by_label("Task").fill("Pressed twice")
    page.get_by_label("Done means").fill("Once")
    page.get_by_role("button", name="Launch", exact=False).first.dblclick()
    expect(page).to_have_url(re.compile(r"/runs/\d+/$"))
    page.goto(f"{team.url}/runs/?q=Pressed+twice")
    expect(page.locator("tbody tr[id^=run-]")).to_have_count(1)
