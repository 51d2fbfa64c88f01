"""Whoever takes too long to say what they want is hung up on; whoever waits for an answer is not."""

import asyncio
import socket
import threading
import time

import pytest
import uvicorn
import websockets

from dashboard import punctual
from runs.management.commands.serve import serve
from tests.served import eventually

# Longer than a head may take.
THINKS_S = 1.2
HEAD = b"GET / HTTP/1.1\r\nHost: here\r\n"


async def application(scope, receive, send):
    """Says "hello" after longer than a head may take; a socket says it again for every message."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": "hello"})
    else:
        await asyncio.sleep(THINKS_S)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture(scope="module")
def port():
    with pytest.MonkeyPatch.context() as patience:
        patience.setattr(punctual, "HEAD_WITHIN_S", 1.0)
        yield from serving()


def serving():
    """The port of a server that speaks it, until the server is to stop."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application,
        http="dashboard.punctual:Protocol",
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()


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


def test_who_says_no_more_is_hung_up_on(port):
    waiting = {said: connected(port) for said in (b"", b"GET", HEAD)}
    for said, connection in waiting.items():
        connection.sendall(said)
    assert {said: connection.recv(100) for said, connection in waiting.items()} == dict.fromkeys(waiting, b"")
    for connection in waiting.values():
        connection.close()


def test_who_drips_headers_is_hung_up_on(connection):
    connection.sendall(HEAD)
    drip(connection)  # comes to an end


def test_also_after_a_first_request(connection):
    connection.sendall(HEAD + b"\r\n")
    assert b"hello" in whole_answer(connection)
    connection.sendall(HEAD)
    assert connection.recv(100) == b""


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


async def test_a_socket_stays_open(port):
    async with websockets.connect(f"ws://127.0.0.1:{port}/") as socket:
        for _ in range(2):
            await asyncio.sleep(THINKS_S)
            await socket.send("hello?")
            assert await socket.recv() == "hello"


def test_it_is_what_serve_speaks(monkeypatch):
    served = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: served.append(server.config))
    serve(None)
    served[0].load()
    assert served[0].http_protocol_class is punctual.Protocol
