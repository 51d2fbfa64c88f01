"""A desktop's bare stream through the whole server: what a viewer is told, and what a hostile desktop or
browser can make the server hold."""

import asyncio
import logging
import socket
import struct
from contextlib import asynccontextmanager

import pytest
import websockets
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.utils import accept_key

from dashboard import door
from dashboard.asgi import application
from dashboard.punctual import MAX_FRAGMENTS
from outbound import websocket
from runs import desktop_consumer, desktop_door
from runs.models import Run
from tests import factories
from tests.desktops import tigervnc
from tests.served import eventually
from tests.serving import serving
from tests.test_sockets import sign_in
from tests.test_view_only import DESKTOP, OF_NOVNC, UPDATE, encodings

pytestmark = [pytest.mark.any_database, pytest.mark.long, pytest.mark.django_db(transaction=True)]

GREETING = DESKTOP[:12]
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def server():
    with serving(application) as server:
        yield server


@pytest.fixture
def port(server):
    yield server.port
    server.finish()


@pytest.fixture
def run():
    return factories.make_run(factories.make_workspace())


@pytest.fixture
def token(run):
    login = sign_in(factories.make_person(run.workspace)).cookies[settings.SESSION_COOKIE_NAME].value
    return desktop_door.token_for(login, run)


@pytest.fixture(autouse=True)
def nothing_is_wrong(caplog):
    """However a socket ended, nobody who reads the log is called, and no group remembers it."""
    get_channel_layer().groups.clear()  # sockets of other tests may have had no ending
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    eventually(lambda: not get_channel_layer().groups)


@sync_to_async
def show(run, url: str) -> None:
    Run.objects.filter(pk=run.pk).update(
        sealed_desktop_url=run.sealed("desktop_url", url), desktop_kind="stream"
    )


@asynccontextmanager
async def viewer(port, token, *, origin="null"):
    address = f"ws://127.0.0.1:{port}/ws/desktop/{token}/"
    async with websockets.connect(
        address, origin=origin, subprotocols=["binary"], compression=None, max_size=None, proxy=None
    ) as connection:
        yield connection


async def code_of(connection) -> int:
    """What it is closed with, whatever comes before."""
    try:
        while True:
            await asyncio.wait_for(connection.recv(), 60)
    except ConnectionClosed as closed:
        return closed.rcvd.code


