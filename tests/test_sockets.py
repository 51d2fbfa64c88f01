"""The live sockets: a stranger is refused, a change arrives, somebody else's change does not."""

import asyncio
from datetime import datetime
from unittest.mock import Mock

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from dashboard.asgi import application
from runs import broadcast
from runs.consumers import RunConsumer, RunListConsumer, WallConsumer
from runs.status import Status
from tests import factories
from tests.asgi_socket import Socket

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = settings.SITE_ORIGINS[0]


def sign_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def socket(path, client=None, origin=ORIGIN) -> Socket:
    headers = [(b"origin", origin.encode())] if origin else []
    if client:
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
    return Socket(application, path, headers)


async def opened(path, client) -> Socket:
    communicator = socket(path, client)
    assert await communicator.connect()
    assert (await communicator.receive_json())["type"] == "hello"
    return communicator


@pytest.fixture
def cast():
    workspace = factories.make_workspace()
    other = factories.make_workspace("Other team")
    return {
        "run": factories.make_run(workspace),
        "others_run": factories.make_run(other),
        "olga": factories.make_person(workspace, username="olga"),
        "stella": factories.make_person(other, username="stella"),
    }


@sync_to_async
def make_cast_and_sign_in(cast, name):
    return sign_in(cast[name])


@sync_to_async
def move(run, status=Status.WAITING):
    assert run.move_to(status, why="test")


async def test_a_change_arrives_at_the_list_with_its_row(cast):
    live = await opened("/ws/runs/", await make_cast_and_sign_in(cast, "olga"))
    await move(cast["run"])
    change = await live.receive_json()
    run = cast["run"]
    assert (change["type"], change["run"], change["status"], change["matches"]) == (
        "run.changed",
        run.pk,
        "waiting",
        True,
    )
    assert f'hx-target="#run-{run.pk}"' in change["content"] and 'data-status="waiting"' in change["content"]
    await live.disconnect()


async def test_a_change_arrives_at_the_runs_page(cast):
    run = cast["run"]
    live = await opened(f"/ws/runs/{run.pk}/", await make_cast_and_sign_in(cast, "olga"))
    await move(run)
    change = await live.receive_json()
    assert change["status"] == "waiting" and 'hx-target="#run-head"' in change["content"]
    assert change["event"] == await sync_to_async(lambda: run.events.first().pk)()
    await live.disconnect()


async def test_another_teams_change_does_not_arrive(cast):
    live = await opened("/ws/runs/", await make_cast_and_sign_in(cast, "olga"))
    await move(cast["others_run"])
    assert await live.receive_nothing(timeout=0.3)
    await live.disconnect()


async def test_a_row_outside_the_filter_is_said_not_to_match(cast):
    live = await opened("/ws/runs/?status=failed", await make_cast_and_sign_in(cast, "olga"))
    await move(cast["run"])
    assert (await live.receive_json())["matches"] is False
    await live.disconnect()


async def test_a_person_without_a_login_is_turned_away(cast):
    for path in ("/ws/runs/", f"/ws/runs/{cast['run'].pk}/"):
        live = socket(path)
        await live.connect()
        assert await live.closed_with() == 4401


async def test_another_teams_run_and_one_that_does_not_exist_answer_alike(cast):
    client = await make_cast_and_sign_in(cast, "stella")
    for pk in (cast["run"].pk, 999999):
        live = socket(f"/ws/runs/{pk}/", client)
        await live.connect()
        assert await live.closed_with() == 4404


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://127.0.0.1:9999", "ftp://127.0.0.1", "null", "http://127.0.0.1", None],
)
async def test_a_page_of_another_origin_cannot_open_a_socket(cast, origin):
    live = socket("/ws/runs/", await make_cast_and_sign_in(cast, "olga"), origin)
    assert not await live.connect()


async def test_an_unknown_socket_is_refused(cast):
    live = socket("/ws/nothing/", await make_cast_and_sign_in(cast, "olga"))
    assert not await live.connect()


async def test_after_a_logout_the_next_change_closes_instead(cast):
    client = await make_cast_and_sign_in(cast, "olga")
    live = await opened(f"/ws/runs/{cast['run'].pk}/", client)
    await sync_to_async(client.logout)()
    await move(cast["run"])
    assert await live.receive_output() == {"type": "websocket.close", "code": 4401}


