"""Members and roles."""

import html
import re
import threading
from urllib.parse import urljoin

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.db import connection
from django.test import Client

from people import team
from people.audit import Act, AuditEntry
from people.models import Membership
from tests import factories

MANAGERS_ACTS = [
    "/team/invite/",
    "/team/invitations/{0}/revoke/",
    "/team/members/{0}/role/",
    "/team/members/{0}/remove/",
    "/team/key/test/",
]
MANAGERS_PAGES = ["/team/key/", "/team/limits/", "/team/settings/", "/team/audit/", "/team/audit/export/"]

# What is another on each look at a page.
CHANGING = re.compile(r'(csrfmiddlewaretoken" value|X-CSRFToken":|data-now|datetime|title)[= ]"[^"]+"')


@pytest.fixture
def client(client, manager):
    factories.sign_in(client, manager)
    return client


def place(user, workspace=None) -> Membership:
    places = Membership.objects.filter(user=user)
    return places.get(workspace=workspace) if workspace else places.get()


def test_everybody_sees_who_is_in_the_team(workspace, manager, operator, viewer, stranger):
    for user in (manager, operator, viewer):
        visitor = Client()
        visitor.force_login(user)
        page = visitor.get("/team/")
        assert [member.user for member in page.context["members"]] == [manager, operator, viewer]
        assert b"stella" not in page.content


def test_the_list_asks_as_many_queries_for_three_members_as_for_one(
    client, workspace, manager, django_assert_num_queries
):
    client.get("/team/")
    with django_assert_num_queries(7):
        client.get("/team/")
    for _ in range(2):
        factories.make_person(workspace)
    with django_assert_num_queries(7):
        client.get("/team/")


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_managers_open_managers_pages_and_refusals_are_noted(workspace, role):
    user, visitor = factories.make_person(workspace, role=role), Client()
    factories.sign_in(visitor, user)
    for path in MANAGERS_PAGES:
        assert visitor.get(path).status_code == 403, path
    for path in MANAGERS_ACTS:
        assert visitor.post(path.format(place(user).pk), {"role": "manager"}).status_code == 403, path
    assert place(user).role == role
    assert AuditEntry.objects.filter(act=Act.REFUSED).count() == len(MANAGERS_PAGES) + len(MANAGERS_ACTS)


def test_a_manager_changes_a_role(client, operator):
    client.post(f"/team/members/{place(operator).pk}/role/", {"role": "viewer"})
    assert place(operator).role == "viewer"
    entry = AuditEntry.objects.get(act=Act.ROLE_CHANGED)
    assert (entry.actor, entry.object) == ("mona", "olga")
    assert (entry.before, entry.after) == ({"role": "operator"}, {"role": "viewer"})


def test_what_was_done_is_said(client, operator, workspace, manager):
    invitation, _token = team.invite(place(manager), role="viewer")
    member = place(operator)
    for path, said in {
        f"/team/members/{member.pk}/role/": "olga has the role Viewer now.",
        f"/team/members/{member.pk}/remove/": "olga is no member any more.",
        f"/team/invitations/{invitation.pk}/revoke/": "The invitation is revoked",
    }.items():
        assert said in client.post(path, {"role": "viewer"}, follow=True).content.decode()
    again = client.post(f"/team/invitations/{invitation.pk}/revoke/", follow=True)
    assert b"This invitation is over" in again.content


@pytest.mark.parametrize("role", ["", "owner", "x" * 300])
def test_a_role_that_does_not_exist_changes_nothing(client, operator, role):
    client.post(f"/team/members/{place(operator).pk}/role/", {"role": role})
    assert place(operator).role == "operator"


def test_a_removed_member_sees_nothing_and_what_they_did_keeps_their_name(client, workspace, operator):
    run = factories.make_run(workspace, by=operator)
    visitor = Client()
    visitor.force_login(operator)
    assert visitor.get(f"/runs/{run.pk}/").status_code == 200
    client.post(f"/team/members/{place(operator).pk}/remove/")
    assert visitor.get(f"/runs/{run.pk}/").status_code == 403
    assert visitor.get("/runs/").status_code == 403
    assert b"olga" in client.get(f"/runs/{run.pk}/").content


def test_a_lowered_role_counts_from_the_next_request_on(client, operator):
    visitor = Client()
    visitor.force_login(operator)
    assert visitor.get("/runs/new/").status_code == 200
    client.post(f"/team/members/{place(operator).pk}/role/", {"role": "viewer"})
    assert visitor.post("/runs/new/", {}).status_code == 403


@pytest.mark.parametrize("act", ["role", "remove"])
def test_the_last_manager_stays(client, manager, operator, act):
    page = client.post(f"/team/members/{place(manager).pk}/{act}/", {"role": "viewer"}, follow=True)
    assert b"A workspace needs a manager" in page.content
    assert place(manager).role == "manager"


