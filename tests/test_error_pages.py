"""Django's error page, which DEBUG shows: no secret stands on it."""

import os
import subprocess
import sys

import pytest
from django.test import RequestFactory
from django.views.debug import technical_500_response

from dashboard.error_pages import is_server_address
from tests.served import ROOT

SECRETS = {
    "SECRET_KEY": "hidden-0-abcdefghijklmnopqrstuvwxyz-0123456789-ABCDEFGHIJ",
    "SMTP_URL": "smtp://hidden-1:hidden-2@mail.hidden-3.example:587",
    "DATABASE_URL": "postgres://hidden-4:hidden-5@db.hidden-6.example:5432/watch",
    "REDIS_URL": "redis://:hidden-7@redis.hidden-8.example:6379/0",
    "CELERY_BROKER_URL": "rediss://:hidden-9@redis.hidden-8.example:6379/1",
    "ENCRYPTION_KEYS": "hidden-10:" + "AAAA" * 10 + "AAA=",
    "OIDC_CLIENT_SECRET": "hidden-11",
    "GIGA_API_KEY": "hidden-12",
    "DJANGO_SUPERUSER_PASSWORD": "hidden-13",
}
OTHERS = {
    "DEBUG": "true",
    "MAIL_FROM": "watch@example.com",
    "OIDC_ISSUER": "https://sso.example.com",
    "OIDC_CLIENT_ID": "gigawatch",
}
PAGE = """
import django, sys
django.setup()
from django.test import RequestFactory
from django.views.debug import technical_500_response
try:
    raise RuntimeError("It broke")
except RuntimeError:
    print(technical_500_response(RequestFactory().get("/"), *sys.exc_info()).content.decode())
"""


@pytest.mark.long
def test_no_setting_that_holds_a_secret_is_shown_under_any_name(tmp_path):
    env = {"DJANGO_SETTINGS_MODULE": "dashboard.settings", "GIGAWATCH_DATA": str(tmp_path / "data")}
    ended = subprocess.run(
        [sys.executable, "-c", PAGE],
        cwd=ROOT,
        env={**os.environ, **env, **OTHERS, **SECRETS},
        capture_output=True,
        text=True,
    )
    assert "It broke" in ended.stdout and "SESSION_IDLE_HOURS" in ended.stdout, ended.stderr
    settings = ended.stdout.split('id="settings-info"')[1]
    assert "hidden" not in settings.replace("hidden_settings", "")


def error_page(request, api_key, nested, word) -> str:
    """The page of an error in a function that holds these."""
    try:
        raise RuntimeError("It broke")
    except RuntimeError:
        return technical_500_response(request, *sys.exc_info()).content.decode()


@pytest.mark.parametrize("is_debug", [True, False])
def test_nor_is_what_was_typed_or_sent_or_held_in_a_variable(settings, is_debug):
    settings.DEBUG = is_debug
    form = {"api_key": "hidden-1", "password1": "hidden-2", "token": "hidden-3", "name": "Acme"}
    request = RequestFactory().post("/?name=Acme", form, headers={"Authorization": "Bearer hidden-4"})
    request.COOKIES |= {"__Host-gigawatch": "hidden-5", "gigawatch-csrf": "hidden-6"}
    request.META |= {"CSRF_COOKIE": "hidden-7"}
    page = error_page(request, api_key="hidden-8", nested={"password": ["hidden-9"]}, word="Acme")
    shown = page.replace("hidden_settings", "").split("<body>")[1]
    assert "hidden-" not in shown and "Acme" in shown


@pytest.mark.parametrize(
    "text, is_one",
    [
        ("redis://host:6379/0", True),
        ("postgres://user:password@host/db", True),
        ("https://user:password@host/", True),
        ("amqp+ssl://host", True),
        ("https://[broken", True),
        ("https://watch.example.com/", False),
        ("/static/", False),
        ("a sentence: with a colon", False),
        ("", False),
    ],
)
def test_the_address_of_a_server_is_known_by_its_form(text, is_one):
    assert is_server_address(text) is is_one
