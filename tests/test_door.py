"""What is refused before Django sees it, over a real server's protocol: none of it reaches an application."""

import asyncio

import pytest
from asgiref.testing import ApplicationCommunicator

from dashboard import door
from dashboard.door import (
    MOST_ADDRESS,
    MOST_BODY,
    MOST_DROPPED,
    MOST_HEADERS,
    MOST_MESSAGE,
    MOST_MESSAGES,
    Door,
)
from tests.asgi_socket import COMES_WITHIN_S


async def reads_all(scope, receive, send):
    """An application that takes a whole body and says how long it was."""
    length = 0
    while True:
        message = await receive()
        length += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


async def listens(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        pass
    listens.ended_with = message["code"]


def request(*, path="/", query=b"", headers=()):
    return {"type": "http", "path": path, "query_string": query, "headers": list(headers)}


async def answer(scope, *parts: bytes) -> tuple[int, bytes]:
    asking = ApplicationCommunicator(Door(reads_all), scope)
    for number, part in enumerate(parts, start=1):
        await asking.send_input(
            {"type": "http.request", "body": part, "more_body": number < len(parts) or part == b"..."}
        )
    start, body = await asking.receive_output(COMES_WITHIN_S), await asking.receive_output(COMES_WITHIN_S)
    return start["status"], body["body"]


async def test_a_body_as_long_as_allowed_arrives_whole():
    assert await answer(request(), b"x" * MOST_BODY) == (200, str(MOST_BODY).encode())


async def test_a_longer_body_is_refused_while_it_arrives():
    parts = [b"x" * 65_536] * 5
    assert (await answer(request(), *parts))[0] == 413


async def test_a_body_that_says_it_is_longer_is_refused_unread():
    length = (b"content-length", str(MOST_BODY + 1).encode())
    status, reason = await answer(request(headers=[length]))
    assert (status, reason) == (
        413,
        b"A request may be 256 kB long, and this one is longer. Go back, and shorten it.\n",
    )


@pytest.mark.parametrize("rest", [[b"x" * 65_536] * 30, [b"x" * MOST_DROPPED, b"..."]], ids=["all", "much"])
async def test_who_is_refused_is_hung_up_on_when_the_rest_or_much_of_it_is_there(rest):
    """Else the answer is lost, or a proxy in between says 502."""
    length = (b"content-length", str(MOST_BODY + 1).encode())
    asking = ApplicationCommunicator(Door(reads_all), request(headers=[length]))
    start, body = await asking.receive_output(COMES_WITHIN_S), await asking.receive_output(COMES_WITHIN_S)
    assert (start["status"], body["more_body"]) == (413, True)
    for part in rest[:-1]:
        await asking.send_input({"type": "http.request", "body": part, "more_body": True})
    if rest[-1] != b"...":
        assert await asking.receive_nothing()
        await asking.send_input({"type": "http.request", "body": rest[-1], "more_body": False})
    assert await asking.receive_output(COMES_WITHIN_S) == {"type": "http.response.body", "body": b""}
    await asking.wait()


async def test_a_length_of_many_digits_is_no_riddle():
    assert (await answer(request(headers=[(b"content-length", b"9" * 4000)])))[0] == 413


async def test_a_long_address_is_refused():
    assert (await answer(request(query=b"q=" + b"x" * MOST_ADDRESS)))[0] == 414


async def test_long_headers_are_refused():
    headers = [(b"cookie", b"x" * 4096)] * (MOST_HEADERS // 4096)
    assert (await answer(request(headers=headers)))[0] == 431


async def test_a_body_that_drips_is_given_up(monkeypatch):
    monkeypatch.setattr(door, "BODY_WITHIN_S", 0.05)
    assert (await answer(request(), b"..."))[0] == 408


async def socket():
    talking = ApplicationCommunicator(Door(listens), {"type": "websocket", "path": "/", "headers": []})
    await talking.send_input({"type": "websocket.connect"})
    assert (await talking.receive_output(COMES_WITHIN_S))["type"] == "websocket.accept"
    return talking


@pytest.mark.parametrize("kind", ["text", "bytes"])
async def test_a_socket_that_says_too_much_at_once_is_closed(kind):
    talking = await socket()
    long = "x" * (MOST_MESSAGE + 1)
    await talking.send_input({"type": "websocket.receive", kind: long if kind == "text" else long.encode()})
    assert await talking.receive_output(COMES_WITHIN_S) == {"type": "websocket.close", "code": 1009}
    await talking.wait(COMES_WITHIN_S)
    assert listens.ended_with == 1009


async def test_a_socket_that_says_too_much_too_often_is_closed(monkeypatch):
    monkeypatch.setattr(door, "MESSAGES_WITHIN_S", 600)  # however slow this machine is
    talking = await socket()
    for _ in range(MOST_MESSAGES + 1):
        await talking.send_input({"type": "websocket.receive", "text": "x"})
    assert await talking.receive_output(COMES_WITHIN_S) == {"type": "websocket.close", "code": 4429}
    await talking.wait(COMES_WITHIN_S)


async def test_what_comes_after_the_body_is_for_the_application_alone():
    """It may wait for hours for its browser to go away."""
    seen = []

    async def waits(scope, receive, send):
        seen.extend([await receive(), await receive()])

    asking = ApplicationCommunicator(Door(waits), request())
    await asking.send_input({"type": "http.request", "body": b"", "more_body": False})
    await asyncio.sleep(0)
    await asking.send_input({"type": "http.disconnect"})
    await asking.wait(COMES_WITHIN_S)
    assert [message["type"] for message in seen] == ["http.request", "http.disconnect"]
