"""What every socket stands on: a place of its person's, threads that read, and the codes it closes with."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError, close_old_connections, connection

from people.permissions import ANYONE, Permission

logger = logging.getLogger(__name__)

SIGNED_OUT, STANDING_CHANGED, NOT_FOUND, NO_DESKTOP, CROWDED = 4401, 4403, 4404, 4409, 4429
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
    is_over = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.joined: set[str] = set()
        self.tasks: set[asyncio.Task] = set()

    async def __call__(self, scope, receive, send):
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self.leave()

    async def dispatch(self, message):
        """A socket that failed to tell something must not stay open as if it had told everything: the page
        comes back and fetches."""
        try:
            await super().dispatch(message)
        except StopConsumer:
            raise
        except OSError:  # the browser went away while something was said to it, or what we ask did
            await self.close(TRY_AGAIN)
        except Exception:
            logger.exception("a socket failed, its page is asked to come back")
            await self.close(TRY_AGAIN)

    async def disconnect(self, code):
        self.is_over = True

    async def close(self, code=None, reason=None):
        """Once, whoever comes first: the browser, the server, or one of several reasons of ours."""
        self.leave_place()
        if not self.is_over:
            self.is_over = True
            with contextlib.suppress(*GONE):
                await super().close(code, reason)

    async def join(self, *groups: str) -> None:
        self.joined.update(groups)
        for group in groups:
            await self.channel_layer.group_add(group, self.channel_name)

    def do(self, work: Coroutine) -> None:
        """Beside what else this socket does, and for as long as it is open."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def leave(self) -> None:
        """After every ending, whatever it was: a channel that nobody reads would be written to for a day."""
        self.is_over = True
        self.leave_place()
        for task in self.tasks:
            task.cancel()
        for group in self.joined:
            try:
                await self.channel_layer.group_discard(group, self.channel_name)
            except Exception:
                logger.warning("a socket's group was not left", exc_info=True)

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
