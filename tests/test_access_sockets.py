"""Sockets of the access matrix: who is let in, for how long, and how often at once."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import websockets
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model

from people import team
from runs import consumers, desktop_door
from runs.models import Run
from runs.routing import desktop_sockets, live_sockets
from runs.sockets import CROWDED, NO_DESKTOP
from tests import factories
from tests.access import MATRIX, WHO
from tests.asgi_socket import Socket
from tests.test_sockets import opened, sign_in, socket

pytestmark = pytest.mark.django_db(transaction=True)

FIRST_BYTES = b"RFB 003.008\n"


@asynccontextmanager
async def desktop_of(run):
    """A desktop that says the first word of RFB and then waits; its address is that of the run."""

    async def greet(connection):
        await connection.send(FIRST_BYTES)
        await connection.wait_closed()

    async with websockets.serve(greet, "127.0.0.1", 0, subprotocols=["binary"]) as server:
        port = server.sockets[0].getsockname()[1]
        await sync_to_async(show)(run, f"ws://127.0.0.1:{port}/")
        yield


def show(run, url: str) -> None:
    sealed = run.sealed("desktop_url", url)
    Run.objects.filter(pk=run.pk).update(sealed_desktop_url=sealed, desktop_kind="stream")


@pytest.fixture
def cast():
    workspace = factories.make_workspace()
    people = {
        "viewer": factories.make_person(workspace, role="viewer"),
        "operator": factories.make_person(workspace, username="olga"),
        "manager": factories.make_person(workspace, role="manager"),
        "stranger": factories.make_person(factories.make_workspace("Other team"), role="manager"),
        "removed": factories.make_person(workspace, role="manager"),
    }
    clients = {who: sign_in(person) for who, person in people.items()}
    get_user_model().objects.filter(pk=people["removed"].pk).update(is_active=False)
    return {"run": factories.make_run(workspace), "people": people, "clients": clients}


def desktop_address(cast, who: str) -> str:
    """Where this person's viewer would look, had they been given a token."""
    if who not in cast["clients"]:
        return "/ws/desktop/x/"
    login = cast["clients"][who].cookies[settings.SESSION_COOKIE_NAME].value
    return f"/ws/desktop/{desktop_door.token_for(login, cast['run'])}/"


async def answer_of(live: Socket) -> str:
    """As the matrix says it."""
    if not await live.connect():
        return "refused"
    message = await live.receive_output()
    if message["type"] == "websocket.close":
        return str(message["code"])
    assert message.get("bytes") == FIRST_BYTES or '"hello"' in message["text"]
    await live.disconnect()
    return "open"


@pytest.mark.any_database
@pytest.mark.parametrize("path", MATRIX["sockets"])
async def test_each_socket_lets_in_whom_the_matrix_names(cast, path):
    async with desktop_of(cast["run"]):
        answers = []
        for who in WHO:
            address = "/" + path.replace("<int:pk>", str(cast["run"].pk)) or "/nothing/"
            if "desktop" in path:
                live = socket(desktop_address(cast, who), origin="null")
            else:
                live = socket(address, cast["clients"].get(who))
            answers.append(await answer_of(live))
        assert answers == MATRIX["sockets"][path].split()


def test_every_socket_says_who_may_open_it():
    for pattern in [*live_sockets, *desktop_sockets]:
        assert pattern.callback.consumer_class.permission is not None, pattern


async def test_a_socket_that_says_nothing_is_open_to_nobody(cast, monkeypatch):
    monkeypatch.setattr(consumers.RunListConsumer, "permission", None)
    assert await answer_of(socket("/ws/runs/", cast["clients"]["manager"])) == "4404"


def sign_out(cast):
    cast["clients"]["operator"].post("/accounts/logout/")


def remove(cast):
    team.remove(cast["people"]["manager"].memberships.get(), cast["people"]["operator"].memberships.get())


def lower_role(cast):
    manager, operator = cast["people"]["manager"], cast["people"]["operator"]
    team.change_role(manager.memberships.get(), operator.memberships.get(), "viewer")


def close_account(cast):
    cast["people"]["operator"].is_active = False
    cast["people"]["operator"].save()


@asynccontextmanager
async def watched(cast):
    """The operator's open view of the desktop."""
    async with desktop_of(cast["run"]):
        live = socket(desktop_address(cast, "operator"), origin="null")
        assert await live.connect()
        assert (await live.receive_output())["bytes"] == FIRST_BYTES
        yield live
        await live.disconnect()


@pytest.mark.parametrize("act", [sign_out, remove, lower_role, close_account], ids=lambda act: act.__name__)
async def test_an_open_desktop_ends_with_what_opened_it(cast, act, caplog):
    async with watched(cast) as live:
        await sync_to_async(act)(cast)
        assert await live.closed_with() == NO_DESKTOP
        assert await answer_of(socket(desktop_address(cast, "operator"), origin="null")) == str(NO_DESKTOP)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_an_open_desktop_ends_though_no_bell_rang(cast, monkeypatch):
    monkeypatch.setattr("runs.desktop_consumer.HEARTBEAT_S", 0.05)
    async with watched(cast) as live:
        await sync_to_async(cast["people"]["operator"].memberships.update)(role="viewer")
        assert await live.closed_with() == NO_DESKTOP


async def test_a_colleague_who_leaves_takes_no_desktop_away(cast):
    async with watched(cast) as live:
        await sync_to_async(cast["clients"]["viewer"].post)("/accounts/logout/")
        assert await live.receive_nothing(timeout=0.3)


async def test_a_person_has_so_many_sockets_and_no_more(cast, monkeypatch):
    monkeypatch.setattr("runs.sockets.MOST_SOCKETS", 2)
    olga, manager = cast["clients"]["operator"], cast["clients"]["manager"]
    first, second = await opened("/ws/runs/", olga), await opened("/ws/wall/", olga)
    assert await answer_of(socket("/ws/runs/", olga)) == str(CROWDED)
    async with desktop_of(cast["run"]):
        assert await answer_of(socket(desktop_address(cast, "operator"), origin="null")) == str(CROWDED)
    others = await opened("/ws/runs/", manager)
    await first.disconnect()
    assert await answer_of(socket("/ws/runs/", olga)) == "open"
    for live in (second, others):
        await live.disconnect()
    assert not consumers.Socket.open_of


async def test_sockets_that_open_in_one_moment_are_counted_too(cast, monkeypatch):
    monkeypatch.setattr("runs.sockets.MOST_SOCKETS", 3)
    sockets = [socket("/ws/runs/", cast["clients"]["operator"]) for _ in range(8)]
    assert all(await asyncio.gather(*(live.connect() for live in sockets)))
    said = await asyncio.gather(*(live.receive_output() for live in sockets))
    assert sorted(message.get("code", 0) for message in said) == [0] * 3 + [CROWDED] * 5
    for live in sockets:
        await live.disconnect()
    assert not consumers.Socket.open_of
