"""Doors: the one-time link, and whose login it still is."""

from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from people.audit import Act, AuditEntry
from people.links import first_links, person_of_link, sign_in_path, tokens, use_up
from people.models import Membership, initials_of, membership_of
from people.sessions import person_signed_in
from runs import instance
from tests import factories


@pytest.fixture
def session_key(operator):
    client = Client()
    client.force_login(operator)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def test_a_link_signs_in_once(client, operator):
    path = sign_in_path(operator)
    assert client.post(path).url == "/accounts/password/set/?next=/"
    assert client.get("/runs/").status_code == 200
    assert [Client().get(path).status_code, Client().post(path).status_code] == [410, 410]


def test_a_link_leads_whoever_has_a_password_to_the_runs(client, manager):
    assert client.post(sign_in_path(manager)).url == "/"


@pytest.mark.parametrize("was_here_before", [True, False])
def test_of_two_who_press_at_once_one_is_signed_in(client, operator, was_here_before):
    if was_here_before:
        client.force_login(operator)
        client.logout()
    *_, uid, token, _ = sign_in_path(get_user_model().objects.get(pk=operator.pk)).split("/")
    one, other = person_of_link(uid, token), person_of_link(uid, token)
    assert (use_up(one), use_up(other)) == (True, False)
    # Within the same second, too.
    assert person_of_link(uid, token) is None


def test_a_link_is_good_for_an_hour(client, operator, monkeypatch):
    path, now = sign_in_path(operator), datetime.now()
    for minutes, answer in ((61, 410), (59, 302)):
        later = now + timedelta(minutes=minutes)
        monkeypatch.setattr(tokens, "_now", lambda later=later: later)
        assert client.post(path).status_code == answer


def test_a_link_for_a_new_password_signs_nobody_in(client, operator):
    uid = sign_in_path(operator).split("/")[2]
    assert client.get(f"/enter/{uid}/{default_token_generator.make_token(operator)}/").status_code == 410


def test_opening_a_link_does_not_use_it(client, operator):
    """Chats, mail programs and virus scanners open every link they see (emdash-cms/emdash #3298, better-auth
    #9690, TryGhost #12347)."""
    path, robot = sign_in_path(operator), Client(headers={"user-agent": "Slackbot-LinkExpanding 1.0"})
    assert [robot.head(path).status_code, robot.get(path).status_code] == [200, 200]
    assert settings.SESSION_COOKIE_NAME not in robot.cookies and robot.get("/runs/").status_code == 302
    assert not AuditEntry.objects.exists() and Client().head(path.replace("-", "x")).status_code == 410
    button = '<button class="btn primary big">Sign in</button>'
    assert button in client.get(path).text and operator.username not in client.get(path).text
    assert client.post(path).status_code == 302 and client.get("/runs/").status_code == 200


@pytest.mark.parametrize("path", ["/enter/x/y/", "/enter/MQ/x-y/", "/enter/OTk5/x-y/", "/enter/%C3%A9/y/"])
def test_a_link_that_never_was_signs_nobody_in(client, operator, path):
    assert client.get(path).status_code == 410


def test_a_closed_account_cannot_use_its_link(client, operator):
    path = sign_in_path(operator)
    operator.is_active = False
    operator.save()
    assert client.get(path).status_code == 410


def test_a_login_belongs_to_its_person(session_key, operator):
    assert person_signed_in(session_key) == operator


@pytest.mark.parametrize("key", [None, "", "x", "x" * 32])
def test_no_login_belongs_to_nobody(db, key):
    assert person_signed_in(key) is None


def test_a_login_ends_with_the_account(session_key, operator):
    operator.is_active = False
    operator.save()
    assert person_signed_in(session_key) is None


def test_a_login_ends_with_its_password(session_key, operator):
    operator.set_password("another long password")
    operator.save()
    assert person_signed_in(session_key) is None


def test_a_person_works_in_their_oldest_workspace(operator, workspace):
    newer = factories.make_workspace("Newer")
    Membership.objects.create(user=operator, workspace=newer, role="manager")
    assert membership_of(operator).workspace == workspace
    assert membership_of(operator, newer.pk).can_manage


@pytest.mark.parametrize(
    "name, letters",
    [("Mara Lindqvist", "ML"), ("admin", "AD"), ("a", "A"), ("Ana de la Cruz", "AD"), ("", "")],
)
def test_initials(name, letters):
    assert initials_of(name) == letters


class TestFirstStart:
    def test_there_is_one_workspace_and_one_administrator(self, db):
        workspace = instance.first_workspace()
        user = instance.first_administrator(workspace, username="", password="", email="")
        assert (user.username, user.has_usable_password()) == ("admin", False)
        assert membership_of(user).can_manage
        assert instance.first_workspace() == workspace
        assert instance.first_administrator(workspace, username="x", password="y", email="") is None

    def test_links_are_printed_until_an_administrator_has_signed_in(self, client, db):
        new = {"is_staff": True, "is_superuser": True}
        first = factories.make_person(username="first", **new)
        factories.make_person(username="second", **new)
        factories.make_person(username="closed", is_active=False, **new)
        assert [name for name, _ in first_links()] == ["first", "second"]
        client.get(dict(first_links())["first"])
        assert len(first_links()) == 2
        client.post(dict(first_links())["first"])
        assert first_links() == []
        first.refresh_from_db()
        assert first.last_login <= timezone.now()
        first.is_active = False
        first.save()
        assert first_links() == []

    def test_a_demo_key_has_the_documented_form(self):
        assert instance.KEY_PATTERN.fullmatch(instance.demo_key())

    def test_a_new_key_lets_asking_begin_anew(self, workspace):
        workspace.giga_account.pause("No.")
        account = instance.connect_account(
            workspace, api_url="https://a.example", api_key="k", is_simulated=False
        )
        account.refresh_from_db()
        assert account.paused_at is None and account.api_key == "k"

    def test_runs_of_another_giga_are_closed_as_lost(self, workspace):
        agent_session = factories.make_session(workspace, is_simulated=True)
        run = factories.make_run(workspace, agent_session=agent_session)
        waiting = factories.make_run(
            workspace, "queued", agent_session=factories.make_session(workspace, thread_id="")
        )
        instance.connect_account(workspace, api_url="https://a.example", api_key="k", is_simulated=False)
        run.refresh_from_db()
        waiting.refresh_from_db()
        assert (run.status, waiting.status) == ("lost", "queued")


class TestSignInLinkCommand:
    def test_it_prints_a_new_link_for_anybody_and_that_is_noted(self, client, operator):
        said = StringIO()
        call_command("sign_in_link", "olga", stdout=said)
        path = said.getvalue().strip().removeprefix(settings.SITE_ORIGINS[0])
        assert client.post(path).status_code == 302 and client.get("/runs/").status_code == 200
        assert AuditEntry.objects.get(act=Act.LINK_MADE).object == "olga"

    @pytest.mark.parametrize("name", ["nobody", "closed"])
    def test_it_knows_only_who_may_sign_in(self, db, name):
        factories.make_person(username="closed", is_active=False)
        with pytest.raises(CommandError, match="nobody who may sign in is called"):
            call_command("sign_in_link", name)
