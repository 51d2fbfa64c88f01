"""An old login is asked again for what changes how one signs in, and for what gives away power or money."""

import time
import uuid

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from people.models import Membership, Workspace
from people.permissions import MANAGE, declared
from people.reauthentication import OPEN_TO_OLD_LOGINS, READ_BY_OLD_LOGINS
from runs.models import Run
from tests import factories
from tests.test_access_matrix import patterns
from tests.test_launching import CONFIGURATION

pytestmark = pytest.mark.any_database

PASSWORD = "a long password of mona"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
LONG_AGO = 301
AGAIN = "/accounts/reauthenticate/"
# What only managers change, and what is shown to nobody who has not just confirmed who they are.
POWERS = {
    "team-invite",
    "team-revoke",
    "team-role",
    "team-remove",
    "team-settings",
    "team-limits",
    "team-key",
    "team-key-test",
}
READ_ANEW = {
    "team-audit-export",
    "workspace-new",
    "account_email",
}


@pytest.fixture
def person(manager):
    """A manager with everything that one can sign in with."""
    TOTP.activate(manager, SECRET)
    RecoveryCodes.activate(manager)
    Authenticator.objects.create(user=manager, type="webauthn", data={"name": "Key", "credential": {}})
    SocialAccount.objects.create(user=manager, provider="sso", uid="https://login.example#1")
    EmailAddress.objects.create(user=manager, email="mona@example.com", verified=True, primary=True)
    get_user_model().objects.filter(pk=manager.pk).update(email="mona@example.com")
    return manager


@pytest.fixture
def old(client, person):
    factories.sign_in(client, person, seconds_ago=LONG_AGO)
    return client


def kept(person) -> list:
    """All by which this person signs in."""
    tables = [Authenticator, SocialAccount, EmailAddress]
    rows = [list(table.objects.filter(user=person).order_by("pk").values()) for table in tables]
    return [get_user_model().objects.values("password", "email").get(pk=person.pk), *rows]


def routes_of_allauth():
    for route, pattern in patterns():
        if route.startswith("accounts/") and pattern.name and pattern.name not in OPEN_TO_OLD_LOGINS:
            yield pattern.name, "/" + route.replace("<int:pk>", "{key}")


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "delete"])
def test_every_page_on_signing_in_asks_an_old_login(old, person, method):
    """Those that allauth's next version brings, too: what is not named as open asks."""
    key, before = Authenticator.objects.get(type="webauthn").pk, kept(person)
    asked = set()
    for name, address in routes_of_allauth():
        if method in ("get", "head") and name in READ_BY_OLD_LOGINS:
            continue
        form = {"email": "thief@example.com", "action_add": "", "password1": PASSWORD, "password2": PASSWORD}
        answer = getattr(old, method)(address.format(key=key), form if method == "post" else None)
        assert (answer.status_code, answer.url.partition("?")[0]) == (302, AGAIN), name
        asked.add(name)
    assert kept(person) == before
    named = {"account_email", "account_change_password", "account_set_password", "mfa_activate_totp"}
    named |= {"mfa_deactivate_totp", "mfa_add_webauthn", "mfa_remove_webauthn", "mfa_edit_webauthn"}
    named |= {"mfa_generate_recovery_codes", "mfa_view_recovery_codes", "mfa_download_recovery_codes"}
    assert asked >= named


def test_what_is_left_open_is_there_at_all():
    names = {pattern.name for _, pattern in patterns()}
    assert names >= OPEN_TO_OLD_LOGINS | READ_BY_OLD_LOGINS


@pytest.mark.parametrize("typed", [{"oldpassword": PASSWORD, "password1": "x" * 20}, {"password1": "y" * 20}])
def test_what_was_typed_is_not_kept_meanwhile(old, typed):
    old.post("/accounts/password/change/", typed)
    for login in Session.objects.all():
        assert not set(typed.values()) & set(str(login.get_decoded()).split("'"))


