"""What every socket stands on: a place of its person's, threads that read, and the codes it closes with."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError, close_old_connections, connection

from people.permissions import ANYONE, Permission

SIGNED_OUT, STANDING_CHANGED, NOT_FOUND, NO_DESKTOP, CROWDED = 4401, 4403, 4404, 4409, 4429
UPSTREAM_LOST = 4502
TRY_AGAIN = 1013
# What sending says of a browser that is gone: RuntimeError when it is the server that gave it up, because its
# ping was not answered (uvicorn).
GONE = (OSError, RuntimeError)
# Of one person in one process: tabs, and the desktops in them.
MOST_SOCKETS = 20
READERS = 4
_readers = ThreadPoolExecutor(READERS, thread_name_prefix="socket")


def read(function):
    """Run a reading function on one of a few threads that keep their connection: the helper of Channels opens
    and closes one for every call, and the default of `sync_to_async` puts all sockets on a single thread."""

    async def on_a_reader(*args):
        return await asyncio.get_running_loop().run_in_executor(_readers, _kept_connected, function, args)

    return on_a_reader


def _kept_connected(function, args):
    try:
        return function(*args)
    except DatabaseError:
        close_old_connections()
        raise
    finally:
        if connection.vendor != "sqlite":
            close_old_connections()  # a server's connections are lent by a pool, and go back to it


class Socket(AsyncWebsocketConsumer):
    """One of a person's sockets, of which a process holds so many and no more. A subclass says who may open
    it; what says nothing is open to nobody."""

    permission: Permission | None = None
    open_of: Counter[int] = Counter()
    holder: int | None = None

    async def __call__(self, scope, receive, send):
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.leave_place()

    async def close(self, code=None, reason=None):
        self.leave_place()
        await super().close(code, reason)

    def take_place(self, user_id: int) -> bool:
        """Whether this person may have one more."""
        if self.open_of[user_id] >= MOST_SOCKETS:
            return False
        self.open_of[user_id] += 1
        self.holder = user_id
        return True

    def leave_place(self) -> None:
        if self.holder is not None:
            self.open_of.subtract([self.holder])
            if not self.open_of[self.holder]:
                del self.open_of[self.holder]
            self.holder = None


class NoSuchSocket(AsyncWebsocketConsumer):
    """Any other path: refused in the handshake."""

    permission = ANYONE

    async def connect(self):
        await self.close()
