"""Sockets: join, forward, leave. Nothing is commanded over them. What a message names is read now, as this
person may see it now."""

import asyncio
import contextlib
import json
import logging
from urllib.parse import parse_qs

import websockets
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from people.models import membership_of
from people.sessions import person_signed_in
from runs import listing, live
from runs.broadcast import run_group, workspace_group
from runs.desktop_door import stream_of
from runs.forms import RunFilterForm
from runs.models import Run, newest_event_id
from runs.view_only import NotViewable, ViewOnly

logger = logging.getLogger(__name__)

HEARTBEAT_S = 20
SIGNED_OUT, NOT_FOUND, NO_DESKTOP, UPSTREAM_LOST = 4401, 4404, 4409, 4502


def read(function):
    """Run a reading function on any free thread: the default would put all sockets' reading on a single
    one."""
    return database_sync_to_async(function, thread_sensitive=False)


class LiveConsumer(AsyncWebsocketConsumer):
    """What the pages' sockets share. A subclass names its group and renders a change for its page."""

    group = ""

    async def connect(self):
        await self.accept()
        if not await read(self.find)():
            await self.close(SIGNED_OUT if await read(self.person)() is None else NOT_FOUND)
            return
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.say({"type": "hello", "event": await read(self.newest)()})
        self.heart = asyncio.create_task(self.beat())

    async def disconnect(self, code):
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)
        if heart := getattr(self, "heart", None):
            heart.cancel()

    async def beat(self):
        """The newest event id every 20 s: a page that has missed one finds out."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if await read(self.person)() is None:
                await self.close(SIGNED_OUT)
                return
            await self.say({"type": "heartbeat", "event": await read(self.newest)()})

    async def run_changed(self, message):
        """A run changed: the page's part for it, as this person may see it now."""
        change = await read(self.change)(message["run_id"])
        if change is None:
            return
        await self.say(
            {"type": "run.changed", "run": message["run_id"], "event": message["event_id"], **change}
        )

    async def say(self, message: dict):
        await self.send(text_data=json.dumps(message))

    def person(self):
        return person_signed_in(self.scope["session"].session_key)

    def newest(self) -> int:
        return newest_event_id(self.workspace)

    def find(self) -> bool:
        """Whether there is something here for this person; sets `group` and `workspace`."""
        raise NotImplementedError

    def change(self, run_id: int) -> dict | None:
        """What to tell the page about this run, or None for what this person may not see."""
        raise NotImplementedError


class RunListConsumer(LiveConsumer):
    """The runs list, under the filters of its page."""

    def find(self) -> bool:
        user = self.person()
        membership = membership_of(user) if user else None
        if membership is None:
            return False
        self.workspace = membership.workspace
        self.group = workspace_group(self.workspace.pk)
        query = parse_qs(self.scope["query_string"].decode("utf-8", "replace"))
        self.filters = RunFilterForm({name: values[-1] for name, values in query.items()}).filters()
        return True

    def change(self, run_id: int) -> dict | None:
        user = self.person()
        run = user and Run.objects.visible_to(user).for_display().filter(pk=run_id).first()
        if not run:
            return None
        chips = listing.chips_of(user, self.filters)
        active_count = next(chip.count for chip in chips if chip.key == "active")
        return {
            "status": run.status,
            "matches": listing.filtered(user, self.filters).filter(pk=run_id).exists(),
            "content": live.list_rows([run]) + live.list_counts(chips, active_count),
        }


class RunConsumer(LiveConsumer):
    """The page of one run."""

    def find(self) -> bool:
        run = self.visible_run(self.run_id)
        if not run:
            return False
        self.workspace, self.group = run.workspace, run_group(run.pk)
        return True

    @property
    def run_id(self) -> int:
        return self.scope["url_route"]["kwargs"]["pk"]

    def visible_run(self, run_id: int) -> Run | None:
        self.user = self.person()
        return self.user and Run.objects.visible_to(self.user).for_display().filter(pk=run_id).first()

    def newest(self) -> int:
        newest = self.visible_run(self.run_id)
        return newest.events.values_list("pk", flat=True).first() or 0 if newest else 0

    def change(self, run_id: int) -> dict | None:
        run = self.visible_run(run_id)
        if not run:
            return None
        return {
            "status": run.status,
            "content": live.run_parts(run, membership_of(self.user, run.workspace_id)),
        }


class DesktopConsumer(AsyncWebsocketConsumer):
    """Carries a bare RFB stream to our own viewer, and nothing but looking back. The address stays here: the
    viewer's page knows a token that is good for ten minutes."""

    upstream = pump = None

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
