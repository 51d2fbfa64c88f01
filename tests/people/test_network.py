"""Where a request comes from: behind as many proxies as were named, and no more."""

import logging

import pytest
from django.test import RequestFactory

from people import network
from people.network import address_of, warn_of_untrusted_proxy

PROXY = "10.0.0.2"


@pytest.fixture(autouse=True)
def said(caplog):
    network.warn_once.cache_clear()
    caplog.set_level(logging.WARNING, logger="people.network")
    return caplog


def asked(claimed: str | None = None, **meta):
    headers = {"x-forwarded-for": claimed} if claimed is not None else {}
    return RequestFactory(headers=headers).get("/", REMOTE_ADDR=PROXY, **meta)


@pytest.mark.parametrize(
    "proxies, claimed, address",
    [
        (0, None, PROXY),
        (0, "198.51.100.1", PROXY),
        (1, None, PROXY),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.66, 198.51.100.1", "198.51.100.1"),  # the first one was forged
        (1, "203.0.113.66,198.51.100.1", "198.51.100.1"),
        (2, "203.0.113.66, 198.51.100.1, 10.0.0.3", "198.51.100.1"),
        (2, "198.51.100.1", "198.51.100.1"),  # somebody came around the first proxy
        (1, "198.51.100.1:51234", "198.51.100.1"),
        (1, "[2001:db8::1]:51234", "2001:db8::1"),
        (1, "[2001:DB8::0:1]", "2001:db8::1"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "::ffff:198.51.100.1", "198.51.100.1"),
        (1, "unknown", PROXY),
        (1, "", PROXY),
        (1, "198.51.100.1,", PROXY),
        (1, "<script>", PROXY),
        (1, "1" * 4000, PROXY),
    ],
)
def test_as_many_entries_are_believed_as_there_are_proxies(settings, proxies, claimed, address):
    settings.TRUSTED_PROXIES = proxies
    assert address_of(asked(claimed)) == address


def test_an_address_that_is_not_known_is_none(settings):
    assert address_of(RequestFactory().get("/", REMOTE_ADDR="")) == ""


def test_a_forwarded_address_that_is_not_believed_is_said_once(settings, said):
    settings.TRUSTED_PROXIES = 0
    for n in range(3):
        address_of(asked(f"198.51.100.{n}"))
    (record,) = said.records
    assert "TRUSTED_PROXIES is 0" in record.message and "198.51.100" not in record.message


@pytest.mark.parametrize("proxies", [0, 1, 2])
@pytest.mark.parametrize("header", ["forwarded", "x-real-ip"])
def test_a_proxy_that_says_it_otherwise_is_said_once(settings, said, proxies, header):
    settings.TRUSTED_PROXIES = proxies
    for n in range(3):
        request = RequestFactory(headers={header: f"for=198.51.100.{n}"}).get("/", REMOTE_ADDR=PROXY)
        assert address_of(request) == PROXY
    (record,) = said.records
    assert "without X-Forwarded-For" in record.message and "198.51.100" not in record.message


def test_a_proxy_that_says_the_scheme_and_no_address_is_said_once(settings, said):
    settings.TRUSTED_PROXIES = 1
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for _ in range(3):
        assert address_of(asked(HTTP_X_FORWARDED_PROTO="https")) == PROXY
        assert address_of(asked("198.51.100.1", HTTP_X_FORWARDED_PROTO="https")) == "198.51.100.1"
        assert address_of(asked()) == PROXY  # the health check of a container
    (record,) = said.records
    assert "without X-Forwarded-For" in record.message


@pytest.mark.parametrize(
    "site, proxies, is_said",
    [
        ("https://watch.example.com", 0, True),
        ("https://watch.example.com", 1, False),
        ("http://127.0.0.1:8000", 0, False),
        ("", 0, False),
    ],
)
def test_a_start_behind_a_proxy_that_nobody_named_is_said(settings, said, site, proxies, is_said):
    settings.SITE_URL, settings.TRUSTED_PROXIES = site, proxies
    warn_of_untrusted_proxy()
    assert ["Set TRUSTED_PROXIES" in record.message for record in said.records] == [True] * is_said


def test_of_several_processes_that_meet_it_together_one_says_it(said):
    network.warn_once("It is so.")
    network.warn_once.cache_clear()  # as another process begins
    network.warn_once("It is so.")
    assert said.messages == ["It is so."]
