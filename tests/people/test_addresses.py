"""The e-mail address of a person: changed by who has just shown who they are, kept until the new one is
confirmed, and told to the old one."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.utils import timezone

from people.audit import Act, AuditEntry
from people.forgotten import ForgottenPasswordForm
from people.models import NewAddress
from tests import factories
from tests.served import free_port

OLD, NEW, THIRD = "mona@example.com", "mona@example.org", "mona@example.net"

pytestmark = pytest.mark.any_database


@pytest.fixture(params=[True, False], ids=["confirmed", "never confirmed"])
def person(request, manager, settings):
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    factories.give_address(manager, OLD, is_confirmed=request.param)
    return manager


@pytest.fixture
def client(client, person):
    factories.sign_in(client, person)
    return client


def press(client, action: str, email: str):
    return client.post("/accounts/email/", {f"action_{action}": "", "email": email})


def confirm(email: str) -> None:
    """By the link in the mail, in whatever browser."""
    key = EmailConfirmationHMAC.create(EmailAddress.objects.get(email=email)).key
    Client().post(f"/accounts/confirm-email/{key}/")


def address_of(person) -> str:
    return get_user_model().objects.get(pk=person.pk).email


def mails() -> list[str]:
    """To whom, and what of, since the last time."""
    sent = [f"{message.to[0]}: {message.subject}" for message in mail.outbox]
    mail.outbox.clear()
    return sent


def forget_password(client, email: str) -> list[str]:
    """To whom a link for a new password goes. Straight by the form: what its page does comes after the
    answer."""
    mails()
    request = client.get("/accounts/password/reset/").wsgi_request
    form = ForgottenPasswordForm({"email": email})
    assert form.is_valid()
    form.find_and_mail(request)
    return [message.to[0] for message in mail.outbox if "/password/reset/key/" in message.body]


def test_the_address_stays_until_the_new_one_is_confirmed(client, person):
    press(client, "add", NEW)
    assert address_of(person) == OLD and EmailAddress.objects.filter(user=person).count() == 2
    confirm(NEW)
    assert address_of(person) == NEW
    assert EmailAddress.objects.filter(user=person).values_list("email", "verified").get() == (NEW, True)


def test_the_old_address_is_told_when_it_is_asked_for_and_when_it_is_done(client, person):
    press(client, "add", NEW)
    assert sorted(mails()) == [
        f"{OLD}: Another e-mail address was asked for",
        f"{NEW}: Please Confirm Your Email Address",
    ]
    confirm(NEW)
    assert mails() == [f"{OLD}: Email Changed"]


def test_each_step_is_noted(client, person, workspace):
    press(client, "add", NEW)
    press(client, "remove", NEW)
    press(client, "add", THIRD)
    confirm(THIRD)
    acts = [Act.ADDRESS_ASKED, Act.ADDRESS_REMOVED, Act.ADDRESS_ASKED, Act.ADDRESS_CHANGED]
    noted = AuditEntry.objects.filter(act__startswith="address").order_by("number")
    assert list(noted.values_list("act", flat=True)) == acts
    assert set(noted.values_list("username", "workspace_id")) == {("mona", workspace.pk)}
    assert (noted.last().before, noted.last().after) == ({"address": OLD}, {"address": THIRD})


def test_of_several_new_ones_the_last_one_waits(client, person):
    press(client, "add", NEW)
    press(client, "add", THIRD)
    waiting = EmailAddress.objects.filter(user=person, verified=False).exclude(email=OLD)
    assert waiting.get().email == THIRD and address_of(person) == OLD


@pytest.mark.parametrize("steps", [["primary NEW"], ["remove OLD"], ["remove OLD", "primary NEW"]], ids=str)
def test_one_that_waits_never_becomes_the_address(client, person, steps):
    press(client, "add", NEW)
    for step in steps:
        action, which = step.split()
        press(client, action, {"NEW": NEW, "OLD": OLD}[which])
        assert address_of(person) == OLD
    assert forget_password(client, NEW) == []
    assert forget_password(client, OLD) == [OLD]


def test_the_only_address_is_told_that_it_is_removed(client, person):
    client.get("/accounts/email/")
    press(client, "remove", OLD)
    assert mails() == [f"{OLD}: Email Removed"] and address_of(person) == ""


def test_a_new_address_gives_no_new_password_for_a_day(client, person):
    press(client, "add", NEW)
    assert forget_password(client, OLD) == [OLD]
    assert forget_password(client, NEW) == []
    confirm(NEW)
    assert forget_password(client, NEW) == forget_password(client, OLD) == []
    NewAddress.objects.update(confirmed_at=timezone.now() - timedelta(hours=25))
    assert forget_password(client, NEW) == [NEW]
    assert forget_password(client, OLD) == []


def test_the_first_address_of_an_account_is_new_too(client, person):
    client.get("/accounts/email/")
    press(client, "remove", OLD)
    press(client, "add", NEW)
    confirm(NEW)
    assert address_of(person) == NEW and forget_password(client, NEW) == []


def test_confirming_the_address_one_had_all_along_makes_it_no_new_one(client, person):
    client.get("/accounts/email/")
    if not EmailAddress.objects.get(email=OLD).verified:
        confirm(OLD)
    assert EmailAddress.objects.get(email=OLD).verified and forget_password(client, OLD) == [OLD]


def test_an_address_of_somebody_else_is_never_confirmed_twice(client, person, operator):
    factories.give_address(operator, "olga@example.com")
    EmailAddress.objects.create(user=person, email="olga@example.com")
    key = EmailConfirmationHMAC.create(EmailAddress.objects.get(user=person, email="olga@example.com")).key
    Client().post(f"/accounts/confirm-email/{key}/")
    assert address_of(person) == OLD
    assert not EmailAddress.objects.get(user=person, email="olga@example.com").verified


def test_a_mail_server_that_is_away_keeps_nobody_from_changing_it(client, person, settings):
    press(client, "add", NEW)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    confirm(NEW)
    assert address_of(person) == NEW


@pytest.mark.parametrize("action", ["add", "send"])
def test_a_mail_server_that_is_away_is_said_and_the_address_waits(client, person, settings, action, caplog):
    address = NEW
    if action == "send":
        EmailAddress.objects.create(user=person, email=address)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    answer = press(client, action, address)
    assert answer.url == "/accounts/email/"
    page = client.get(answer.url).content.decode()
    assert f"The mail to {address} could not be sent" in page and "Confirmation email sent" not in page
    assert EmailAddress.objects.get(email=address).verified is False
    assert [record for record in caplog.records if record.exc_info] == []