async def test_somebody_removed_from_the_team_is_told_nothing_more(cast):
    live = await opened("/ws/runs/", await make_cast_and_sign_in(cast, "olga"))
    await sync_to_async(cast["olga"].memberships.all().delete)()
    await move(cast["run"])
    assert await live.receive_output() == {"type": "websocket.close", "code": 4404}


async def test_somebody_removed_while_a_change_is_read_is_told_no_fault_of_ours(cast, monkeypatch, caplog):
    live = await opened(f"/ws/runs/{cast['run'].pk}/", await make_cast_and_sign_in(cast, "olga"))
    judged = RunConsumer.trouble

    def judged_and_removed(consumer):
        code = judged(consumer)
        cast["olga"].memberships.all().delete()
        return code

    monkeypatch.setattr(RunConsumer, "trouble", judged_and_removed)
    await move(cast["run"])
    assert await live.receive_output() == {"type": "websocket.close", "code": 4404}
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_new_role_closes_so_that_the_page_is_loaded_anew(cast):
    live = await opened(f"/ws/runs/{cast['run'].pk}/", await make_cast_and_sign_in(cast, "olga"))
    await sync_to_async(cast["olga"].memberships.update)(role="viewer")
    await move(cast["run"])
    assert await live.receive_output() == {"type": "websocket.close", "code": 4403}


async def test_what_a_browser_sends_is_ignored(cast):
    live = await opened("/ws/runs/", await make_cast_and_sign_in(cast, "olga"))
    for text in ("{", "[]", '{"type": "run_changed"}', "x" * 4000):
        await live.send_text(text)
    await move(cast["run"])
    assert (await live.receive_json())["type"] == "run.changed"
    await live.disconnect()


async def test_the_heart_beats_with_the_newest_event(cast, monkeypatch):
    monkeypatch.setattr("runs.consumers.HEARTBEAT_S", 0.05)
    live = await opened("/ws/runs/", await make_cast_and_sign_in(cast, "olga"))
    beat = await live.receive_json()
    assert beat["type"] == "heartbeat" and beat["event"] > 0
    await live.disconnect()


async def test_a_page_is_told_the_time_with_each_beat_and_each_answer(cast, monkeypatch):
    """Clocks are set while pages are open (php-gaming-website #285, gearpump #1479, ndt-server #379)."""
    monkeypatch.setattr("runs.consumers.HEARTBEAT_S", 0.05)
    client = await make_cast_and_sign_in(cast, "olga")
    before = timezone.now()
    live = socket("/ws/runs/", client)
    assert await live.connect()
    told = [(await live.receive_json())["now"], (await live.receive_json())["now"]]
    await live.disconnect()
    for path in ("/runs/", f"/runs/{cast['run'].pk}/", "/wall/"):
        answer = await sync_to_async(client.get)(path, headers={"X-Live-Parts": "1"})
        told.append(answer.headers["X-Now"])
    times = [before, *(datetime.fromisoformat(time) for time in told), timezone.now()]
    assert times == sorted(times)


async def test_a_change_from_another_thread_arrives_at_once(cast):
    """The watcher writes in threads without a loop; their announcements must not lie there until later."""
    broadcast.use_server_loop(asyncio.get_running_loop())
    live = await opened("/ws/runs/", await make_cast_and_sign_in(cast, "olga"))
    await asyncio.to_thread(cast["run"].move_to, Status.WAITING)
    assert (await live.receive_json())["status"] == "waiting"
    await live.disconnect()


async def test_a_desktop_token_of_nobody_opens_nothing(cast):
    for token in ("x", "a:b:c", "%00"):
        desktop = socket(f"/ws/desktop/{token}/", origin="null")
        await desktop.connect()
        assert await desktop.closed_with() == 4409


