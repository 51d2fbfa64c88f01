"""Who typed for so long that they are asked again who they are, or for a new login, types nothing twice."""

import re

from playwright.sync_api import expect

from tests.browser.driving import LOGIN, give_password, sign_in
from tests.served import KEY, PASSWORD

ASKED = re.compile("/reauthenticate/")


def make_login_old(page, teams) -> None:
    [login] = [cookie["value"] for cookie in page.context.cookies() if LOGIN.match(cookie["name"])]
    teams.make_old(login)


def confirm(page) -> None:
    page.wait_for_url(ASKED)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(lambda url: not ASKED.search(url))


def test_what_was_typed_is_back_after_one_has_confirmed(page, team, teams):
    sign_in(page, team)
    page.goto(f"{team.url}/team/limits/")
    fields = page.locator("main form [type=number]")
    fields.first.fill("7")
    make_login_old(page, teams)
    page.get_by_role("button", name="Save").click()
    confirm(page)
    expect(fields.first).to_have_value("7")
    page.reload()
    expect(fields.first).to_have_value("")

    fields.first.fill("8")
    make_login_old(page, teams)
    page.get_by_role("button", name="Save").click()
    confirm(page)
    page.get_by_role("button", name="Save").click()
    page.goto(f"{team.url}/team/limits/")
    expect(fields.first).to_have_value("8")


def test_a_key_is_kept_nowhere(page, team, teams):
    sign_in(page, team)
    page.goto(f"{team.url}/team/key/")
    page.get_by_label("API key").fill(KEY)
    make_login_old(page, teams)
    page.get_by_role("button", name="Replace the key").click()
    page.wait_for_url(ASKED)
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "gigawatch-typed" in kept and KEY not in kept
    confirm(page)
    expect(page.get_by_label("API key")).to_have_value("")


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
