"""The socket of a desktop that is a bare stream: it carries pictures out, and nothing but looking back."""

import asyncio
import logging

from django.conf import settings
from django.db import DatabaseError
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import CloseCode

from outbound.addresses import Refused
from outbound.websocket import open_websocket
from people.bell import person_group
from people.permissions import OPERATE
from runs.desktop_door import bearer_of, stream_of
from runs.live import HEARTBEAT_S
from runs.sockets import CROWDED, GONE, NO_DESKTOP, Socket, read
from runs.view_only import NotViewable, ViewOnly

logger = logging.getLogger(__name__)

# Why a desktop is not shown, or no longer; the viewer has a sentence for each.
NOT_UNDERSTOOD, NOT_PUBLIC, TOO_MUCH, NOT_REACHED, BROKE, SILENT = 4400, 4406, 4413, 4502, 4503, 4504
BEGINS_WITHIN_S = 30


class DesktopConsumer(Socket):
    """Carries a bare RFB stream to our own viewer, and nothing but looking back. The address stays here: the
    viewer's page knows a token that is good for ten minutes. The stream ends with the login, the place in
    the team or the role by which it was opened."""

    permission = OPERATE  # asked for by `stream_of`, with each look
    upstream = None

    async def connect(self):
        offered = self.scope.get("subprotocols", [])
        await self.accept(subprotocol="binary" if "binary" in offered else None)
        self.bearer = bearer_of(self.scope["url_route"]["kwargs"]["token"])
        found = self.bearer and await read(stream_of)(*self.bearer)
        if not found:
            await self.close(NO_DESKTOP)
            return
        user_id, is_local, url = found
        if not self.take_place(user_id):
            await self.close(CROWDED)
            return
        await self.join(person_group(user_id))
        if code := await self.dial(url, is_local):
            await self.close(code)
            return
        self.filter = ViewOnly()
        self.do(self.carry())
        self.do(self.beat())
        self.do(self.give_up_the_silent())

    async def dial(self, url: str, is_local: bool) -> int:
        """The code that says why there is no connection, or 0."""
        try:
            self.upstream = await open_websocket(
                url, subprotocol="binary", networks=settings.DESKTOP_NETWORKS, allow_loopback=is_local
            )
        except Refused:
            return NOT_PUBLIC
        except TimeoutError:
            return SILENT
        except OSError:
            return NOT_REACHED
        except WebSocketException:
            return NOT_UNDERSTOOD
        return 0

    async def beat(self):
        """For when no bell rang. Looks at once, too: something may have changed while the desktop was
        dialled."""
        while True:
            await self.dispatch({"type": "person.changed"})
            await asyncio.sleep(HEARTBEAT_S)

    async def person_changed(self, message=None):
        """A logout, a lost place, a lower role: what may not be opened now is not shown on."""
        if self.upstream and not await self.may_go_on():
            await self.close(NO_DESKTOP)

    async def may_go_on(self) -> bool:
        try:
            return bool(await read(stream_of)(*self.bearer))
        except DatabaseError:
            logger.exception("who watches a desktop could not be read, so it is shown no longer")
            return False

    async def give_up_the_silent(self):
        await asyncio.sleep(BEGINS_WITHIN_S)
        if not self.filter.has_begun:
            await self.close(SILENT)

    async def carry(self):
        """Everything the desktop sends, to the viewer; one piece at a time, as fast as the viewer takes
        them."""
        code = BROKE
        try:
            while not self.is_over:
                async for data in self.upstream.recv_streaming(decode=False):
                    if passed := self.filter.from_desktop(data):
                        await self.send(bytes_data=passed)
        except NotViewable:
            code = NOT_UNDERSTOOD
        except ConnectionClosed as closed:
            code = TOO_MUCH if closed.sent and closed.sent.code == CloseCode.MESSAGE_TOO_BIG else BROKE
        except GONE:
            pass  # the browser went away first
        await self.close(code)

    async def receive(self, text_data=None, bytes_data=None):
        if self.upstream is None or self.is_over or not bytes_data:
            return
        try:
            if passed := self.filter.from_viewer(bytes_data):
                await self.upstream.send(passed)
        except NotViewable:
            await self.close(NOT_UNDERSTOOD)
        except WebSocketException:
            await self.close(BROKE)

    async def leave(self):
        await super().leave()
        if self.upstream:
            await self.upstream.close()
