"""How long a login lasts: while it is used, and no longer than it may."""

import json
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people.bell import ring_for
from people.sessions import person_signed_in
from runs.consumers import SIGNED_OUT
from tests import factories
from tests.test_sockets import opened

pytestmark = pytest.mark.any_database

LIVE_PARTS = {"X-Live-Parts": "1"}


@pytest.fixture
def pass_time(monkeypatch):
    """The clock, put forward."""
    now, passed = timezone.now, timedelta()
    monkeypatch.setattr("django.utils.timezone.now", lambda: now() + passed)

    def put_forward(**units):
        nonlocal passed
        passed += timedelta(**units)

    return put_forward


@pytest.fixture
def signed_in(operator):
    client = Client()
    client.force_login(operator)
    return client


def is_in(client) -> bool:
    return person_signed_in(client.session.session_key) is not None


def test_a_login_nobody_uses_ends_after_eight_hours(signed_in, pass_time):
    pass_time(hours=7, minutes=59)
    assert is_in(signed_in)
    pass_time(minutes=2)
    assert not is_in(signed_in)
    assert signed_in.get("/runs/").url == "/accounts/login/?next=/runs/"


@pytest.mark.long
def test_one_that_is_used_lasts_and_after_seven_days_it_is_over_all_the_same(signed_in, pass_time):
    for _ in range(23):
        pass_time(hours=7)
        assert signed_in.get("/runs/").status_code == 200
    pass_time(hours=6, minutes=59)
    assert is_in(signed_in)
    pass_time(minutes=2)
    assert not is_in(signed_in)


def test_both_limits_are_settings(signed_in, pass_time, settings):
    settings.SESSION_IDLE_HOURS, settings.SESSION_DAYS = 1, 2
    signed_in.get("/runs/")
    signed_in.force_login(signed_in.get("/runs/").wsgi_request.user)
    pass_time(minutes=61)
    assert not is_in(signed_in)


def test_a_page_that_catches_up_by_itself_does_not_use_it(signed_in, pass_time, workspace):
    run = factories.make_run(workspace)
    pass_time(hours=7)
    for path in ("/runs/", f"/runs/{run.pk}/", "/wall/"):
        assert signed_in.get(path, headers=LIVE_PARTS).status_code == 200
    pass_time(hours=2)
    assert not is_in(signed_in)


def test_other_things_written_into_it_do_not_let_it_last_longer_than_it_may(signed_in, pass_time):
    for _ in range(24):
        pass_time(hours=7)
        session = signed_in.session
        session["anything"] = "else"
        session.save()
    pass_time(minutes=1)
    assert not is_in(signed_in)


def test_signing_in_anew_begins_anew(client, manager, pass_time):
    for _ in range(2):
        client.post("/accounts/login/", {"login": "mona", "password": "a long password of mona"})
        assert is_in(client)
        pass_time(hours=9)
        assert not is_in(client)


def test_it_is_written_down_now_and_then_and_not_with_every_page(signed_in, pass_time):
    def writes() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert signed_in.get("/runs/").status_code == 200
        return len([query for query in asked if query["sql"].startswith("UPDATE")])

    writes()
    assert writes() == 0
    pass_time(minutes=6)
    assert (writes(), writes()) == (1, 0)


def test_what_is_over_is_not_brought_back_by_a_late_page(signed_in, operator):
    request = signed_in.get("/runs/").wsgi_request
    signed_in.post("/accounts/logout/")
    request.session.is_used()
    assert not Session.objects.exists()


@sync_to_async
def begin():
    workspace = factories.make_workspace()
    person, client = factories.make_person(workspace), Client()
    client.force_login(person)
    return person, client, factories.make_run(workspace).pk


async def beat(live, person) -> str | int:
    """The kind of what an open page is told when it is looked at, or the code it is closed with."""
    await sync_to_async(ring_for)(person.pk)
    message = await live.receive_output()
    return message.get("code") or json.loads(message["text"])["type"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "path, stays",
    [("/ws/runs/", False), ("/ws/runs/{run}/", False), ("/ws/wall/", False), ("/ws/wall/?kiosk=True", True)],
)
async def test_an_open_page_goes_with_its_login_but_a_wall_in_kiosk_mode_keeps_it(path, stays, pass_time):
    person, client, run = await begin()
    live = await opened(path.format(run=run), client)
    pass_time(hours=7)
    assert await beat(live, person) == "heartbeat"
    pass_time(hours=2)
    assert await beat(live, person) == ("heartbeat" if stays else SIGNED_OUT)
    await live.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_a_wall_in_kiosk_mode_keeps_its_login_for_seven_days(pass_time):
    person, client, _run = await begin()
    live = await opened("/ws/wall/?kiosk=True", client)
    for _ in range(23):
        pass_time(hours=7)
        assert await beat(live, person) == "heartbeat"
    pass_time(hours=8)
    assert await beat(live, person) == SIGNED_OUT
    await live.disconnect()


def test_a_wall_in_kiosk_mode_tells_its_socket_so(signed_in):
    path = 'hx-ws:connect="/ws/wall/?{}"'
    assert path.format("kiosk=1") in signed_in.get("/wall/?layout=3x3&kiosk=1").content.decode()
    assert path.format("") in signed_in.get("/wall/?layout=3x3").content.decode()
