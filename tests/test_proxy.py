"""What a proxy leaves out is said, in the log once and on a page, and sends nobody round in circles."""

import logging

import pytest
from django.test import Client

from people import network
from tests import factories

HOME = "watch.example.com"
BROWSER = {"sec-fetch-mode": "navigate"}


@pytest.fixture
def said(caplog):
    network.warn_once.cache_clear()
    caplog.set_level(logging.WARNING, logger="people.network")
    return lambda: [record.message for record in caplog.records if record.name == "people.network"]


@pytest.fixture
def asked(settings, said):
    """A function that asks as by a proxy, for a site over https."""
    settings.SITE_ORIGINS, settings.ALLOWED_HOSTS = [f"https://{HOME}"], [HOME, "127.0.0.1"]
    settings.SECURE_SSL_REDIRECT, settings.SECURE_SSL_HOST = True, HOME
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.TRUSTED_PROXIES = 1

    def ask(scheme: str = "", host: str = HOME, path: str = "/accounts/login/", **headers):
        headers |= {"x-forwarded-proto": scheme} if scheme else {}
        return Client(headers=headers).get(path, headers={"host": host, "x-forwarded-for": "198.51.100.1"})

    return ask


@pytest.mark.parametrize(
    "scheme, headers",
    [("", {}), ("", BROWSER), ("http", BROWSER), ("HTTPS", BROWSER)],
    ids=["nothing", "a browser", "what it was asked by itself", "capitals"],
)
def test_a_scheme_that_is_left_out_is_said_on_the_page_and_once_in_the_log(asked, said, scheme, headers):
    """Else the page would send its reader to itself (BustByte/coronastatus #366, Cacti #6844)."""
    for _ in range(2):
        answer = asked(scheme, **headers)
        assert answer.status_code == 400 and "Location" not in answer.headers
        assert "X-Forwarded-Proto" in answer.text and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src" in answer.headers["Content-Security-Policy"]
    (line,) = said()
    assert "X-Forwarded-Proto" in line


def test_the_page_speaks_the_language_of_its_browser(asked):
    assert '<html lang="de">' in asked(**{"accept-language": "de"}).text


@pytest.mark.parametrize("host", [HOME, f"{HOME}:80", "127.0.0.1:8000"])
def test_who_came_over_plain_http_is_sent_to_the_address_of_the_site(asked, said, host):
    assert asked("http", host).headers["Location"] == f"https://{HOME}/accounts/login/"
    assert said() == []


def test_other_redirects_go_where_they_lead(said):
    assert Client().get("/runs").headers["Location"] == "/runs/"
    assert said() == []


@pytest.mark.django_db
def test_the_health_page_needs_no_proxy(asked, said):
    assert asked(host="127.0.0.1", path="/healthz").status_code != 400
    assert said() == []


@pytest.mark.django_db
def test_a_host_that_is_not_handed_on_is_said_once(asked, said):
    for _ in range(2):
        assert asked("https", "127.0.0.1:8000").status_code == 200
    (line,) = said()
    assert "must hand on Host" in line


@pytest.mark.django_db
def test_a_proxy_that_hands_on_no_websockets_is_said_once(said):
    client = Client()
    client.force_login(factories.make_person())
    assert [client.get(path).status_code for path in ("/ws/runs/", "/ws/runs/1/")] == [404, 404]
    (line,) = said()
    assert "does not hand on websockets" in line
