"""The Django admin: no secret in any of its pages, and a way back for who has lost a second factor."""

import re
from types import SimpleNamespace

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from people.admin_names import COLUMNS
from people.audit import Act, AuditEntry
from people.models import Membership
from runs.status import Status
from tests import factories
from tests.canaries import PASSWORD


@pytest.fixture
def superuser(client, workspace):
    user = factories.make_person(workspace, role="manager", is_staff=True, is_superuser=True)
    factories.sign_in(client, user)
    return user


def test_what_single_sign_on_keeps_is_not_to_be_read(superuser):
    names = {model._meta.label for model in admin.site._registry}
    assert (
        names & {"socialaccount.SocialApp", "socialaccount.SocialToken", "socialaccount.SocialAccount"}
        == set()
    )


def test_a_lost_second_factor_is_taken_away_unseen(client, superuser, operator):
    lost = Authenticator.objects.create(user=operator, type="totp", data={"secret": "JBSWY3DPEHPK3PXP"})
    page = client.get(reverse("admin:mfa_authenticator_change", args=[lost.pk])).content.decode()
    assert "JBSWY3DPEHPK3PXP" not in page and str(operator) in page
    client.post(reverse("admin:mfa_authenticator_delete", args=[lost.pk]), {"post": "yes"})
    assert not Authenticator.objects.exists()


@pytest.fixture
def worker(workspace):
    return factories.make_person(workspace, username="olga", password=PASSWORD)


def sign_in_somewhere(person) -> Client:
    somewhere = Client()
    somewhere.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    return somewhere


def test_a_device_is_signed_out_there_and_its_login_is_not_shown(client, superuser, worker):
    theirs = sign_in_somewhere(worker)
    device = UserSession.objects.get(user=worker)
    page = client.get(reverse("admin:usersessions_usersession_change", args=[device.pk])).content.decode()
    assert str(worker) in page and device.session_key not in page
    client.post(reverse("admin:usersessions_usersession_delete", args=[device.pk]), {"post": "yes"})
    assert theirs.get("/runs/").status_code == 302


def test_several_devices_are_signed_out_at_once(client, superuser, worker):
    theirs = [sign_in_somewhere(worker), sign_in_somewhere(worker)]
    devices = list(UserSession.objects.filter(user=worker).values_list("pk", flat=True))
    assert len(devices) == 2
    form = {"action": "delete_selected", "_selected_action": devices, "post": "yes"}
    client.post(reverse("admin:usersessions_usersession_changelist"), form)
    assert [one.get("/runs/").status_code for one in theirs] == [302, 302]


def test_the_audit_log_is_read_and_never_written(client, superuser, worker):
    sign_in_somewhere(worker)
    assert "olga" in client.get(reverse("admin:people_auditentry_changelist")).content.decode()
    entry = AuditEntry.objects.get(actor="olga").pk
    address = reverse("admin:people_auditentry_change", args=[entry])
    assert client.get(address).status_code == 200
    assert client.post(address, {"actor": "nobody"}).status_code == 403
    assert client.post(reverse("admin:people_auditentry_delete", args=[entry])).status_code == 403
    assert AuditEntry.objects.get(pk=entry).actor == "olga"


def test_each_of_several_deleted_rows_is_noted(client, superuser, workspace):
    places = [factories.make_person(workspace).memberships.get() for _ in range(3)]
    named = sorted(str(place) for place in places)
    form = {"action": "delete_selected", "_selected_action": [place.pk for place in places], "post": "yes"}
    client.post(reverse("admin:people_membership_changelist"), form)
    assert Membership.objects.count() == 1
    noted = AuditEntry.objects.filter(act=Act.ADMIN)
    assert sorted(noted.values_list("object", flat=True)) == named
    assert set(noted.values_list("workspace_id", flat=True)) == {workspace.pk}


def test_every_action_of_the_admin_is_one_that_is_noted():
    """Django's own way to delete several rows of other models notes them in one go, which nobody hears of."""
    request = SimpleNamespace(user=get_user_model()(is_superuser=True, is_active=True), GET={})
    actions = {
        (model._meta.label, action)
        for model, its_admin in admin.site._registry.items()
        for action in its_admin.get_actions(request)
    }
    ours = ["people.Workspace", "people.Membership", "mfa.Authenticator", "usersessions.UserSession"]
    assert actions == {(model, "delete_selected") for model in ours}


def test_ones_own_password_is_changed_behind_the_same_door_as_everybodys(client, superuser):
    assert client.get("/admin/password_change/").url == reverse("account_change_password")


class TestNames:
    """What the admin calls things."""

    def test_it_is_gigawatchs_and_calls_the_log_by_its_name(self, client, superuser):
        page = client.get("/admin/").text
        assert "<title>Administration | Gigawatch</title>" in page
        assert "Audit log" in page and "entrys" not in page

    def test_no_two_statuses_are_called_alike(self, client, superuser):
        page = client.get(reverse("admin:runs_run_changelist")).text
        titles = re.findall(r'\?status__exact=\w+">\s*(.+?)</a>', page)
        assert len(titles) == len(Status) == len({*titles}) and "Ended, outcome not stated" in titles

    def test_rows_lead_to_the_pages_of_what_they_are(self, client, superuser, workspace):
        run = factories.make_run(workspace)
        rows = {
            "runs_run": (run.pk, f"/runs/{run.pk}/"),
            "runs_agentsession": (run.agent_session_id, f"/sessions/{run.agent_session_id}/"),
            "runs_runevent": (run.events.get().pk, f"/runs/{run.pk}/"),
        }
        for name, (pk, path) in rows.items():
            page = client.get(reverse(f"admin:{name}_change", args=[pk])).text
            assert f'<a href="{path}" class="viewsitelink">' in page, name

    def test_no_column_of_ours_is_called_as_the_code_calls_it(self):
        """Else it is English in German too."""
        for model, its_admin in admin.site._registry.items():
            if model._meta.app_label in ("people", "runs"):
                names = {field.name for field in model._meta.fields} - {*(its_admin.exclude or ())}
                assert names - {"id"} <= {*COLUMNS}, model
