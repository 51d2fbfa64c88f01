"""Doors: the one-time link, and whose login it still is."""

import pytest
from django.conf import settings
from django.test import Client

from people.links import sign_in_path
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
    assert client.get(path).url == "/"
    assert client.get("/runs/").status_code == 200
    assert Client().get(path).status_code == 410


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
