"""Two tabs of one browser: what one signs in or out leaves the other nothing to lose."""

import re
from html import unescape

import pytest
from django.test import Client

from dashboard import origins
from people import team
from people.models import Membership
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
    assert "you have signed in anew or changed the workspace meanwhile" in browser.get("/runs/").text


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


TYPED = "\nWhat <b>I</b> saw\nand where"
OURS = {"origin": "http://testserver", "referer": "http://testserver/runs/"}


def areas_on(page) -> list[str]:
    """What stands there to be copied, as a browser reads it."""
    areas = re.findall(r"<textarea[^>]* readonly[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)
    return [unescape(area) for area in areas]


class TestWithoutScript:
    """What no script has kept can be copied from the page that says that nothing was done."""

    @pytest.fixture
    def run(self, person):
        return factories.make_run(person.memberships.get().workspace)

    def test_after_signing_in_anew_elsewhere(self, browser, run):
        sign_in(browser, token_on(browser, LOGIN))
        form = {"text": TYPED, "launch_token": "a b", "api_key": "a secret", "more": "running"}
        page = browser.post(f"/runs/{run.pk}/notes/", form, headers=OURS)
        assert page.status_code == 403 and areas_on(page) == [TYPED]

    @pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}])
    def test_but_nothing_that_may_be_of_another_site(self, browser, run, headers):
        sign_in(browser, token_on(browser, LOGIN))
        page = browser.post(f"/runs/{run.pk}/notes/", {"text": TYPED}, headers=headers)
        assert page.status_code == 403 and areas_on(page) == []

    def test_after_signing_out_elsewhere(self, browser, run):
        token = token_on(browser, LOGIN)
        form = {"text": TYPED, "password": "two words", "csrfmiddlewaretoken": token}
        path = f"/runs/{run.pk}/notes/"
        page = browser.post(path, form, headers=OURS)
        assert page.status_code == 401 and areas_on(page) == [TYPED]
        assert 'data-go-on href="/accounts/login/?next=/runs/"' in page.text and "two words" not in page.text
        form["text"] = "running"
        assert browser.post(path, form, headers=OURS).url == "/accounts/login/?next=/runs/"
        assert not run.notes.exists()

    def test_by_an_old_login(self, client, person):
        client.force_login(person)
        page = client.post("/team/settings/", {"name": TYPED}, headers=OURS)
        assert page.status_code == 401 and areas_on(page) == [TYPED]
        assert 'href="/accounts/reauthenticate/?next=%2Fruns%2F"' in page.text
        assert client.post("/team/settings/", {"name": "Acme"}, headers=OURS).status_code == 302


class TestAnotherWorkspace:
    """What stands open in one is not sent to the other, whichever browser it was changed in."""

    @pytest.fixture
    def other(self, person):
        other = factories.make_workspace("Beta Lab")
        Membership.objects.create(user=person, workspace=other, role="manager")
        return other

    @pytest.fixture
    def old_token(self, browser, other):
        sign_in(browser, token_on(browser, LOGIN))
        return token_on(browser, "/me/")

    @pytest.fixture(params=["here", "elsewhere"])
    def was_changed(self, request, browser, person, other, old_token):
        if request.param == "here":
            form = {"workspace": other.pk, "csrfmiddlewaretoken": old_token}
            assert browser.post("/workspaces/switch/", form).status_code == 302
        else:
            team.switch(person, other)

    @pytest.mark.usefixtures("was_changed")
    @pytest.mark.parametrize("has_looked", [True, False])
    def test_takes_no_form_of_the_one_before(self, browser, old_token, other, has_looked):
        if has_looked:
            browser.get("/runs/")
        form = {"name": "Of the first", "csrfmiddlewaretoken": old_token}
        page = browser.post("/team/settings/", form, headers=OURS)
        assert page.status_code == 403 and areas_on(page) == ["Of the first"]
        launch = {"user_prompt": "Of the first", "goal_prompt": "Done", "csrfmiddlewaretoken": old_token}
        assert browser.post("/runs/new/", launch, headers=OURS).status_code == 403
        other.refresh_from_db()
        assert other.name == "Beta Lab" and not other.runs.exists()

    @pytest.mark.usefixtures("was_changed")
    def test_takes_its_own(self, browser, other):
        form = {"name": "Gamma Lab", "csrfmiddlewaretoken": token_on(browser, "/me/")}
        assert browser.post("/team/settings/", form, headers=OURS).status_code == 302
        other.refresh_from_db()
        assert other.name == "Gamma Lab"
