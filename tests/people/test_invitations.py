"""Invitations: one person, once, within seven days."""

import threading
from datetime import timedelta
from smtplib import SMTPException

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from people import team
from people.forms import NewAccountForm
from people.models import Invitation, Membership, Workspace, hash_of
from tests import factories

PASSWORD = "a quite long password"


@pytest.fixture
def client(client, manager):
    factories.sign_in(client, manager)
    return client


@pytest.fixture
def with_mail(settings):
    settings.CAN_SEND_MAIL = True


def invite(workspace, *, role="operator", email="") -> str:
    """The path of an invitation's link."""
    manager = Membership.objects.filter(workspace=workspace, role="manager").first()
    _invitation, token = team.invite(manager, role=role, email=email)
    return f"/invitation/{token}/"


def accept(visitor, path: str, form=None):
    """Opens the link and says yes to what it shows."""
    visitor.get(path)
    return visitor.post("/invitation/", form or {})


def new_account(**fields) -> dict:
    return {"username": "nora", "password": PASSWORD, "full_name": "Nora Berg", "email": "", **fields}


def test_a_link_is_shown_once_and_kept_only_as_a_hash(client, workspace):
    page = client.post("/team/invite/", {"role": "viewer", "email": ""})
    link = page.context["link"]
    token = link.rstrip("/").rsplit("/", 1)[-1]
    assert link.encode() in page.content
    invitation = Invitation.objects.get()
    assert (invitation.role, invitation.token_hash) == ("viewer", hash_of(token))
    assert token not in str(Invitation.objects.values().get())
    assert token.encode() not in client.get("/team/").content


def test_somebody_new_makes_an_account_and_is_in(workspace, manager):
    path, visitor = invite(workspace), Client()
    assert b"invited as Operator." in visitor.get(path, follow=True).content
    assert accept(visitor, path, new_account()).url == "/runs/"
    membership = Membership.objects.get(user__username="nora")
    assert (membership.workspace, membership.role) == (workspace, "operator")
    assert membership.user.get_full_name() == "Nora Berg"
    assert visitor.get("/team/").status_code == 200


def test_a_link_works_once(workspace, manager):
    path = invite(workspace)
    accept(Client(), path, new_account())
    assert Client().get(path).status_code == 410
    assert accept(Client(), path, new_account(username="second")).status_code == 410
    assert not get_user_model().objects.filter(username="second").exists()


def test_a_link_ends_after_seven_days(workspace, manager):
    path = invite(workspace)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(path).status_code == 410
    left = Invitation(expires_at=timezone.now()).expires_at + team.INVITATION_LASTS - timezone.now()
    assert left > timedelta(days=6, hours=23)


def test_a_revoked_link_is_worthless(client, workspace):
    path = invite(workspace)
    client.post(f"/team/invitations/{Invitation.objects.get().pk}/revoke/")
    assert Client().get(path).status_code == 410


@pytest.mark.parametrize("path", ["/invitation/x/", "/invitation/" + "x" * 43 + "/", "/invitation/%C3%A9/"])
def test_a_link_that_never_was_lets_nobody_in(db, path):
    assert Client().get(path).status_code == 410


def test_a_person_with_an_account_joins_with_it_and_works_there(workspace, manager, stranger):
    path, visitor = invite(workspace, role="viewer"), Client()
    visitor.force_login(stranger)
    assert accept(visitor, path).url == "/runs/"
    assert Membership.objects.get(user=stranger, workspace=workspace).role == "viewer"
    assert visitor.get("/team/").context["workspace"] == workspace


def test_a_member_is_told_that_they_are_one_and_the_link_stays(workspace, manager, operator):
    path, visitor = invite(workspace, role="manager"), Client()
    visitor.force_login(operator)
    page = accept(visitor, path)
    assert page.status_code == 422 and b"a member of this workspace already" in page.content
    assert Membership.objects.get(user=operator).role == "operator"
    assert Invitation.objects.open().count() == 1


def test_an_invitation_by_mail_is_for_the_person_of_that_address_only(workspace, manager, stranger):
    path, visitor = invite(workspace, email="nora@example.com"), Client()
    stranger.email = "stella@example.com"
    stranger.save()
    visitor.force_login(stranger)
    page = accept(visitor, path)
    assert page.status_code == 422 and b"another address" in page.content
    assert not Membership.objects.filter(user=stranger, workspace=workspace).exists()
    stranger.email = "Nora@Example.com"
    stranger.save()
    assert accept(visitor, path).url == "/runs/"


def test_the_address_of_an_invitation_by_mail_becomes_the_accounts(workspace, manager):
    accept(Client(), invite(workspace, email="nora@example.com"), new_account(email="other@example.com"))
    user = get_user_model().objects.get(username="nora")
    assert user.email == "nora@example.com"
    assert user.emailaddress_set.get().verified


def test_mail_carries_the_link_and_the_page_does_not(client, workspace, with_mail):
    answer = client.post("/team/invite/", {"role": "operator", "email": "nora@example.com"})
    assert answer.url == "/team/"
    link = next(line for line in mail.outbox[0].body.splitlines() if line.startswith("http"))
    path = link.removeprefix("http://testserver")
    assert mail.outbox[0].to == ["nora@example.com"] and workspace.name in mail.outbox[0].subject
    assert accept(Client(), path, new_account()).url == "/runs/"
    assert link.encode() not in client.get("/team/").content


