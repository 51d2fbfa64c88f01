"""What an administrator types: keys, test mails, the version."""

import smtplib
import subprocess
import sys

import pytest
from django.core import mail
from django.core.management import CommandError, call_command, get_commands, load_command_class

from dashboard import VERSION
from people.management.commands.send_test_mail import reason_of
from runs.sealed import is_encryption_key
from tests.refused_settings import refusal
from tests.served import ROOT, free_port

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def test_a_new_key_is_one_that_the_settings_take(tmp_path, capsys):
    call_command("new_key")
    key = capsys.readouterr().out.strip()
    assert is_encryption_key(key)
    call_command("new_key", secret_key=True)
    secret = capsys.readouterr().out.strip()
    assert refusal(tmp_path, ENCRYPTION_KEYS=key, SECRET_KEY=secret) == ""


def test_a_test_mail_is_sent_to_the_address(settings, capsys):
    settings.CAN_SEND_MAIL, settings.EMAIL_HOST, settings.EMAIL_PORT = True, "mail.example.com", 587
    call_command("send_test_mail", "olga@example.com")
    assert [(message.to, message.subject) for message in mail.outbox] == [
        (["olga@example.com"], "Gigawatch sends mail")
    ]
    assert (
        capsys.readouterr().out
        == "mail.example.com:587 took a mail to olga@example.com: look whether it arrived.\n"
    )


def test_a_test_mail_says_what_is_missing_or_why_it_was_not_taken(settings):
    with pytest.raises(CommandError, match="set SMTP_URL and MAIL_FROM"):
        call_command("send_test_mail", "olga@example.com")
    settings.CAN_SEND_MAIL, settings.EMAIL_BACKEND = True, SMTP
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    with pytest.raises(CommandError, match="'olga' is no mail address"):
        call_command("send_test_mail", "olga")
    with pytest.raises(CommandError, match=f"127.0.0.1:{settings.EMAIL_PORT} did not take it: .*refused"):
        call_command("send_test_mail", "olga@example.com")


@pytest.mark.parametrize(
    "error, said",
    [
        (smtplib.SMTPRecipientsRefused({"a@b.c": (550, b"no such person")}), "550 no such person"),
        (smtplib.SMTPAuthenticationError(535, b"\xff wrong"), "535 \ufffd wrong"),
        (smtplib.SMTPNotSupportedError("no STARTTLS"), "no STARTTLS"),
        (TimeoutError("timed out"), "timed out"),
    ],
)
def test_what_a_mail_server_says_is_told(error, said):
    assert reason_of(error) == said


@pytest.mark.process
@pytest.mark.parametrize("argument", ["--version", "version"])
def test_the_version_is_that_of_gigawatch_not_of_django(argument):
    said = subprocess.run([sys.executable, "manage.py", argument], cwd=ROOT, capture_output=True, text=True)
    assert (said.returncode, said.stdout, said.stderr) == (0, f"Gigawatch {VERSION}\n", "")


def test_each_page_and_the_changelog_say_the_version(operator, client):
    client.force_login(operator)
    assert f"Gigawatch {VERSION}" in client.get("/runs/").text
    assert f"\n## {VERSION} " in (ROOT / "CHANGELOG.md").read_text()


def test_no_command_of_ours_prints_what_the_packages_it_needs_think_of_each_other():
    """As one for Celery does before each link and head, by checks without an id. (Nobody types `migrate`.)"""
    ours = [(app, name) for name, app in get_commands().items() if app in ("people", "runs")]
    ours.remove(("runs", "migrate"))
    checked = [name for app, name in ours if load_command_class(app, name).requires_system_checks]
    assert checked == [] and len(ours) > 8
