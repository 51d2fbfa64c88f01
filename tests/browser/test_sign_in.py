"""Passkeys, with the authenticator that Chromium offers for tests: a device that knows a finger."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import give_password
from tests.browser.teams import Team
from tests.browser.test_typed_again import make_login_old


@pytest.fixture
def team(team: Team):
    # A passkey belongs to a name, never to an address of numbers.
    team.url = team.url.replace("127.0.0.1", "localhost")
    return team


@pytest.fixture
def finger(page: Page):
    """The browser's session with its authenticator."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    authenticator = tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    return tools, authenticator


def open_and_give_password(page: Page, team: Team) -> None:
    page.goto(f"{team.url}/accounts/login/")
    give_password(page, team.username)


def add_passkey(page: Page, team: Team) -> None:
    page.goto(f"{team.url}/accounts/2fa/webauthn/add/")
    page.get_by_label("Name of the key").fill("Laptop")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(re.compile("recovery-codes"))


def sign_out(page: Page, team: Team) -> None:
    page.goto(f"{team.url}/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/accounts/login/"))


def test_a_passkey_signs_in_without_a_password(page, team, finger):
    open_and_give_password(page, team)
    add_passkey(page, team)
    assert len(re.findall(r"\b\d{8}\b", page.get_by_label("Unused codes").input_value())) == 10
    sign_out(page, team)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{team.url}/runs/")


def test_with_a_passkey_the_password_alone_does_not_let_in_and_a_strange_finger_neither(page, team, finger):
    tools, authenticator = finger
    open_and_give_password(page, team)
    add_passkey(page, team)
    sign_out(page, team)
    open_and_give_password(page, team)
    page.wait_for_url(f"{team.url}/accounts/2fa/authenticate/")
    page.goto(f"{team.url}/runs/")
    assert page.url == f"{team.url}/accounts/2fa/authenticate/"
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(re.compile("/accounts/login/"))
    tools.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    with page.expect_console_message(lambda message: message.type == "error"):
        page.get_by_role("button", name="Sign in with a passkey").click()
    page.goto(f"{team.url}/runs/")
    assert "/accounts/login/" in page.url


def test_a_passkey_confirms_who_changes_the_key(page, team, teams, finger):
    open_and_give_password(page, team)
    add_passkey(page, team)
    page.goto(f"{team.url}/team/limits/")
    page.locator("main form [type=number]").first.fill("7")
    make_login_old(page, teams)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog").get_by_role("button", name="Use a passkey or security key").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.goto(f"{team.url}/accounts/2fa/webauthn/reauthenticate/?next=/team/key/")
    page.get_by_role("button", name="Use a passkey or security key").click()
    page.wait_for_url(f"{team.url}/team/key/")
    assert page.get_by_text(f"giga_sk_…{team.key[-4:]}").is_visible()