async def test_a_browser_that_the_server_gave_up_is_no_failure(cast, caplog):
    """Its pings were not answered: the server has closed the socket, and waits for the network to do so."""
    client, begun, left = await make_cast_and_sign_in(cast, "olga"), asyncio.Event(), asyncio.Event()
    messages = [{"type": "websocket.connect"}]

    async def receive_():
        if not messages:
            await left.wait()
            return {"type": "websocket.disconnect", "code": 1006}
        return messages.pop()

    async def send(message):
        if begun.is_set():
            left.set()
            raise RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'.")
        if message["type"] == "websocket.send":
            begun.set()

    opened = asyncio.create_task(application(socket("/ws/runs/", client).scope, receive_, send))
    await asyncio.wait_for(begun.wait(), 10)
    await move(cast["run"])
    await asyncio.wait_for(opened, 10)
    assert left.is_set()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


PAGES = ["/ws/runs/", "/ws/wall/", "/ws/runs/{run}/"]


async def left_by(live: Socket) -> dict:
    """The groups of the layer after the server, that closed it, has told it so."""
    await live.send_input({"type": "websocket.disconnect", "code": 1006})
    await live.wait(60)
    return get_channel_layer().groups


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("fails", ["trouble", "greeting", "recent_events", "attend"])
@pytest.mark.parametrize(
    "error", [OperationalError("the database is away"), ConnectionResetError("so is Redis")]
)
async def test_a_socket_that_could_not_greet_is_remembered_by_no_group(cast, monkeypatch, path, fails, error):
    """What nobody reads is written to until the layer forgets it, which takes a day. Its page, which would
    wait for news for ever, is asked to come back."""
    client = await make_cast_and_sign_in(cast, "olga")
    get_channel_layer().groups.clear()
    consumer = {"/ws/runs/": RunListConsumer, "/ws/wall/": WallConsumer}.get(path, RunConsumer)
    monkeypatch.setattr(consumer, fails, Mock(side_effect=error))
    live = socket(path.format(run=cast["run"].pk), client)
    await live.connect()
    assert await live.closed_with() == 1013
    assert await left_by(live) == {}


@pytest.mark.parametrize("path", PAGES)
async def test_however_a_socket_ends_no_group_remembers_it(cast, monkeypatch, path):
    client, path = await make_cast_and_sign_in(cast, "olga"), path.format(run=cast["run"].pk)
    layer = get_channel_layer()
    layer.groups.clear()
    live = await opened(path, client)
    assert layer.groups
    await live.disconnect()
    assert layer.groups == {}
    live = await opened(path, client)
    live.stop(exceptions=False)  # as a server does that is told to end
    await asyncio.gather(live.future, return_exceptions=True)
    assert layer.groups == {}
    live = await opened(path, client)
    await sync_to_async(client.logout)()
    await move(cast["run"])
    assert await live.closed_with() == 4401
    assert await left_by(live) == {}


async def test_a_group_that_cannot_be_left_holds_up_no_ending(cast, monkeypatch, caplog):
    """A Redis that is away has forgotten it anyway."""
    live = await opened("/ws/runs/", await make_cast_and_sign_in(cast, "olga"))
    monkeypatch.setattr(get_channel_layer(), "group_discard", Mock(side_effect=ConnectionError("away")))
    await live.disconnect()
    assert [record.levelname for record in caplog.records if record.name == "runs.sockets"] == ["WARNING"] * 2


async def test_a_socket_is_closed_once(cast, caplog):
    """Two reasons at the same time are one ending: the second would be refused by the server, loudly."""
    sent = []

    async def send(message):
        sent.append(message)
        if [one["type"] for one in sent].count("websocket.close") > 1:
            raise RuntimeError("Unexpected ASGI message 'websocket.close', after sending 'websocket.close'.")

    consumer = RunConsumer()
    consumer.base_send = send
    await consumer.close(4404)
    await consumer.close(1013)
    assert sent == [{"type": "websocket.close", "code": 4404}]


@pytest.mark.parametrize("path", ["/ws/runs/", "/ws/desktop/x/"])
async def test_a_browser_that_left_while_its_socket_opened_is_no_failure(cast, caplog, path):
    client = await make_cast_and_sign_in(cast, "olga")
    messages = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006}]

    async def receive_():
        return messages.pop(0)

    async def send(message):
        raise ConnectionResetError("gone")

    await application(socket(path, client).scope, receive_, send)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
