"""The socket of a desktop that is a bare stream: it carries pictures out, and nothing but looking back."""

import asyncio
import contextlib
import logging

import websockets
from django.db import DatabaseError

from people.bell import person_group
from people.permissions import OPERATE
from runs.desktop_door import bearer_of, stream_of
from runs.live import HEARTBEAT_S
from runs.sockets import CROWDED, GONE, NO_DESKTOP, UPSTREAM_LOST, Socket, read
from runs.view_only import NotViewable, ViewOnly

logger = logging.getLogger(__name__)


class DesktopConsumer(Socket):
    """Carries a bare RFB stream to our own viewer, and nothing but looking back. The address stays here: the
    viewer's page knows a token that is good for ten minutes. The stream ends with the login, the place in
    the team or the role by which it was opened."""

    permission = OPERATE  # asked for by `stream_of`, with each look
    upstream = pump = heart = group = None

    async def dispatch(self, message):
        with contextlib.suppress(OSError):  # the browser went away while something was said to it
            await super().dispatch(message)

    async def connect(self):
        offered = self.scope.get("subprotocols", [])
        await self.accept(subprotocol="binary" if "binary" in offered else None)
        self.bearer = bearer_of(self.scope["url_route"]["kwargs"]["token"])
        found = self.bearer and await read(stream_of)(*self.bearer)
        if not found:
            await self.close(NO_DESKTOP)
            return
        user_id, url = found
        if not self.take_place(user_id):
            await self.close(CROWDED)
            return
        self.group = person_group(user_id)
        await self.channel_layer.group_add(self.group, self.channel_name)
        try:
            self.upstream = await websockets.connect(
                url, subprotocols=["binary"], compression=None, max_size=None, open_timeout=10, proxy=None
            )
        except (OSError, TimeoutError, websockets.WebSocketException):
            await self.close(UPSTREAM_LOST)
            return
        self.filter = ViewOnly()
        self.pump = asyncio.create_task(self.carry())
        self.heart = asyncio.create_task(self.beat())

    async def beat(self):
        """For when no bell rang. Looks at once, too: something may have changed while the desktop was
        dialled."""
        while True:
            await self.person_changed()
            await asyncio.sleep(HEARTBEAT_S)

    async def person_changed(self, message=None):
        """A logout, a lost place, a lower role: what may not be opened now is not shown on."""
        if self.pump and not await self.may_go_on():
            self.pump.cancel()
            with contextlib.suppress(*GONE):
                await self.close(NO_DESKTOP)

    async def may_go_on(self) -> bool:
        try:
            return bool(await read(stream_of)(*self.bearer))
        except DatabaseError:
            logger.exception("who watches a desktop could not be read, so it is shown no longer")
            return False

    async def carry(self):
        """Everything the desktop sends, to the viewer; one message at a time, as fast as the viewer takes
        them."""
        with contextlib.suppress(websockets.WebSocketException, *GONE):
            async for data in self.upstream:
                await self.send(bytes_data=data if isinstance(data, bytes) else data.encode())
        with contextlib.suppress(*GONE):  # the browser went away first
            await self.close(UPSTREAM_LOST)

    async def receive(self, text_data=None, bytes_data=None):
        if self.pump is None or not bytes_data:
            return
        try:
            if passed := self.filter.feed(bytes_data):
                await self.upstream.send(passed)
        except (NotViewable, websockets.WebSocketException):
            await self.close(UPSTREAM_LOST)

    async def disconnect(self, code):
        for task in (self.pump, self.heart):
            if task:
                task.cancel()
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)
        if self.upstream:
            await self.upstream.close()
