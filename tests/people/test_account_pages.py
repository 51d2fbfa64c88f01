"""Pages of one's account: for who is signed in they stand beside the side bar, and speak as the rest does."""

import re

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.urls import reverse

from tests import factories
from tests.people.test_reauthentication import SECRET, routes_of_allauth
from tests.served import ROOT

pytestmark = pytest.mark.any_database

WORDS = ROOT / "people/words_of_allauth/en/LC_MESSAGES/django.po"
ENTRY = re.compile(r'^msgid "(.+)"\nmsgstr "(.+)"$', re.M)
# Of a key that nobody here has, and what is answered by a file.
NO_PAGES = re.compile("{key}|download")


@pytest.fixture
def person(manager):
    factories.give_address(manager, "mona@example.com")
    return manager


@pytest.fixture
def client(client, person):
    factories.sign_in(client, person)
    return client


def pages(client) -> dict[str, str]:
    """All that may be looked at by who has just signed in, by name."""
    named = {name: address for name, address in routes_of_allauth() if not NO_PAGES.search(address)}
    named |= {name: reverse(name) for name in ("account_logout", "account_reauthenticate")}
    answers = {name: client.get(address) for name, address in named.items()}
    return {name: answer.text for name, answer in answers.items() if answer.status_code == 200}


def test_each_stands_in_the_shell_under_one_title(client, person):
    found = pages(client)
    TOTP.activate(person, SECRET)
    RecoveryCodes.activate(person)
    found |= pages(client)
    assert {"mfa_index", "account_email", "account_change_password", "mfa_deactivate_totp"} <= found.keys()
    assert {"mfa_view_recovery_codes", "mfa_add_webauthn", "usersessions_list"} <= found.keys()
    for name, text in found.items():
        assert 'class="side"' in text and text.count("<h1>") == 1 and "js/typed" in text, name
        assert text.count('aria-current="page"') == 0, name


@pytest.mark.parametrize("language", ["en", "de"])
def test_none_speaks_in_allauths_words(client, person, language):
    theirs = [text for text, ours in ENTRY.findall(WORDS.read_text()) if len(text) > 14 and text != ours]
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    for name, text in pages(client).items():
        assert [words for words in theirs if words in text] == [], name


def test_a_stranger_has_the_same_on_a_card(client):
    client.logout()
    page = client.get("/accounts/login/").text
    assert 'class="card-page"' in page and 'class="side"' not in page
