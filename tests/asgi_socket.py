"""A websocket to an ASGI application, without a network. (The communicator of Channels needs Daphne.)"""

import json
from urllib.parse import urlsplit

from asgiref.testing import ApplicationCommunicator

from tests.canaries import look

# No measure but a net, for what never comes.
COMES_WITHIN_S = 60


class Socket(ApplicationCommunicator):
    def __init__(self, application, path: str, headers: list[tuple[bytes, bytes]]):
        parts = urlsplit(path)
        scope = {
            "type": "websocket",
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": headers,
            "subprotocols": [],
        }
        self.scope = scope
        super().__init__(application, scope)

    async def connect(self) -> bool:
        """Whether the handshake was accepted."""
        await self.send_input({"type": "websocket.connect"})
        return (await self.receive_output())["type"] == "websocket.accept"

    async def send_text(self, text: str) -> None:
        await self.send_input({"type": "websocket.receive", "text": text})

    async def receive_output(self, timeout=COMES_WITHIN_S):
        message = await super().receive_output(timeout)
        look("a frame", message.get("text") or "")
        return message

    async def receive_json(self) -> dict:
        message = await self.receive_output()
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def closed_with(self) -> int:
        """The code it is closed with, whatever it says before."""
        while True:
            message = await self.receive_output()
            if message["type"] == "websocket.close":
                return message.get("code", 1000)

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(COMES_WITHIN_S)
