"""Who typed for so long that they are asked again who they are, or for a new login, types nothing twice."""

import re

from playwright.sync_api import expect

from tests.browser.driving import LOGIN, give_password, sign_in
from tests.served import PASSWORD

ASKED = re.compile("/reauthenticate/")


def make_login_old(page, teams) -> None:
    [login] = [cookie["value"] for cookie in page.context.cookies() if LOGIN.match(cookie["name"])]
    teams.make_old(login)


def box_of(page):
    return page.get_by_role("dialog", name="Confirm that it is you")


def test_who_one_is_is_asked_in_place_and_then_it_is_done(page, team, teams):
    sign_in(page, team)
    page.goto(f"{team.url}/team/limits/")
    field, box = page.locator("main form [type=number]").first, box_of(page)
    field.fill("7")
    make_login_old(page, teams)
    page.get_by_role("button", name="Save").click()
    box.get_by_label("Password").fill("a wrong one")
    box.get_by_role("button", name="Confirm", exact=True).click()
    expect(box.get_by_role("alert")).to_contain_text("That was not right")
    page.keyboard.press("Escape")
    expect(field).to_have_value("7")

    page.get_by_role("button", name="Save").click()
    expect(box.get_by_label("Password")).to_be_focused()
    box.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(field).to_have_value("7")
    field.fill("8")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(field).to_have_value("8")


def test_a_member_is_invited_from_the_head_of_the_page_by_a_link_to_copy(page, team, teams):
    sign_in(page, team)
    page.goto(f"{team.url}/team/")
    make_login_old(page, teams)
    page.locator("summary", has_text="Invite").click()
    expect(page.get_by_text("Mail is not set up here")).to_be_visible()
    page.get_by_label("Role", exact=True).select_option("viewer")
    page.get_by_role("button", name="Make a link").click()
    box_of(page).get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    link = page.get_by_label("The link of the invitation", exact=True).locator("visible=true").last
    expect(link).to_have_value(re.compile(f"^{team.url}/invitation/"))
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_visible()


def test_what_a_link_leads_to_is_asked_for_in_place_too(page, team, teams):
    """A file, after which the page is still there, and a page of one's account."""
    sign_in(page, team)
    page.goto(f"{team.url}/team/audit/")
    make_login_old(page, teams)
    page.get_by_role("link", name="Export CSV").click()
    box_of(page).get_by_label("Password").fill(PASSWORD)
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "audit.csv"
    expect(box_of(page)).to_be_hidden()
    expect(page).to_have_url(f"{team.url}/team/audit/")

    page.goto(f"{team.url}/accounts/2fa/")
    make_login_old(page, teams)
    page.get_by_role("link", name="Add a passkey").click()
    box_of(page).get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/webauthn/add/$"))


def test_a_key_is_kept_nowhere_meanwhile(page, team, teams):
    new_key = f"giga_sk_{'7' * 32}"
    sign_in(page, team)
    page.goto(f"{team.url}/team/key/")
    page.get_by_label("API key").fill(new_key)
    make_login_old(page, teams)
    page.get_by_role("button", name="Replace the key").click()
    box_of(page).get_by_label("Password").fill(PASSWORD)
    assert new_key not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    page.keyboard.press("Enter")
    expect(page.get_by_text("giga_sk_…7777")).to_be_visible()


def test_without_the_script_what_was_typed_is_back_after_one_has_confirmed(page, team, teams):
    """As on the pages of the admin."""
    page.route("**/js/confirm*", lambda route: route.abort())
    sign_in(page, team)
    page.goto(f"{team.url}/team/limits/")
    field = page.locator("main form [type=number]").first
    field.fill("7")
    make_login_old(page, teams)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(ASKED)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(f"{team.url}/team/limits/")
    expect(field).to_have_value("7")
    page.reload()
    expect(field).to_have_value("")


def test_what_was_typed_is_back_after_signing_in_anew(page, team):
    sign_in(page, team)
    page.goto(f"{team.url}/me/")
    page.get_by_label("Name", exact=False).first.fill("Nobody types this twice")
    other = page.context.new_page()
    page.context.clear_cookies(name=LOGIN)
    other.goto(f"{team.url}/accounts/login/")
    give_password(other, team.username)
    other.wait_for_url(f"{team.url}/runs/")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Back to the page").click()
    expect(page.get_by_label("Name", exact=False).first).to_have_value("Nobody types this twice")

    page.context.clear_cookies(name=LOGIN)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile("/accounts/login/"))
    give_password(page, team.username)
    page.wait_for_url(f"{team.url}/me/")
    expect(page.get_by_label("Name", exact=False).first).to_have_value("Nobody types this twice")
