"""Two tabs of one browser: what one signs in or out leaves the other nothing to lose."""

import pytest
from django.test import Client

from dashboard import origins
from tests import factories
from tests.served import PASSWORD

pytestmark = pytest.mark.any_database

LOGIN = "/accounts/login/"


@pytest.fixture
def person(workspace):
    return factories.make_person(workspace, role="manager", username="tessa", password=PASSWORD)


@pytest.fixture
def browser(person):
    """One whose tokens are looked at."""
    return Client(enforce_csrf_checks=True)


def token_on(browser, path: str) -> str:
    return browser.get(path).text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]


def sign_in(browser, token: str, next_path: str = ""):
    form = {"login": "tessa", "password": PASSWORD, "csrfmiddlewaretoken": token, "next": next_path}
    return browser.post(LOGIN, form)


@pytest.mark.parametrize(
    "next_path, onward",
    [
        ("/runs/41/", "/runs/41/"),
        ("/runs/?status=failed", "/runs/?status=failed"),
        ("", "/runs/"),
        ("https://evil.example/", "/runs/"),
        ("//evil.example/", "/runs/"),
        ("javascript:alert(1)", "/runs/"),
    ],
)
def test_who_has_signed_in_in_another_tab_goes_on(browser, next_path, onward):
    """openhealthcare/opal #596."""
    first, second = token_on(browser, LOGIN), token_on(browser, LOGIN)
    assert sign_in(browser, second).status_code == 302
    assert sign_in(browser, first, next_path).url == onward


def test_who_has_signed_out_in_another_tab_is_led_back_to_the_page(browser):
    """adamchainz/django-htmx #270."""
    sign_in(browser, token_on(browser, LOGIN))
    before = token_on(browser, "/me/")
    browser.logout()
    sign_in(browser, token_on(browser, LOGIN))
    page = browser.post(
        "/me/",
        {"name": "Tessa", "csrfmiddlewaretoken": before},
        headers={"referer": "http://testserver/me/?from=here"},
    )
    assert page.status_code == 403 and 'href="/me/?from=here"' in page.text
    assert "What you typed is kept in this browser" in page.text and "data-keeps-typed" in page.text


@pytest.mark.parametrize("referer", ["https://evil.example/", "", "http://[::1"])
def test_a_form_of_another_page_leads_to_the_runs(browser, referer):
    sign_in(browser, token_on(browser, LOGIN))
    page = browser.post("/me/", {"name": "Mallory"}, headers={"referer": referer})
    assert page.status_code == 403 and 'href="/"' in page.text and "evil" not in page.text


def test_a_part_that_asks_with_an_old_token_has_its_page_loaded_anew(browser):
    sign_in(browser, token_on(browser, LOGIN))
    here = {"hx-request": "true", "hx-current-url": "http://testserver/runs/", "x-csrftoken": "x" * 64}
    answer = browser.post("/runs/bulk/", {"action": "tag"}, headers=here)
    assert answer.headers["HX-Redirect"] == "/runs/"
    assert "you have signed in anew meanwhile" in browser.get("/runs/").text


def test_a_stranger_with_an_old_token_is_told_so(browser):
    page = sign_in(browser, "x" * 64)
    assert page.status_code == 403 and "This form was not accepted" in page.text


def test_a_refused_page_names_the_setting_in_the_log(browser, caplog):
    """Over https in front, with SITE_URL forgotten."""
    origins._said.clear()
    token = token_on(browser, LOGIN)
    form = {"login": "tessa", "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert browser.post(LOGIN, form, headers={"origin": "https://testserver"}).status_code == 403
    assert "set SITE_URL to it" in caplog.text
