"""Invitations: one person, once, within seven days."""

import threading
from datetime import timedelta
from smtplib import SMTPException

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from people import team
from people.audit import Act, AuditEntry
from people.forms import NewAccountForm
from people.links import sign_in_path
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
    factories.give_address(stranger, "stella@example.com")
    visitor.force_login(stranger)
    page = accept(visitor, path)
    assert page.status_code == 422 and b"another address" in page.content
    assert not Membership.objects.filter(user=stranger, workspace=workspace).exists()
    EmailAddress.objects.filter(user=stranger).update(email="Nora@Example.com")
    assert accept(visitor, path).url == "/runs/"


def test_an_address_is_nobodys_before_it_is_confirmed(client, workspace, stranger, with_mail):
    """Whoever merely names it accepts no invitation for it, and keeps its owner from nothing."""
    factories.give_address(stranger, "nora@example.com", is_confirmed=False)
    EmailAddress.objects.create(user=stranger, email="nora@example.com")
    Membership.objects.create(user=stranger, workspace=workspace, role="viewer")
    client.post("/team/invite/", {"role": "operator", "email": "nora@example.com"})
    link = next(line for line in mail.outbox[0].body.splitlines() if line.startswith("http"))
    path, thief = link.removeprefix("http://testserver"), Client()
    Membership.objects.filter(user=stranger, workspace=workspace).delete()
    thief.force_login(stranger)
    page = accept(thief, path)
    assert page.status_code == 422 and "Confirm first, under “E-mail addresses”" in page.content.decode()
    assert accept(Client(), path, new_account()).url == "/runs/"
    owner = get_user_model().objects.get(username="nora")
    assert owner.email == "nora@example.com" and owner.memberships.get().workspace == workspace


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
    factories.give_address(manager, "mona@example.com")
    path, visitor = invite(workspace), Client()
    page = accept(visitor, path, new_account(**fields))
    assert page.status_code == 422 and sentence in page.content.decode()
    assert b"Nora Berg" in page.content and PASSWORD.encode() not in page.content
    assert Client().get(path).url == "/invitation/"


