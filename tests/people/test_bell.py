"""Who is signed out, removed or lowered loses their open pages at once, not with the next heartbeat."""

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django.urls import reverse

from people import team
from runs.models import Run
from runs.sockets import NOT_FOUND, SIGNED_OUT, STANDING_CHANGED
from tests import factories
from tests.test_sockets import opened

pytestmark = pytest.mark.django_db(transaction=True)


def sign_out(manager, operator, client):
    client.post("/accounts/logout/")


def end_from_another_device(manager, operator, client):
    other = Client()
    other.post("/accounts/login/", {"login": "olga", "password": "a long password of olga"})
    other.post("/accounts/sessions/")


def new_password(manager, operator, client):
    operator.set_password("another long password")
    operator.save()


def close_account(manager, operator, client):
    operator.is_active = False
    operator.save()


def lower_role(manager, operator, client):
    team.change_role(manager.memberships.get(), operator.memberships.get(), "viewer")


def remove(manager, operator, client):
    team.remove(manager.memberships.get(), operator.memberships.get())


def superuser() -> Client:
    client = Client()
    factories.sign_in(client, factories.make_person(is_staff=True, is_superuser=True))
    return client


def lower_role_in_the_admin(manager, operator, client):
    place = operator.memberships.get()
    form = {"user": operator.pk, "workspace": place.workspace_id, "role": "viewer"}
    superuser().post(reverse("admin:people_membership_change", args=[place.pk]), form)


def remove_in_the_admin(manager, operator, client):
    place = operator.memberships.get()
    superuser().post(reverse("admin:people_membership_delete", args=[place.pk]), {"post": "yes"})


def delete_account_in_the_admin(manager, operator, client):
    superuser().post(reverse("admin:auth_user_delete", args=[operator.pk]), {"post": "yes"})


def sign_out_in_the_admin(manager, operator, client):
    type(operator).objects.filter(pk=operator.pk).update(is_staff=True, is_superuser=True)
    client.post("/admin/logout/")


@pytest.mark.parametrize(
    "act, code",
    [
        (sign_out, SIGNED_OUT),
        (end_from_another_device, SIGNED_OUT),
        (new_password, SIGNED_OUT),
        (close_account, SIGNED_OUT),
        (lower_role, STANDING_CHANGED),
        (remove, NOT_FOUND),
        (lower_role_in_the_admin, STANDING_CHANGED),
        (remove_in_the_admin, NOT_FOUND),
        (delete_account_in_the_admin, SIGNED_OUT),
        (sign_out_in_the_admin, SIGNED_OUT),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_open_pages_close_with_the_change(act, code, caplog):
    @sync_to_async
    def begin():
        workspace = factories.make_workspace()
        manager = factories.make_person(workspace, role="manager")
        operator = factories.make_person(workspace, username="olga", password="a long password of olga")
        client = Client()
        client.post("/accounts/login/", {"login": "olga", "password": "a long password of olga"})
        return manager, operator, client, factories.make_run(workspace).pk

    manager, operator, client, run = await begin()
    pages = [await opened(path, client) for path in ("/ws/runs/", f"/ws/runs/{run}/", "/ws/wall/")]
    await sync_to_async(act)(manager, operator, client)
    assert [await page.closed_with() for page in pages] == [code] * 3
    for page in pages:
        await page.disconnect()
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


async def test_a_colleagues_change_closes_nothing_of_mine():
    @sync_to_async
    def begin():
        workspace = factories.make_workspace()
        manager = factories.make_person(workspace, role="manager")
        people = [factories.make_person(workspace) for _ in range(2)]
        client = Client()
        factories.sign_in(client, people[0])
        return manager, people, client, factories.make_run(workspace).pk

    manager, people, client, run = await begin()
    live = await opened("/ws/runs/", client)
    await sync_to_async(remove)(manager, people[1], client)
    await sync_to_async(lambda: Run.objects.get(pk=run).move_to("completed"))()
    assert (await live.receive_json())["type"] == "run.changed"
    await live.disconnect()
