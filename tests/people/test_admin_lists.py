"""Lists of the admin take as many queries for three rows as for one."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from people.audit import Act, audit
from runs.status import Status
from tests import factories

LISTS = sorted(model._meta.label for model in admin.site._registry)


def add_one_of_each(number: int) -> None:
    """A team of its own, so that no row shares what it names with another."""
    workspace = factories.make_workspace(f"Team {number}")
    person = factories.make_person(workspace, role="manager", email=f"{number}@example.com")
    Group.objects.create(name=f"Group {number}")
    EmailAddress.objects.create(user=person, email=f"{number}@example.com")
    Authenticator.objects.create(user=person, type="totp", data={})
    UserSession.objects.create(user=person, ip="192.0.2.1", session_key=f"{number}", user_agent="x", data={})
    audit(person, Act.INVITED, f"{number}", workspace=workspace)
    run = factories.make_run(workspace, Status.RUNNING, by=person)
    run.judge("achieved", by=person)
    run.tag(["one"], by=person)


def queries_of_lists(client) -> dict[str, int]:
    counts = {}
    for label in LISTS:
        with CaptureQueriesContext(connection) as queries:
            path = reverse(f"admin:{label.lower().replace('.', '_')}_changelist")
            assert client.get(path).status_code == 200, label
        counts[label] = len(queries)
    return counts


def test_three_rows_take_as_many_queries_as_one(client, db):
    factories.sign_in(client, factories.make_person(is_staff=True, is_superuser=True))
    add_one_of_each(1)
    queries_of_lists(client)  # warms up
    of_one = queries_of_lists(client)
    add_one_of_each(2)
    add_one_of_each(3)
    assert queries_of_lists(client) == of_one and len(of_one) >= 12


def add_member(workspace, run):
    factories.make_person(workspace)


def add_run(workspace, run):
    by = factories.make_person()
    factories.make_run(workspace, Status.COMPLETED, agent_session=run.agent_session, by=by)


def add_event(workspace, run):
    run.write_note("Look at this.", by=factories.make_person())


@pytest.mark.parametrize(
    "model, add",
    [("people_workspace", add_member), ("runs_agentsession", add_run), ("runs_run", add_event)],
)
def test_a_page_with_three_rows_below_takes_as_many_queries_as_with_one(client, workspace, model, add):
    run = factories.make_run(workspace, Status.COMPLETED, by=factories.make_person())
    factories.sign_in(client, factories.make_person(is_staff=True, is_superuser=True))
    ids = {"people_workspace": workspace.pk, "runs_agentsession": run.agent_session_id, "runs_run": run.pk}
    path = reverse(f"admin:{model}_change", args=[ids[model]])
    client.get(path)
    counts = []
    for more in (1, 2):
        for _ in range(more):
            add(workspace, run)
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        counts.append(len(queries))
    assert counts[0] == counts[1], [query["sql"][:150] for query in queries]