def test_somebody_who_is_a_member_is_not_invited_by_mail(client, workspace, operator, with_mail):
    factories.give_address(operator, "olga@example.com")
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
@pytest.mark.parametrize("one, other", [("nora", "nora"), ("Nora", "nora"), ("ＮＯＲＡ", "nora")])
def test_of_two_who_choose_one_name_at_once_one_is_told_and_may_choose_another(one, other):
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

    def ask(visitor, name):
        answers.append(visitor.post("/invitation/", new_account(username=name)))
        connection.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NewAccountForm, "clean_username", look_first)
        asked = zip(visitors, (one, other), strict=True)
        threads = [threading.Thread(target=ask, args=each) for each in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    in_, told = sorted(answers, key=lambda answer: answer.status_code)
    assert (in_.status_code, told.status_code) == (302, 422)
    assert b"This name is taken." in told.content
    assert get_user_model().objects.filter(username__in=[one, other]).count() == 1
    assert Invitation.objects.open().count() == 1


class TestWhoMadeIt:
    """A link counts as long as who made it may invite, and not again when they may once more."""

    @pytest.fixture
    def maker(self, workspace):
        return factories.make_person(workspace, role="manager", username="mia")

    @pytest.fixture
    def superuser(self, db):
        return factories.make_person(is_staff=True, is_superuser=True, username="sue")

    def removed(self, maker, manager, superuser):
        team.remove(manager.memberships.get(), maker.memberships.get())

    def made_an_operator(self, maker, manager, superuser):
        team.change_role(manager.memberships.get(), maker.memberships.get(), "operator")

    def removed_in_the_admin(self, maker, manager, superuser):
        self.in_admin(superuser, f"/people/membership/{maker.memberships.get().pk}/delete/", {"post": "yes"})

    def removed_with_others_in_the_admin(self, maker, manager, superuser):
        chosen = {"_selected_action": [maker.memberships.get().pk], "action": "delete_selected"}
        self.in_admin(superuser, "/people/membership/", {**chosen, "post": "yes"})

    def made_a_viewer_in_the_admin(self, maker, manager, superuser):
        place = maker.memberships.get()
        form = {"user": maker.pk, "workspace": place.workspace_id, "role": "viewer"}
        self.in_admin(superuser, f"/people/membership/{place.pk}/change/", form)

    def put_elsewhere_in_the_admin(self, maker, manager, superuser):
        place, elsewhere = maker.memberships.get(), Workspace.objects.create(name="Elsewhere")
        form = {"user": maker.pk, "workspace": elsewhere.pk, "role": "manager"}
        self.in_admin(superuser, f"/people/membership/{place.pk}/change/", form)

    def replaced_in_the_admin(self, maker, manager, superuser):
        place, another = maker.memberships.get(), factories.make_person()
        form = {"user": another.pk, "workspace": place.workspace_id, "role": "manager"}
        self.in_admin(superuser, f"/people/membership/{place.pk}/change/", form)

    def closed_in_the_admin(self, maker, manager, superuser):
        form = {"username": "mia", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
        self.in_admin(superuser, f"/auth/user/{maker.pk}/change/", form)
        maker.refresh_from_db()
        assert not maker.is_active

    def deleted_in_the_admin(self, maker, manager, superuser):
        self.in_admin(superuser, f"/auth/user/{maker.pk}/delete/", {"post": "yes"})

    def in_admin(self, superuser, path, form):
        client = Client()
        factories.sign_in(client, superuser)
        assert client.post(f"/admin{path}", form).status_code == 302

    WAYS = (
        removed,
        made_an_operator,
        removed_in_the_admin,
        removed_with_others_in_the_admin,
        made_a_viewer_in_the_admin,
        put_elsewhere_in_the_admin,
        replaced_in_the_admin,
        closed_in_the_admin,
        deleted_in_the_admin,
    )

    @pytest.mark.parametrize("email", ["", "nora@example.com"])
    @pytest.mark.parametrize("end", WAYS, ids=lambda way: way.__name__)
    def test_their_links_end_when_they_may_not_invite_any_more(
        self, workspace, manager, maker, superuser, end, email
    ):
        invitation, token = team.invite(maker.memberships.get(), role="manager", email=email)
        opened = Client()
        opened.get(f"/invitation/{token}/")
        theirs = team.invite(manager.memberships.get(), role="viewer")[0]
        end(self, maker, manager, superuser)
        assert Client().get(f"/invitation/{token}/").status_code == 410
        assert opened.post("/invitation/", new_account()).status_code == 410
        assert list(Invitation.objects.open()) == [theirs]
        invitation.refresh_from_db()
        assert invitation.revoked_at
        noted = AuditEntry.objects.get(act=Act.INVITATION_REVOKED)
        assert (noted.workspace_id, noted.before["role"]) == (workspace.pk, "manager")
        if get_user_model().objects.filter(username="mia").update(is_active=True):
            Membership.objects.update_or_create(
                user_id=maker.pk, workspace=workspace, defaults={"role": "manager"}
            )
        assert Client().get(f"/invitation/{token}/").status_code == 410

    def test_it_is_one_transaction(self, workspace, manager, maker):
        team.invite(maker.memberships.get(), role="manager")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            team.remove(manager.memberships.get(), maker.memberships.get())
            1 / 0  # noqa: B018
        assert Invitation.objects.open().count() == 1

    def test_joining_asks_whether_they_may_still_invite_whoever_took_that_away(
        self, workspace, manager, maker, stranger
    ):
        invitation, _token = team.invite(maker.memberships.get(), role="manager")
        Membership.objects.filter(user=maker).update(role="viewer")
        with pytest.raises(team.NotPossible):
            team.join(stranger, invitation)
        assert not Membership.objects.filter(user=stranger, workspace=workspace).exists()

    def test_they_need_the_second_factor_that_the_workspace_asks_for(self, client, workspace, maker):
        _invitation, token = team.invite(maker.memberships.get(), role="manager")
        Workspace.objects.filter(pk=workspace.pk).update(needs_second_factor=True)
        visitor = Client()
        visitor.force_login(factories.make_person(username="nina"))
        assert accept(visitor, f"/invitation/{token}/").status_code == 410
        assert not workspace.memberships.filter(user__username="nina").exists()
        TOTP.activate(maker, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
        assert accept(visitor, f"/invitation/{token}/").url == "/runs/"

    def test_a_link_that_lets_nobody_in_for_now_can_be_revoked(self, client, workspace, manager, maker):
        """Its maker may bring the second factor any time."""
        invitation, _token = team.invite(maker.memberships.get(), role="manager")
        TOTP.activate(manager, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
        Workspace.objects.filter(pk=workspace.pk).update(needs_second_factor=True)
        factories.sign_in(client, manager)
        assert f"/team/invitations/{invitation.pk}/revoke/" in client.get("/team/").content.decode()
        assert team.revoke(manager.memberships.get(), invitation)

    def test_she_who_was_removed_does_not_get_in_by_her_own_link(self, workspace, manager, maker):
        _invitation, token = team.invite(maker.memberships.get(), role="manager")
        team.remove(manager.memberships.get(), maker.memberships.get())
        visitor = Client()
        visitor.force_login(maker)
        assert accept(visitor, f"/invitation/{token}/").status_code == 410
        assert not Membership.objects.filter(user=maker).exists()

    def test_who_stays_a_manager_keeps_their_links(self, workspace, manager, maker):
        team.invite(maker.memberships.get(), role="viewer")
        maker.last_name = "Berg"
        maker.save()
        maker.memberships.get().save()
        assert Invitation.objects.open().count() == 1


def test_a_closed_account_comes_back_without_what_was_open_in_it(client, workspace, settings):
    """Logins, and links for a new password or to sign in."""
    person = factories.make_person(workspace, username="nina", password=PASSWORD, email="nina@example.com")
    somewhere = Client()
    somewhere.post("/accounts/login/", {"login": "nina", "password": PASSWORD})
    assert somewhere.get("/runs/").status_code == 200
    person.is_active = False
    person.save()
    link = sign_in_path(person)
    assert Client().post(link).status_code == 410
    person.is_active = True
    person.save()
    assert somewhere.get("/runs/").status_code == 302
