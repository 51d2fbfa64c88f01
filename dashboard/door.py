"""What is refused before Django sees it: requests and socket messages that are larger or slower than any of
ours. Django keeps a whole body in a temporary file before it looks whether the page exists. And what must not
end as if it were whole: the server hangs up on an answer that broke off."""

import asyncio
from contextlib import suppress

from people.exports import BrokenOff

MOST_BODY = 256 * 1024
MOST_ADDRESS = 4 * 1024
MOST_HEADERS = 16 * 1024
BODY_WITHIN_S = 30
# Of a request that is refused so much is still taken, and dropped: who is hung up on does not read why.
MOST_DROPPED, DROPPED_WITHIN_S = 4 * 1024 * 1024, 2
# A page says nothing over its socket, a viewer of a desktop only where its pointer is.
MOST_MESSAGE = 4 * 1024
MOST_MESSAGES, MESSAGES_WITHIN_S = 1000, 10
# Of all people together, in one process.
MOST_SOCKETS = 2000

PLAIN = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
TOO_BIG, TOO_MANY = 1009, 4429


class _Refused(Exception):
    """The body is not taken: status and sentence."""


class Door:
    """An ASGI application in front of another."""

    def __init__(self, application):
        self.application = application
        self.sockets = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] == "websocket":
            await self._open(scope, receive, send)
        elif scope["type"] != "http":
            await self.application(scope, receive, send)
        elif refusal := _refused_by_its_head(scope):
            await _refuse(receive, send, *refusal)
        else:
            await self._pass_on(scope, receive, send)

    async def _open(self, scope, receive, send):
        if self.sockets >= MOST_SOCKETS:
            await send({"type": "websocket.close"})
            return
        self.sockets += 1
        try:
            await self.application(scope, _counted(receive, send), send)
        finally:
            self.sockets -= 1

    async def _pass_on(self, scope, receive, send):
        has_begun = False

        async def noting_send(message):
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.application(scope, _limited(receive), noting_send)
        except _Refused as refusal:
            if not has_begun:
                await _refuse(receive, send, *refusal.args)
        except BrokenOff:
            return  # the server hangs up on an answer without an end


def _refused_by_its_head(scope) -> tuple[int, str] | None:
    """Status and reason, where address, headers or the announced length say enough."""
    if len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"]) > MOST_ADDRESS:
        return 414, f"This address is longer than {MOST_ADDRESS} bytes."
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEADERS:
        return 431, f"The headers of this request are longer than {MOST_HEADERS} bytes."
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    if any(value.isdigit() and int(value[:12]) > MOST_BODY for value in lengths):
        return 413, _too_big()
    return None


def _too_big() -> str:
    return f"A request may be {MOST_BODY // 1024} kB long, and this one is longer. Go back, and shorten it."


def _limited(receive):
    """`receive`, until the body is longer or takes longer than it may."""
    taken = 0
    deadline = asyncio.get_running_loop().time() + BODY_WITHIN_S
    is_whole = False

    async def limited():
        nonlocal taken, is_whole
        if is_whole:  # what is awaited now is that the browser goes away
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), deadline - asyncio.get_running_loop().time())
        except TimeoutError:
            raise _Refused(408, f"The body of this request took longer than {BODY_WITHIN_S} s.") from None
        taken += len(message.get("body", b""))
        if taken > MOST_BODY:
            raise _Refused(413, _too_big())
        is_whole = not message.get("more_body", False)
        return message

    return limited


def _counted(receive, send):
    """`receive` of a socket, which ends it at a message that is too long, or at too many."""
    loop = asyncio.get_running_loop()
    since, count = loop.time(), 0

    async def counted():
        nonlocal since, count
        message = await receive()
        if message["type"] != "websocket.receive":
            return message
        if loop.time() - since > MESSAGES_WITHIN_S:
            since, count = loop.time(), 0
        count += 1
        is_too_big = len(message.get("bytes") or message.get("text") or "") > MOST_MESSAGE
        if not is_too_big and count <= MOST_MESSAGES:
            return message
        code = TOO_BIG if is_too_big else TOO_MANY
        await send({"type": "websocket.close", "code": code})
        return {"type": "websocket.disconnect", "code": code}

    return counted


async def _refuse(receive, send, status: int, reason: str) -> None:
    """Answer at once; the answer ends, and with it the connection, when the rest of the request is there."""
    body = f"{reason}\n".encode()
    length = (b"content-length", str(len(body)).encode())
    headers = [*PLAIN, length, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(DROPPED_WITHIN_S):
            await _drop(receive)
    await send({"type": "http.response.body", "body": b""})


async def _drop(receive) -> None:
    dropped, is_whole = 0, False
    while not is_whole and dropped < MOST_DROPPED:
        message = await receive()
        dropped += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
