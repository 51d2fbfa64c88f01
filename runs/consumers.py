"""Sockets: join, forward, leave. Nothing is commanded over them. What a message names is read now, as this
person may see it now."""

import asyncio
import contextlib
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import websockets
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError, close_old_connections, connection
from django.utils.functional import cached_property

from people.models import Membership, membership_of
from people.sessions import person_signed_in
from runs import listing, live
from runs.broadcast import run_group, workspace_group
from runs.desktop_door import stream_of
from runs.forms import RunFilterForm
from runs.live import HEARTBEAT_S
from runs.models import Run
from runs.view_only import NotViewable, ViewOnly

logger = logging.getLogger(__name__)

SIGNED_OUT, STANDING_CHANGED, NOT_FOUND, NO_DESKTOP, UPSTREAM_LOST = 4401, 4403, 4404, 4409, 4502
TRY_AGAIN = 1013
READERS = 4
_readers = ThreadPoolExecutor(READERS, thread_name_prefix="socket")
# More than this is not pushed row by row: the page is told that it is behind, and fetches.
MOST_ROWS = 10


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


class LiveConsumer(AsyncWebsocketConsumer):
    """What the pages' sockets share. A subclass says which events concern its page, and renders them.

    An announcement is only a bell. What is told is read from the history: every event of this page that this
    socket has not told yet. So announcements may get lost, doubled or swapped; the next one, or the next
    heartbeat, makes up for it. Bells and heartbeats take turns, so nothing older is ever sent after something
    newer."""

    is_over = False
    standing = ""
    told: frozenset[int] = frozenset()

    async def connect(self):
        self.looking = asyncio.Lock()
        await self.accept()
        if code := await read(self.trouble)():
            await self.end(code)
            return
        # First joined, then read: whatever happens in between is known or rings.
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.say(await read(self.greeting)())
        self.heart = asyncio.create_task(self.beat())

    async def disconnect(self, code):
        self.is_over = True
        if heart := getattr(self, "heart", None):
            heart.cancel()
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def dispatch(self, message):
        """A socket that failed to tell something must not stay open as if it had told everything: the page
        comes back and fetches."""
        try:
            await super().dispatch(message)
        except StopConsumer:
            raise
        except OSError:
            self.is_over = True  # the browser went away while something was said to it
        except Exception:
            logger.exception("a live socket failed, its page is asked to come back")
            await self.end(TRY_AGAIN)

    async def beat(self):
        while not self.is_over:
            await asyncio.sleep(HEARTBEAT_S)
            await self.dispatch({"type": "heart.beat"})

    async def heart_beat(self, message):
        """Every 20 s: what no bell told of, and the newest event id, by which a page knows that it is up to
        date. Joins anew, because the layer forgets members after a day, and those who were slow once."""
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.look(is_beat=True)

    async def run_changed(self, message):
        await self.look()

    async def look(self, *, is_beat: bool = False):
        async with self.looking:
            if self.is_over:
                return
            code, messages = await read(self.news)(is_beat)
            for message in messages:
                await self.say(message)
            if code:
                await self.end(code)

    async def say(self, message: dict):
        try:
            await self.send(text_data=json.dumps(message))
        except OSError:
            self.is_over = True  # the browser is gone

    async def end(self, code: int):
        if not self.is_over:
            self.is_over = True
            with contextlib.suppress(OSError, RuntimeError):
                await self.close(code)

    def trouble(self) -> int:
        """The code to close with, when this page may not be shown to its reader as it is; else 0."""
        self.user = person_signed_in(self.scope["session"].session_key)
        if self.user is None:
            return SIGNED_OUT
        membership = self.find()
        if membership is None:
            return NOT_FOUND
        standing = live.standing_of(membership)
        if self.standing not in ("", standing):
            return STANDING_CHANGED
        self.membership, self.standing = membership, standing
        return 0

    def greeting(self) -> dict:
        recent = self.recent_events()
        self.told = frozenset(event_id for event_id, _ in recent)
        self.attend()
        return {"type": "hello", "event": recent[0][0] if recent else 0, "standing": self.standing}

    def news(self, is_beat: bool) -> tuple[int, list[dict]]:
        """A code to close with, or 0, and what to say: what happened since this was asked last."""
        recent = self.recent_events()
        run_ids = {run_id for event_id, run_id in recent if event_id not in self.told}
        if not run_ids and not is_beat:
            return 0, []
        if code := self.trouble():
            return code, []
        newest = recent[0][0] if recent else 0
        messages = self.changes(run_ids, newest) if run_ids else []
        self.told = frozenset(event_id for event_id, _ in recent)
        if is_beat:
            messages.append({"type": "heartbeat", "event": newest, **self.attend()})
        return 0, messages

    def recent_events(self) -> list[tuple[int, int]]:
        """Id and run of the newest events that concern this page, newest first."""
        return live.recent_events(**self.concerns)

    def find(self) -> Membership | None:
        """In what capacity this person sees the page, None if they do not. Sets `group` and `concerns`."""
        raise NotImplementedError

    def changes(self, run_ids: set[int], newest: int) -> list[dict]:
        """What to say about these runs."""
        raise NotImplementedError

    def attend(self) -> dict:
        """Done at the beginning and with every heartbeat; what the heartbeat carries besides."""
        return {}