class TestPowers:
    def test_every_act_of_managers_asks_an_old_login(self, stage):
        """A page for managers that is added asks too, without saying so."""
        client = stage.client_of("manager")
        session = client.session
        session["account_authentication_methods"][0]["at"] -= LONG_AGO
        session.save()
        asked = set()
        for route, pattern in patterns():
            if declared(pattern.callback, route) is MANAGE and pattern.name != "team-audit":
                method = "GET" if pattern.name == "team-audit-export" else "POST"
                answer = stage.ask(client, pattern.name, method, stage.ids)
                assert answer.status_code == 302 and answer.url.startswith(AGAIN), pattern.name
                asked.add(pattern.name)
        assert asked == POWERS | {"team-audit-export"}

    def test_pages_on_which_something_is_typed_ask_before(self, old, settings):
        settings.WORKSPACE_CREATION = "anyone"
        for name in READ_ANEW:
            path = reverse(name)
            assert old.get(path).url == f"{AGAIN}?next={path.replace('/', '%2F')}", name

    def test_a_workspace_is_not_made_by_an_old_login(self, old, settings):
        settings.WORKSPACE_CREATION = "anyone"
        assert old.post("/workspaces/new/", {"name": "Mine"}).url.startswith(AGAIN)
        assert Workspace.objects.count() == 1

    def test_limits_are_not_lifted_by_an_old_login(self, old, workspace):
        assert old.post("/team/limits/", {"active_runs": ""}).url.startswith(AGAIN)

    def test_an_old_login_does_not_go_over_a_limit(self, client, workspace, manager):
        Workspace.objects.filter(pk=workspace.pk).update(launches_a_minute=0)
        form = {**CONFIGURATION, "launch_token": uuid.uuid4(), "user_prompt": "Count lions", "go_over": "1"}
        factories.sign_in(client, manager, seconds_ago=LONG_AGO)
        page = client.post("/runs/new/", form)
        assert page.status_code == 422 and b"Count lions" in page.content and AGAIN.encode() in page.content
        assert not Run.objects.exists()
        factories.sign_in(client, manager)
        assert client.post("/runs/new/", form).status_code == 302

    def test_a_form_that_a_page_sends_by_itself_is_led_there_whole(self, old):
        here = {"HX-Request": "true", "HX-Current-URL": "http://testserver/team/settings/"}
        answer = old.post("/team/settings/", {"name": "Other"}, headers=here)
        assert answer["HX-Redirect"] == f"{AGAIN}?next=%2Fteam%2Fsettings%2F"


class TestWhatShowsWhoOneIs:
    @pytest.mark.parametrize(
        "record, is_enough",
        [
            ({"method": "password"}, True),
            ({"method": "mfa", "type": "totp"}, True),
            ({"method": "mfa", "type": "webauthn", "passwordless": True}, True),
            ({"method": "link"}, True),
            ({"method": "socialaccount"}, False),
            ({"method": "socialaccount", "reauthenticated": True}, True),
            ({"method": "password_reset"}, False),
            ({}, False),
        ],
        ids=str,
    )
    def test_a_way_in_is_enough_or_not(self, client, manager, record, is_enough):
        factories.sign_in(client, manager)
        session = client.session
        session["account_authentication_methods"] = [{**record, "at": time.time()}]
        session.save()
        assert client.post("/team/key/test/").url.startswith(AGAIN) != is_enough

    def test_who_has_nothing_to_confirm_by_is_told_how_to_come_anew(self, client, workspace):
        person = factories.make_person(workspace, role="manager", username="nina")
        factories.sign_in(client, person, seconds_ago=LONG_AGO)
        for page in (client.post("/team/key/"), client.get("/accounts/password/set/")):
            assert page.status_code == 403 and b"manage.py sign_in_link nina" in page.content
        new = {"password1": PASSWORD, "password2": PASSWORD}
        assert client.post("/accounts/password/set/", new).status_code == 403
        person.refresh_from_db()
        assert not person.has_usable_password()


class TestAdministrators:
    @pytest.fixture
    def root(self, workspace):
        new = {"is_staff": True, "is_superuser": True}
        return factories.make_person(workspace, username="root", password=PASSWORD, **new)

    def login(self, root, seconds_ago: int) -> Client:
        client = Client()
        factories.sign_in(client, root, seconds_ago=seconds_ago)
        return client

    def test_an_old_login_changes_nothing_in_the_admin(self, root, operator):
        client, place = self.login(root, LONG_AGO), operator.memberships.get()
        paths = [
            reverse("admin:auth_user_change", args=[operator.pk]),
            reverse("admin:auth_user_password_change", args=[operator.pk]),
            reverse("admin:people_membership_add"),
            reverse("admin:people_membership_delete", args=[place.pk]),
        ]
        for path in paths:
            for ask in (client.get, client.post):
                assert ask(path).url.startswith(AGAIN), path
        chosen = {"action": "delete_selected", "_selected_action": [place.pk], "post": "yes"}
        assert client.post(reverse("admin:people_membership_changelist"), chosen).url.startswith(AGAIN)
        assert Membership.objects.filter(pk=place.pk).exists()

    @pytest.mark.parametrize("seconds_ago, is_in", [(1799, True), (1801, False)])
    def test_the_admin_is_entered_anew_after_half_an_hour(self, root, seconds_ago, is_in):
        answers = [self.login(root, seconds_ago).get(f"/admin/{page}") for page in ("", "auth/user/")]
        assert [answer.status_code == 200 for answer in answers] == [is_in, is_in]

    def test_one_may_sign_out_of_it_at_any_time(self, root):
        assert self.login(root, 10_000).post("/admin/logout/").status_code == 200

    def test_they_need_a_second_factor_as_soon_as_one_workspace_asks_for_one(self, root):
        client = self.login(root, 0)
        assert client.get("/admin/").status_code == 200
        factories.make_workspace("Strict")
        Workspace.objects.filter(name="Strict").update(needs_second_factor=True)
        for path in ("/admin/", "/admin/auth/user/"):
            assert client.get(path).url == "/accounts/2fa/"
        assert b"Administrators need a second factor" in client.get("/accounts/2fa/").content
        TOTP.activate(root, SECRET)
        assert client.get("/admin/").status_code == 200