@asynccontextmanager
async def desktop(act, run):
    """A websocket server that does with each connection what it likes."""
    async with websockets.serve(act, "127.0.0.1", 0, subprotocols=["binary"], max_size=None) as server:
        await show(run, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        yield


@asynccontextmanager
async def plain_server(act, run):
    """A server that knows no websockets, or wants to send what no library would."""
    async with await asyncio.start_server(act, "127.0.0.1", 0) as server:
        await show(run, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        yield


async def say(connection, *messages) -> None:
    for message in messages:
        await connection.send(message)


async def shown(port, token) -> int:
    async with viewer(port, token) as connection:
        return await code_of(connection)


class NoVNC:
    """Speaks as noVNC does, as far as the first picture."""

    def __init__(self, connection):
        self.connection, self.buffer = connection, b""

    async def take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            self.buffer += await asyncio.wait_for(self.connection.recv(), 60)
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    async def sign_in(self) -> tuple[int, int]:
        """The size of the desktop."""
        assert await self.take(12) == b"RFB 003.008\n"
        await self.connection.send(b"RFB 003.008\n")
        assert 1 in await self.take((await self.take(1))[0])
        await self.connection.send(b"\x01")
        assert await self.take(4) == bytes(4)
        await self.connection.send(b"\x01")
        width, height, _, length = struct.unpack(">HH16sI", await self.take(24))
        await self.take(length)
        return width, height

    async def ask(self, width: int, height: int) -> None:
        form = struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255, 0, 8, 16)
        everything = struct.pack(">BBHHHH", 3, 0, 0, 0, width, height)
        await say(self.connection, form, encodings(*OF_NOVNC), everything)


@pytest.mark.process
async def test_tigervnc_answers_a_novnc_with_pictures_and_nothing_else(port, run, token):
    """Asked for fences and continuous updates, it would speak of them first: vncproxy #15, TigerVNC #1086."""
    with tigervnc() as url:
        await show(run, url)
        async with viewer(port, token) as connection:
            novnc = NoVNC(connection)
            size = await novnc.sign_in()
            await novnc.ask(*size)
            kind, count = struct.unpack(">BxH", await novnc.take(4))
            assert (kind, count > 0, size) == (0, True, (640, 400))


async def quiet(connection):
    await connection.wait_closed()


async def speaks_http(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


async def redirects(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


async def speaks_ssh(reader, writer):
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await writer.drain()
    await reader.read()
    writer.close()


@pytest.mark.parametrize("act", [speaks_http, redirects, speaks_ssh])
async def test_a_server_that_opens_no_socket_was_reached_and_not_understood(port, run, token, act):
    async with plain_server(act, run):
        assert await shown(port, token) == desktop_consumer.NOT_UNDERSTOOD


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-OpenSSH_9.2\r\n", "RFB 003.003\n", b"RFB 003.008\n\x01\x13", b"RFB 003.003\n\0\0\0\1"]
)
async def test_a_desktop_that_speaks_otherwise_was_reached_and_not_understood(port, run, token, said):
    async def act(connection):
        await say(connection, said)
        await connection.wait_closed()

    async with desktop(act, run):
        assert await shown(port, token) == desktop_consumer.NOT_UNDERSTOOD


async def test_a_desktop_where_nobody_is_was_not_reached(port, run, token):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        await show(run, f"ws://127.0.0.1:{gone.getsockname()[1]}/")
    assert await shown(port, token) == desktop_consumer.NOT_REACHED


@pytest.mark.parametrize("messages", [[], [GREETING], [DESKTOP + bytes(100)]])
async def test_a_desktop_that_goes_away_broke(port, run, token, messages):
    async def act(connection):
        await say(connection, *messages)

    async with desktop(act, run):
        assert await shown(port, token) == desktop_consumer.BROKE


@pytest.mark.parametrize("messages", [[], [GREETING], [DESKTOP]])
async def test_a_desktop_that_says_no_more_is_given_up(port, run, token, monkeypatch, messages):
    monkeypatch.setattr(desktop_consumer, "BEGINS_WITHIN_S", 0.2)

    async def act(connection):
        await say(connection, *messages)
        await connection.wait_closed()

    async with desktop(act, run):
        assert await shown(port, token) == desktop_consumer.SILENT


async def test_a_desktop_that_rests_once_it_is_shown_stays(port, run, token, monkeypatch):
    monkeypatch.setattr(desktop_consumer, "BEGINS_WITHIN_S", 0.2)

    async def act(connection):
        await say(connection, DESKTOP)
        async for message in connection:
            if message.endswith(UPDATE):
                await asyncio.sleep(0.4)
                await say(connection, b"still")

    async with desktop(act, run), viewer(port, token) as connection:
        novnc = NoVNC(connection)
        assert await novnc.take(len(DESKTOP)) == DESKTOP
        await connection.send(b"RFB 003.008\n\x01\x01" + UPDATE)
        assert await novnc.take(5) == b"still"


@pytest.mark.parametrize("name", ["desk.example", "private.example"])
async def test_an_address_that_leads_into_a_private_network_is_not_dialled(
    port, run, token, monkeypatch, name
):
    """Loopback, where a Giga elsewhere gave it, stands for all of them."""
    account = run.workspace.giga_account
    account.api_url = "https://api.giga.example"
    await sync_to_async(account.save)()
    came = []

    async def act(reader, writer):
        came.append(writer)
        writer.close()

    ask = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **kwargs: ask("127.0.0.1" if host == name else host, *args, **kwargs),
    )
    async with await asyncio.start_server(act, "127.0.0.1", 0) as server:
        await show(run, f"wss://{name}:{server.sockets[0].getsockname()[1]}/")
        assert await shown(port, token) == desktop_consumer.NOT_PUBLIC
    assert came == []


async def websocket_opened(reader, writer):
    """The handshake, by hand."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = head.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0]
    accept = f"Sec-WebSocket-Accept: {accept_key(key)}"
    lines = ["HTTP/1.1 101 Go", "Upgrade: websocket", "Connection: Upgrade", accept, "", ""]
    writer.write("\r\n".join(lines).encode())


async def test_a_frame_that_is_too_large_is_not_held(port, run, token):
    taken = 0

    async def act(reader, writer):
        nonlocal taken
        await websocket_opened(reader, writer)
        writer.write(b"\x82\x7f" + (400 * MEGABYTE).to_bytes(8, "big"))
        try:
            while taken < 400 * MEGABYTE:
                writer.write(bytes(65536))
                await writer.drain()
                taken += 65536
        except OSError:
            pass
        writer.close()

    async with plain_server(act, run):
        assert await shown(port, token) == desktop_consumer.TOO_MUCH
    assert taken < 32 * MEGABYTE


@pytest.mark.parametrize("size", [1000, 2 * 65536])
async def test_many_fragments_of_one_message_are_not_held_together(port, run, token, size):
    async def act(reader, writer):
        await websocket_opened(reader, writer)
        writer.write(Frame(Opcode.BINARY, GREETING, fin=False).serialize(mask=False))
        try:
            while True:
                writer.write(Frame(Opcode.CONT, b"\x01\x01" + bytes(size), fin=False).serialize(mask=False))
                await writer.drain()
        except OSError:
            writer.close()

    async with plain_server(act, run):
        assert await shown(port, token) == desktop_consumer.TOO_MUCH


async def test_fragments_pass_as_they_come_and_empty_ones_are_nothing(port, run, token):
    async def act(reader, writer):
        await websocket_opened(reader, writer)
        writer.write(Frame(Opcode.BINARY, GREETING[:5], fin=False).serialize(mask=False))
        empty = Frame(Opcode.CONT, b"", fin=False).serialize(mask=False)
        for _ in range(200):
            writer.write(empty * 100)
            await writer.drain()
        writer.write(Frame(Opcode.CONT, GREETING[5:], fin=False).serialize(mask=False))
        await writer.drain()
        writer.close()

    async with plain_server(act, run), viewer(port, token) as connection:
        assert await asyncio.wait_for(connection.recv(), 60) == GREETING


async def test_a_viewer_that_takes_nothing_holds_up_its_desktop(port, run, token):
    sent, is_held = 0, asyncio.Event()

    async def act(connection):
        nonlocal sent
        await say(connection, DESKTOP)
        while True:
            try:
                await asyncio.wait_for(connection.send(bytes(65536)), 2)
            except (TimeoutError, ConnectionClosed):
                is_held.set()
                return
            sent += 65536

    async with desktop(act, run):
        with socket.create_connection(("127.0.0.1", port)) as slow:
            slow.sendall(handshake(f"/ws/desktop/{token}/", origin="null"))
            await asyncio.wait_for(is_held.wait(), 60)
    assert sent < 32 * MEGABYTE


def handshake(path: str, *, origin: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Origin: {origin}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def test_a_desktop_that_pings_and_takes_no_answer_is_given_up(port, run, token, monkeypatch):
    monkeypatch.setattr(websocket, "MAX_UNSENT", 65536)
    ping = Frame(Opcode.PING, bytes(125)).serialize(mask=False) * 500
    pinged = 0

    async def act(reader, writer):
        nonlocal pinged
        await websocket_opened(reader, writer)
        reader._transport.pause_reading()
        try:
            while pinged < 200 * MEGABYTE:
                writer.write(ping)
                await writer.drain()
                pinged += len(ping)
        except OSError:
            pass
        writer.close()

    async with plain_server(act, run):
        assert await shown(port, token) == desktop_consumer.BROKE
    assert pinged < 64 * MEGABYTE


PATHS = ["/ws/runs/", "/ws/runs/1/", "/ws/wall/", "/ws/desktop/x/"]


def until_hung_up(connection, piece: bytes, most: int) -> int:
    """How many bytes it took."""
    taken = 0
    try:
        while taken < most:
            connection.sendall(piece)
            taken += len(piece)
    except OSError:
        pass
    return taken


async def held_socket(port, run, token):
    """A viewer's socket that is open and stays so, as bytes."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    await asyncio.to_thread(connection.sendall, handshake(f"/ws/desktop/{token}/", origin="null"))
    head = await asyncio.to_thread(connection.recv, 65536)
    assert b" 101 " in head
    return connection


@pytest.mark.parametrize(
    "piece",
    [
        Frame(Opcode.BINARY, bytes(5000)).serialize(mask=True),
        Frame(Opcode.BINARY, bytes(65536)).serialize(mask=True)[:4096],
        Frame(Opcode.BINARY, b"x", fin=False).serialize(mask=True)
        + Frame(Opcode.CONT, b"", fin=False).serialize(mask=True) * (MAX_FRAGMENTS + 1),
        Frame(Opcode.BINARY, b"x").serialize(mask=True) * 500,
        Frame(Opcode.PING, bytes(125)).serialize(mask=True) * 500,
        Frame(Opcode.BINARY, b"x").serialize(mask=False),
        b"\x8f\x80\0\0\0\0",
        b"\xff" * 100,
        Frame(Opcode.TEXT, b"\xff").serialize(mask=True),
        Frame(Opcode.CLOSE, b"\x03").serialize(mask=True),
    ],
    ids=[
        "too-long",
        "announced",
        "fragments",
        "many",
        "pings",
        "unmasked",
        "opcode",
        "reserved",
        "utf8",
        "close",
    ],
)
async def test_a_browser_that_breaks_a_bound_is_hung_up_on(port, run, token, piece):
    async with desktop(quiet, run):
        with await held_socket(port, run, token) as connection:
            taken = await asyncio.to_thread(until_hung_up, connection, piece, 64 * MEGABYTE)
    assert taken < 64 * MEGABYTE


@pytest.mark.parametrize("origin", [None, "https://evil.example", "NULL", "null null", "http://127.0.0.1:9"])
async def test_a_desktop_is_opened_from_our_own_pages_alone(port, run, token, origin):
    """The viewer's frame has no origin, which a browser says as null; it shows a token, too."""
    async with desktop(quiet, run):
        with pytest.raises(websockets.InvalidStatus, match="403"):
            async with viewer(port, token, origin=origin):
                pass
        async with viewer(port, token, origin=settings.SITE_ORIGINS[0]):
            pass


async def test_all_people_together_have_so_many_sockets(port, run, token, monkeypatch):
    async with desktop(quiet, run), viewer(port, token):
        monkeypatch.setattr(door, "MOST_SOCKETS", 1)
        with pytest.raises(websockets.InvalidStatus, match="403"):
            async with viewer(port, token):
                pass
    monkeypatch.setattr(door, "MOST_SOCKETS", 2000)
    assert await shown(port, "x") == 4409