class RunListConsumer(LiveConsumer):
    """The runs list, under the filters of its page."""

    def find(self) -> Membership | None:
        membership = membership_of(self.user)
        if membership:
            self.group = workspace_group(membership.workspace_id)
            self.concerns = {"workspace": membership.workspace_id}
        return membership

    @cached_property
    def filters(self) -> dict:
        query = parse_qs(self.scope["query_string"].decode("utf-8", "replace"))
        return RunFilterForm({name: values[-1] for name, values in query.items()}).filters()

    def changes(self, run_ids: set[int], newest: int) -> list[dict]:
        if len(run_ids) > MOST_ROWS:
            return [{"type": "behind", "event": newest}]
        matching = set(
            listing.filtered(self.user, self.filters).filter(pk__in=run_ids).values_list("pk", flat=True)
        )
        counts = live.list_counts(listing.chips_of(self.user, self.filters))
        return [
            {
                "type": "run.changed",
                "run": run.pk,
                "event": newest,
                "status": run.status,
                "matches": run.pk in matching,
                "content": live.list_row(run) + counts,
            }
            for run in Run.objects.visible_to(self.user).for_display().filter(pk__in=run_ids).order_by("pk")
        ]


class RunConsumer(LiveConsumer):
    """The page of one run."""

    def find(self) -> Membership | None:
        pk = self.scope["url_route"]["kwargs"]["pk"]
        self.run = Run.objects.visible_to(self.user).for_display().filter(pk=pk).first()
        if not self.run:
            return None
        self.group, self.concerns = run_group(pk), {"run": pk}
        return membership_of(self.user, self.run.workspace_id)

    def changes(self, run_ids: set[int], newest: int) -> list[dict]:
        content = live.run_parts(self.run, self.membership) + self.active_badge()
        return [
            {
                "type": "run.changed",
                "run": self.run.pk,
                "event": newest,
                "status": self.run.status,
                "content": content,
            }
        ]

    def attend(self) -> dict:
        """Keeps the run among those somebody watches. The count in the side bar is of other runs
        too, for which no bell rings here."""
        with contextlib.suppress(DatabaseError):
            self.run.somebody_watches()
        return {"content": self.active_badge()}

    def active_badge(self) -> str:
        return live.active_badge(listing.active_count(self.user))


class DesktopConsumer(AsyncWebsocketConsumer):
    """Carries a bare RFB stream to our own viewer, and nothing but looking back. The address stays here: the
    viewer's page knows a token that is good for ten minutes."""

    upstream = pump = None

    async def dispatch(self, message):
        with contextlib.suppress(OSError):  # the browser went away while something was said to it
            await super().dispatch(message)

    async def connect(self):
        offered = self.scope.get("subprotocols", [])
        await self.accept(subprotocol="binary" if "binary" in offered else None)
        url = await read(stream_of)(self.scope["url_route"]["kwargs"]["token"])
        if url is None:
            await self.close(NO_DESKTOP)
            return
        try:
            self.upstream = await websockets.connect(
                url, subprotocols=["binary"], compression=None, max_size=None, open_timeout=10, proxy=None
            )
        except (OSError, TimeoutError, websockets.WebSocketException):
            await self.close(UPSTREAM_LOST)
            return
        self.filter = ViewOnly()
        self.pump = asyncio.create_task(self.carry())

    async def carry(self):
        """Everything the desktop sends, to the viewer; one message at a time, as fast as the viewer takes
        them."""
        with contextlib.suppress(websockets.WebSocketException, OSError):
            async for data in self.upstream:
                await self.send(bytes_data=data if isinstance(data, bytes) else data.encode())
        with contextlib.suppress(OSError):  # the browser went away first
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
        if self.pump:
            self.pump.cancel()
        if self.upstream:
            await self.upstream.close()


class NoSuchSocket(AsyncWebsocketConsumer):
    """Any other path: refused in the handshake."""

    async def connect(self):
        await self.close()
