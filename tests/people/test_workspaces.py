"""A person in two workspaces sees one of them at a time, and no trace of the other."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from people.audit import Act, AuditEntry
from people.models import Membership, Workspace, membership_of
from runs.models import AgentSession, Run
from tests import factories


@pytest.fixture
def other(operator):
    other = factories.make_workspace("Beta Lab")
    Membership.objects.create(user=operator, workspace=other, role="manager")
    return other


@pytest.fixture
def client(client, operator):
    factories.sign_in(client, operator)
    return client


def switch(client, workspace, **fields):
    return client.post("/workspaces/switch/", {"workspace": workspace.pk, **fields})


def test_the_chosen_workspace_is_remembered_for_the_person(client, operator, workspace, other):
    assert membership_of(operator).workspace == workspace
    assert switch(client, other).url == "/runs/"
    assert membership_of(operator).workspace == other
    elsewhere = Client()
    elsewhere.force_login(operator)
    assert elsewhere.get("/runs/").context["workspace"] == other


def test_one_does_not_switch_to_a_workspace_of_others(client, operator, workspace, stranger):
    theirs = stranger.memberships.get().workspace
    for value in (theirs.pk, 999999, "", "x", "9" * 40, "²"):
        assert client.post("/workspaces/switch/", {"workspace": value}).status_code == 404, value
    assert membership_of(operator).workspace == workspace


@pytest.mark.parametrize(
    "onward, goes_to",
    [
        ("/sessions/", "/sessions/"),
        ("https://evil.example/", "/runs/"),
        ("//evil.example", "/runs/"),
        ("a-word", "/runs/"),
        ("run-detail", "/runs/"),
        ("", "/runs/"),
    ],
)
def test_after_switching_one_goes_on_within_this_site(client, other, onward, goes_to):
    assert switch(client, other, next=onward).url == goes_to


def test_nothing_of_one_shows_in_the_other(client, operator, workspace, other):
    runs = {
        place: factories.make_run(place, by=operator, prompt=f"Count the {animal}")
        for place, animal in ((workspace, "zebras"), (other, "lions"))
    }
    paths = ["/runs/", "/sessions/", "/team/", "/runs/?q=count"]
    for place, seen, unseen in ((workspace, b"zebras", b"lions"), (other, b"lions", b"zebras")):
        switch(client, place)
        assert list(Run.objects.visible_to(operator)) == [runs[place]]
        assert list(AgentSession.objects.visible_to(operator)) == [runs[place].agent_session]
        assert seen in client.get("/runs/").content
        for path in paths:
            page = client.get(path).content
            assert unseen not in page, path
            hidden = other if place == workspace else workspace
            assert hidden.name.encode() not in page, path


def test_a_link_to_the_other_workspace_is_not_found_and_says_where_it_may_be(
    client, operator, workspace, other
):
    run = factories.make_run(other, by=operator)
    path = f"/runs/{run.pk}/"
    there, absent = client.get(path), client.get("/runs/999999/")
    assert there.status_code == absent.status_code == 404
    assert there.content.replace(path.encode(), b"") == absent.content.replace(b"/runs/999999/", b"")
    assert b"another of your workspaces" in there.content
    answer = switch(client, other, next=path)
    assert client.get(answer.url).status_code == 200


def test_somebody_in_one_workspace_is_told_of_no_others(client, workspace):
    assert b"another of your workspaces" not in client.get("/runs/999999/").content


def test_a_workspace_one_was_removed_from_is_left(client, operator, workspace, other):
    switch(client, other)
    Membership.objects.filter(user=operator, workspace=other).delete()
    assert client.get("/runs/").context["workspace"] == workspace


class TestMaking:
    def test_by_default_only_administrators_make_workspaces(self, client, operator):
        assert client.post("/workspaces/new/", {"name": "Mine"}).status_code == 403
        assert not Workspace.objects.filter(name="Mine").exists()
        operator.is_superuser = True
        operator.save()
        assert client.post("/workspaces/new/", {"name": "Mine"}).url == "/team/"

    def test_where_anyone_may_the_maker_manages_it_and_works_in_it(self, client, operator, settings):
        settings.WORKSPACE_CREATION = "anyone"
        client.post("/workspaces/new/", {"name": "Mine"})
        membership = membership_of(operator)
        assert (membership.workspace.name, membership.role) == ("Mine", "manager")
        assert not hasattr(membership.workspace, "giga_account")
        assert AuditEntry.objects.get(act=Act.WORKSPACE_MADE).workspace_id == membership.workspace_id

    def test_an_administrator_makes_none_without_the_factor_that_one_asks_for(self, client, operator, other):
        operator.is_superuser = True
        operator.save()
        Workspace.objects.filter(pk=other.pk).update(needs_second_factor=True)
        for ask in (client.get, client.post):
            assert ask("/workspaces/new/", {"name": "Mine"}).url == "/accounts/2fa/"
        assert not Workspace.objects.filter(name="Mine").exists()
        TOTP.activate(operator, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
        assert client.post("/workspaces/new/", {"name": "Mine"}).url == "/team/"

    @pytest.mark.parametrize("name", ["", "   ", "x" * 81])
    def test_a_bad_name_comes_back_with_a_sentence(self, client, settings, name):
        settings.WORKSPACE_CREATION = "anyone"
        page = client.post("/workspaces/new/", {"name": name})
        assert page.status_code == 422 and b"field-error" in page.content

    def test_a_manager_renames_it(self, client, other):
        switch(client, other)
        client.post("/team/settings/", {"name": "Gamma"})
        other.refresh_from_db()
        assert other.name == "Gamma"
        entry = AuditEntry.objects.get(act=Act.WORKSPACE_CHANGED)
        assert (entry.before, entry.after) == ({"name": "Beta Lab"}, {"name": "Gamma"})
