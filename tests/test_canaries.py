"""The search itself finds what it is there to find."""

import base64
import logging

import pytest

from tests import canaries
from tests.canaries import KEY, PASSWORD

PARTS = (b'{"alg":"HS256"}', b'{"sub":"x"}', b"signed")
TOKEN = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in PARTS)


@pytest.fixture
def heard():
    yield canaries.found
    canaries.found.clear()


@pytest.mark.parametrize(
    "leak",
    [
        f"Authorization: Bearer {KEY}",
        KEY.encode().hex(),
        base64.b64encode(f"Bearer {KEY}".encode()).decode(),
        base64.b64encode(f"x{KEY}".encode()).decode(),
        base64.b64encode(f"xy{KEY} and more".encode()).decode(),
        f"password={PASSWORD.replace(' ', '+')}",
        f"token {TOKEN}",
        "https://6080-abc.e2b.app/vnc.html",
        "wss://6080-abc.e2b.invalid/websockify",
        "ws://127.0.0.1:9/websockify/sbx_1",
    ],
)
def test_a_secret_is_found_however_it_is_written(heard, leak):
    canaries.look("a place", f"before {leak} after")
    assert len(heard) == 1


@pytest.mark.parametrize(
    "harmless", ["giga_sk_…cdef", "frame-src 'self' https://6080-abc.e2b.app", "vnc.html"]
)
def test_what_may_be_said_is_not_taken_for_one(heard, harmless):
    canaries.look("a place", harmless)
    assert heard == []


@pytest.mark.parametrize(
    "path", ["/invitation/", "/enter/MQ/", "/ws/desktop/", "/accounts/password/reset/key/1-", "/x?state="]
)
def test_an_address_with_a_token_is_heard_in_a_log_line(heard, path):
    logging.getLogger("runs.anything").debug("asked for %s%s", path, "aB3-" * 10)
    assert heard == ["an address with a token in a log line of runs.anything"]


def test_log_lines_are_heard_at_debug(heard):
    logging.getLogger("runs.anything").debug("asked with %s", KEY)
    assert heard == ["['API key'] in a log line of runs.anything"]
