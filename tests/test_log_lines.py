"""Addresses with tokens stand in no line of the log, whoever writes it and whatever was asked."""

import logging
import subprocess
import sys

import pytest
import requests
from django.urls import reverse
from websockets.sync.client import connect

from tests.prepared import prepared_serve
from tests.served import PATIENCE_S, ROOT, eventually

TOKEN = "Qb3_" + "w0-Zx9" * 6
ADDRESSES = [
    reverse("invitation", args=[TOKEN]),
    reverse("enter", args=["MQ", TOKEN]),
    reverse("account_reset_password_from_key", args=["1", TOKEN]),
    reverse("account_confirm_email", args=[f"MQ:{TOKEN[:6]}:{TOKEN}"]),
    reverse("session-file", args=[7, TOKEN]),
    f"/accounts/oidc/sso/login/callback/?code={TOKEN}&state={TOKEN}",
    f"/invitation/{TOKEN}",  # as a program cuts it short
    f"/elsewhere{reverse('invitation', args=[TOKEN])}",
    f"/invitation/{TOKEN}/more",
    f"/invitation/a {TOKEN}/",
    f"/invitation/{TOKEN[:20]}%0A{TOKEN[20:]}/",
    f"/?next=/invitation/{TOKEN}/",
]
METHODS = ["HEAD", "GET", "POST", "PUT", "OPTIONS", "BREW"]


def parts_of_token(text: str) -> list[str]:
    """Long pieces of it that stand in the text."""
    pieces = {TOKEN[start : start + 12] for start in range(len(TOKEN) - 11)}
    return [line for line in text.splitlines() if any(piece in line for piece in pieces)]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_answer_is_logged_with_a_token(client, db, caplog, address):
    caplog.set_level(logging.DEBUG)
    for method in METHODS:
        client.generic(method, address)
    assert parts_of_token(caplog.text) == []


def test_an_error_is_logged_without_the_token_of_its_address(client, db, caplog, monkeypatch):
    client.raise_request_exception = False
    monkeypatch.setattr("people.views.doors.person_of_link", lambda uid, token: 1 / 0)
    assert client.get(reverse("enter", args=["MQ", TOKEN])).status_code == 500
    assert "ZeroDivisionError" in caplog.text and "/enter/MQ/…" in caplog.text
    assert parts_of_token(caplog.text) == []


def test_what_is_no_token_is_left_as_it_was(client, db, caplog):
    client.get("/runs/7/nothing/")
    logging.getLogger("runs.anything").warning("%s answered /api/sessions/%s", "Giga", "x" * 30)
    assert "Not Found: /runs/7/nothing/" in caplog.text
    assert "Giga answered /api/sessions/" + "x" * 30 in caplog.text


@pytest.mark.process
def test_no_server_prints_a_token_even_where_it_prints_all_it_is_asked(tmp_path):
    """uvicorn as somebody starts it by hand, with its list of requests and at DEBUG."""
    served = prepared_serve(tmp_path / "data", LOG_LEVEL="DEBUG")
    options = ["--lifespan", "off", "--log-level", "debug", "--access-log", "--port", str(served.port)]
    command = [sys.executable, "-m", "uvicorn", "dashboard.asgi:application", *options]
    with served.log.open("w") as log:
        served.process = subprocess.Popen(command, cwd=ROOT, env=served.env, stdout=log, stderr=log)
    try:
        served.ready()
        for address in ADDRESSES:
            for method in METHODS:
                requests.request(method, served.url + address, timeout=PATIENCE_S, allow_redirects=False)
        connect(f"ws://127.0.0.1:{served.port}/ws/desktop/{TOKEN}/", origin="null").close()
        eventually(lambda: "/ws/desktop/…/" in served.said)
        assert '"HEAD /invitation/…' in served.said
        assert parts_of_token(served.said) == []
    finally:
        served.kill()