def test_a_manager_with_a_closed_account_is_not_one_who_could_take_over(client, workspace, manager):
    factories.make_person(workspace, role="manager", is_active=False)
    client.post(f"/team/members/{place(manager).pk}/role/", {"role": "viewer"})
    assert place(manager).role == "manager"


def test_members_of_another_team_are_not_there(client, stranger):
    theirs = place(stranger).pk
    assert client.post(f"/team/members/{theirs}/role/", {"role": "viewer"}).status_code == 404
    assert client.post(f"/team/members/{theirs}/remove/").status_code == 404
    assert place(stranger).role == "manager"


@pytest.mark.django_db(transaction=True)
def test_of_two_managers_who_remove_each_other_at_once_one_stays():
    workspace = factories.make_workspace()
    people = [factories.make_person(workspace, role="manager") for _ in range(2)]
    places = [place(user) for user in people]
    at_once, said = threading.Barrier(2), []

    def remove(me, other):
        try:
            at_once.wait(10)
            team.remove(me, other)
        except team.NotPossible as error:
            said.append(str(error))
        finally:
            connection.close()

    pairs = [(places[0], places[1]), (places[1], places[0])]
    threads = [threading.Thread(target=remove, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert Membership.objects.filter(workspace=workspace, role="manager").count() == 1
    assert said == ["You are not a manager any more."]


def asks_first(client, path: str, link: str) -> bool:
    """Whether this link on the page leads first to where one shows who one is."""
    answer = client.get(urljoin(path, html.unescape(re.search(r'href="([^"]*)"', link)[1])))
    return answer.headers.get("Location", "").startswith("/accounts/reauthenticate/")


class TestStepUp:
    """After five minutes the password is asked for again."""

    def test_members_are_not_changed_by_an_old_login(self, client, manager, operator):
        factories.sign_in(client, manager, seconds_ago=301)
        answer = client.post(f"/team/members/{place(operator).pk}/role/", {"role": "viewer"})
        assert answer.url == "/accounts/reauthenticate/?next=%2Fteam%2F"
        assert place(operator).role == "operator"

    @pytest.mark.parametrize("path", ["/team/", "/team/key/", "/team/settings/", "/team/limits/"])
    def test_an_old_login_is_shown_what_it_may_do(self, client, manager, operator, path):
        factories.sign_in(client, manager)
        fresh = CHANGING.sub("", client.get(path).text)
        factories.sign_in(client, manager, seconds_ago=301)
        assert CHANGING.sub("", client.get(path).text) == fresh

    def test_who_has_just_shown_who_they_are_is_asked_nothing(self, client, manager):
        factories.sign_in(client, manager)
        assert client.get("/confirm/").content == b""

    def test_an_old_login_is_asked_in_place_and_a_wrong_password_confirms_nothing(self, client, manager):
        factories.sign_in(client, manager, seconds_ago=301)
        assert 'name="password"' in client.get("/confirm/").text
        client.post("/accounts/reauthenticate/", {"password": "another password"})
        assert "That was not right" in client.get("/confirm/?tried").text
        client.post("/accounts/reauthenticate/", {"password": "a long password of mona"})
        assert client.get("/confirm/?tried").content == b""

    def test_the_box_has_every_way_to_show_it(self, client, manager):
        TOTP.activate(manager, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
        factories.sign_in(client, manager, seconds_ago=301)
        box = client.get("/confirm/").text
        assert 'name="password"' in box and 'name="code"' in box and 'name="credential"' not in box
        newcomer = factories.make_person(manager.memberships.get().workspace, username="nina")
        factories.sign_in(client, newcomer, seconds_ago=301)
        assert "manage.py sign_in_link nina" in client.get("/confirm/").text

    @pytest.mark.parametrize("path", ["/accounts/2fa/", "/accounts/2fa/webauthn/", "/team/audit/"])
    def test_a_link_to_what_asks_first_is_marked_to_ask_in_place(self, client, manager, path):
        TOTP.activate(manager, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
        factories.sign_in(client, manager, seconds_ago=301)
        page = client.get(path).text
        links = re.findall(r"<a [^>]*>", page[page.index("<main") : page.index("</main>")])
        asking = [link for link in links if asks_first(client, path, link)]
        assert asking and all("data-asks" in link for link in asking)
        assert [link for link in links if "data-asks" in link] == asking

    def test_the_log_as_a_file_asks_first(self, client, manager):
        factories.sign_in(client, manager, seconds_ago=301)
        assert client.get("/team/audit/export/").url.startswith("/accounts/reauthenticate/")

    def test_a_key_sent_too_late_is_kept_nowhere(self, client, manager, workspace):
        factories.sign_in(client, manager, seconds_ago=301)
        client.post("/team/key/", {"api_key": "giga_sk_" + "c" * 32})
        assert "giga_sk_ccc" not in str(dict(client.session))
        assert workspace.giga_account.api_key == factories.KEY
