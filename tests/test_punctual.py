"""Whoever takes too long to say what they want is hung up on; whoever waits for an answer is not."""

import asyncio
import contextlib
import socket
import time

import pytest
import uvicorn
import websockets

from dashboard import punctual
from runs.management.commands.serve import serve
from tests.serving import serving

# Longer than a head may take.
THINKS_S = 1.2
HEAD = b"GET /slow HTTP/1.1\r\nHost: here\r\n"


async def application(scope, receive, send):
    """Says "hello", under /slow after longer than a head may take; a socket says it for every message."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": "hello"})
    else:
        await asyncio.sleep(THINKS_S if scope["path"] == "/slow" else 0)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture(scope="module")
def port():
    with pytest.MonkeyPatch.context() as patience:
        patience.setattr(punctual, "HEAD_WITHIN_S", 1.0)
        with serving(application) as server:
            yield server.port


def connected(port) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


@pytest.fixture
def connection(port):
    with connected(port) as connection:
        yield connection


def drip(connection) -> None:
    """Send headers that never end, a few bytes at a time, for as long as somebody listens."""
    try:
        while True:
            connection.sendall(b"X: y\r\n")
            time.sleep(0.02)
    except OSError:
        pass


@pytest.mark.long
def test_who_says_no_more_is_hung_up_on(port):
    waiting = {said: connected(port) for said in (b"", b"GET", HEAD)}
    for said, connection in waiting.items():
        connection.sendall(said)
    assert {said: connection.recv(100) for said, connection in waiting.items()} == dict.fromkeys(waiting, b"")
    for connection in waiting.values():
        connection.close()


@pytest.mark.long
def test_who_drips_headers_is_hung_up_on(connection):
    connection.sendall(HEAD)
    drip(connection)  # comes to an end


@pytest.mark.long
def test_also_after_a_first_request(connection):
    connection.sendall(HEAD + b"\r\n")
    assert b"hello" in whole_answer(connection)
    connection.sendall(HEAD)
    assert connection.recv(100) == b""


@pytest.mark.long
def test_who_waits_for_an_answer_gets_it_and_the_next_one_too(connection):
    for _ in range(2):
        connection.sendall(HEAD + b"\r\n")
        assert whole_answer(connection).endswith(b"hello")


def whole_answer(connection) -> bytes:
    answer = b""
    while not answer.endswith(b"hello"):
        answer += connection.recv(1000)
        assert answer, "hung up"
    return answer


@pytest.mark.long
async def test_a_socket_stays_open(port):
    async with websockets.connect(f"ws://127.0.0.1:{port}/") as socket:
        for _ in range(2):
            await asyncio.sleep(THINKS_S)
            await socket.send("hello?")
            assert await socket.recv() == "hello"


BODY = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.mark.parametrize(
    "headers, version",
    [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", "1.1"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", "1.1"),
        ("content-length: 0\r\ntransfer-encoding: CHUNKED", "1.1"),
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: Upgrade\r\nUpgrade: websocket",
            "1.1",
        ),
        ("Transfer-Encoding: chunked", "1.0"),
        ("Content-Length: 5\r\nContent-Length: 6", "1.1"),
        ("Content-Length: 5, 6", "1.1"),
        ("Content-Length: +5", "1.1"),
        ("Content-Length: -1", "1.1"),
        ("Content-Length: 0x5", "1.1"),
        ("Content-Length: 5 5", "1.1"),
        ("Content-Length: ", "1.1"),
        ("Content-Length : 5", "1.1"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "1.1"),
        ("Transfer-Encoding: chunked, identity", "1.1"),
        ("Transfer-Encoding: identity, chunked", "1.1"),
        ("Transfer-Encoding: gzip, chunked", "1.1"),
        ("Transfer-Encoding: identity", "1.1"),
        ("Transfer-Encoding: xchunked", "1.1"),
        ("Transfer-Encoding: chunked;a=b", "1.1"),
        ('Transfer-Encoding: "chunked"', "1.1"),
        ("Transfer-Encoding:\x0bchunked", "1.1"),
        ("Transfer-Encoding: \x00chunked", "1.1"),
        ("Transfer-Encoding : chunked", "1.1"),
        ("Transfer-Encoding:", "1.1"),
        ("X: y\r\n Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", "1.1"),
        ("Host: there", "1.1"),
    ],
)
def test_a_request_whose_end_could_be_in_two_places_is_refused(connection, headers, version):
    """What follows it is not taken for a further request either."""
    connection.sendall(f"POST / HTTP/{version}\r\nHost: here\r\n{headers}\r\n\r\n".encode() + BODY)
    answer = b""
    with contextlib.suppress(ConnectionResetError):  # hung up on, with what it sent still unread
        while part := connection.recv(1000):
            answer += part
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "headers", ["Content-Length: 5", "Transfer-Encoding: chunked", "Transfer-Encoding: Chunked"]
)
def test_a_request_with_one_end_is_answered(connection, headers):
    body = b"hello" if "Length" in headers else b"5\r\nhello\r\n0\r\n\r\n"
    connection.sendall(HEAD.replace(b"GET /slow", b"POST /") + f"{headers}\r\n\r\n".encode() + body)
    assert whole_answer(connection).startswith(b"HTTP/1.1 200 ")


def test_it_is_what_serve_speaks(monkeypatch):
    served = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: served.append(server.config))
    serve(None)
    served[0].load()
    assert served[0].http_protocol_class is punctual.Protocol
    assert not served[0].proxy_headers, "it would believe X-Forwarded-For of this machine"