def test_a_name_of_many_lines_adds_no_header_to_the_mail(client, workspace, with_mail):
    Workspace.objects.filter(pk=workspace.pk).update(name="Acme\r\nBcc: all@evil.example")
    client.post("/team/invite/", {"role": "operator", "email": "nora@example.com"})
    message = mail.outbox[0].message()
    assert (message["Subject"], message["Bcc"]) == ("Join Acme Bcc: all@evil.example on Gigawatch", None)


def test_an_invitation_that_could_not_be_mailed_is_taken_back(client, workspace, with_mail, monkeypatch):
    def fail(*args, **kwargs):
        raise SMTPException("no such host")

    monkeypatch.setattr("people.views.team.send_mail", fail)
    page = client.post("/team/invite/", {"role": "operator", "email": "nora@example.com"})
    assert (
        page.status_code == 422
        and b"could not be sent" in page.content
        and b"nora@example.com" in page.content
    )
    assert not Invitation.objects.open().exists()


def test_without_mail_no_address_is_taken(client, workspace):
    page = client.post("/team/invite/", {"role": "operator", "email": "nora@example.com"})
    assert page.status_code == 422 and not Invitation.objects.exists()


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ({"password": "short"}, "at least 12 characters"),
        ({"password": "password1234"}, "too common"),
        ({"username": "noraberg1234", "password": "noraberg12345"}, "too similar"),
        ({"username": ""}, "Choose a name"),
        ({"username": "mona"}, "This name is taken"),
        ({"username": "a b"}, "Enter a valid username"),
        ({"email": "mona@example.com"}, "There is an account with this address"),
    ],
)
def test_a_bad_account_comes_back_with_its_sentence_and_the_link_stays(workspace, manager, fields, sentence):
    manager.email = "mona@example.com"
    manager.save()
    path, visitor = invite(workspace), Client()
    page = accept(visitor, path, new_account(**fields))
    assert page.status_code == 422 and sentence in page.content.decode()
    assert b"Nora Berg" in page.content and PASSWORD.encode() not in page.content
    assert Client().get(path).url == "/invitation/"


def test_somebody_who_is_a_member_is_not_invited_by_mail(client, workspace, operator, with_mail):
    operator.email = "olga@example.com"
    operator.save()
    page = client.post("/team/invite/", {"role": "operator", "email": "Olga@example.com"})
    assert page.status_code == 422 and not Invitation.objects.exists()


def test_an_invitation_of_another_team_cannot_be_revoked(client, stranger):
    theirs = stranger.memberships.get().workspace
    invite(theirs)
    assert client.post(f"/team/invitations/{Invitation.objects.get().pk}/revoke/").status_code == 404
    assert Invitation.objects.open().count() == 1


def test_the_link_is_told_to_no_page_and_no_log(workspace, manager, caplog):
    path, visitor = invite(workspace), Client()
    assert visitor.get(path).url == "/invitation/"
    page = visitor.post("/invitation/", new_account(password="short"))
    assert page.status_code == 422
    token = path.strip("/").rsplit("/", 1)[-1]
    assert token not in caplog.text and token not in page.content.decode()
    assert token not in str(dict(visitor.session))


def test_looking_at_a_link_is_answered_like_opening_it_and_does_nothing(workspace, manager):
    path, visitor = invite(workspace), Client()
    assert visitor.head(path).url == "/invitation/"
    assert not visitor.cookies and visitor.post("/invitation/", new_account()).status_code == 410
    assert visitor.head("/invitation/x/").status_code == 410


def test_whoever_opened_no_link_has_nothing_to_accept(workspace, manager):
    invite(workspace)
    assert Client().get("/invitation/").status_code == 410
    assert Client().post("/invitation/", new_account()).status_code == 410


def test_an_opened_invitation_that_is_revoked_meanwhile_lets_nobody_in(workspace, manager):
    path, visitor = invite(workspace), Client()
    visitor.get(path)
    team.revoke(manager.memberships.get(), Invitation.objects.get())
    assert visitor.post("/invitation/", new_account()).status_code == 410


def test_signing_in_leads_back_to_the_invitation(workspace, manager, stranger):
    stranger.set_password(PASSWORD)
    stranger.save()
    path, visitor = invite(workspace), Client()
    visitor.get(path)
    form = {"login": "stella", "password": PASSWORD, "next": "/invitation/"}
    assert visitor.post("/accounts/login/", form).url == "/invitation/"
    assert visitor.post("/invitation/").url == "/runs/"
    assert Membership.objects.filter(user=stranger, workspace=workspace).exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_choose_one_name_at_once_one_is_told_and_may_choose_another():
    workspace = factories.make_workspace()
    factories.make_person(workspace, role="manager")
    visitors = [Client(), Client()]
    for visitor in visitors:
        visitor.get(invite(workspace))
    both_looked, answers = threading.Barrier(2), []

    def look_first(self):
        name = self.cleaned_data["username"]
        both_looked.wait(10)
        return name

    def ask(visitor):
        answers.append(visitor.post("/invitation/", new_account()))
        connection.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NewAccountForm, "clean_username", look_first)
        threads = [threading.Thread(target=ask, args=[visitor]) for visitor in visitors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    in_, told = sorted(answers, key=lambda answer: answer.status_code)
    assert (in_.status_code, told.status_code) == (302, 422)
    assert b"This name is taken." in told.content
    assert Invitation.objects.open().count() == 1
