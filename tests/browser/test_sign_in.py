"""Passkeys, with the authenticator that Chromium offers for tests: a device that knows a finger."""

import re

import pytest
from playwright.sync_api import Page

from tests.served import PASSWORD, Served


@pytest.fixture
def served(tmp_path, simulator):
    """One of its own: what a person signs in with stays with them."""
    served = Served(tmp_path / "data", GIGA_API_KEY="giga_sk_" + "0" * 32, GIGA_API_URL=simulator.url)
    # A passkey belongs to a name, never to an address of numbers.
    served.url = f"http://localhost:{served.port}"
    served.start().ready()
    yield served
    served.kill()
    assert "Traceback" not in served.said


@pytest.fixture
def device(page: Page):
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


def give_password(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/accounts/login/")
    page.get_by_label("Name or e-mail").fill("admin")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def add_passkey(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/accounts/2fa/webauthn/add/")
    page.get_by_label("Name of the key").fill("Laptop")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(re.compile("recovery-codes"))


def sign_out(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/accounts/login/"))


def test_a_passkey_signs_in_without_a_password(page, served, device):
    give_password(page, served)
    add_passkey(page, served)
    assert len(re.findall(r"\b\d{8}\b", page.get_by_label("Unused codes").input_value())) == 10
    sign_out(page, served)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{served.url}/runs/")


def test_with_a_passkey_the_password_alone_does_not_let_in_and_a_strange_finger_neither(page, served, device):
    tools, authenticator = device
    give_password(page, served)
    add_passkey(page, served)
    sign_out(page, served)
    give_password(page, served)
    page.wait_for_url(f"{served.url}/accounts/2fa/authenticate/")
    page.goto(f"{served.url}/runs/")
    assert page.url == f"{served.url}/accounts/2fa/authenticate/"
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(re.compile("/accounts/login/"))
    tools.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    with page.expect_console_message(lambda message: message.type == "error"):
        page.get_by_role("button", name="Sign in with a passkey").click()
    page.goto(f"{served.url}/runs/")
    assert "/accounts/login/" in page.url


def test_a_passkey_confirms_who_changes_the_key(page, served, device):
    give_password(page, served)
    add_passkey(page, served)
    page.goto(f"{served.url}/accounts/2fa/webauthn/reauthenticate/?next=/team/key/")
    page.get_by_role("button", name="Use a passkey or security key").click()
    page.wait_for_url(f"{served.url}/team/key/")
    assert page.get_by_text("giga_sk_…0000").is_visible()
