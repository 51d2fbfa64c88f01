"""The sockets of the pages: join, forward, leave. Nothing is commanded over them. What a message names is
read now, as this person may see it now."""

import asyncio
import contextlib
import json
from urllib.parse import parse_qs

from django.db import DatabaseError
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.functional import cached_property

from people.bell import person_group
from people.models import Membership, membership_of
from people.permissions import WATCH, allows
from people.reading import ZONE_COOKIE, reading_as
from people.sessions import keep_login, person_signed_in
from runs import listing, live, tiles
from runs.broadcast import run_group, workspace_group
from runs.forms import RunFilterForm, WallForm
from runs.live import HEARTBEAT_S
from runs.models import Run
from runs.shell import what_is_wrong
from runs.sockets import CROWDED, GONE, NOT_FOUND, SIGNED_OUT, STANDING_CHANGED, TRY_AGAIN, Socket, read

# More than this is not pushed row by row: the page is told that it is behind, and fetches.
MOST_ROWS = 10


def now() -> str:
    """The time by which the pages count."""
    return timezone.now().isoformat()


class LiveConsumer(Socket):
    """What the pages' sockets share. A subclass says which events concern its page, and renders them.

    An announcement is only a bell. What is told is read from the history: every event of this page that this
    socket has not told yet. So announcements may get lost, doubled or swapped; the next one, or the next
    heartbeat, makes up for it. Bells and heartbeats take turns, so nothing older is ever sent after something
    newer."""

    standing = ""
    told: frozenset[int] = frozenset()

    async def connect(self):
        self.looking = asyncio.Lock()
        await self.accept()
        if code := await read(self.trouble)():
            await self.close(code)
            return
        if not self.take_place(self.user.pk):
            await self.close(CROWDED)
            return
        # First joined, then read: whatever happens in between is known or rings.
        await self.join(self.group, person_group(self.user.pk))
        await self.say(await read(self.greeting)())
        self.do(self.beat())

    async def beat(self):
        while not self.is_over:
            await asyncio.sleep(HEARTBEAT_S)
            await self.dispatch({"type": "heart.beat"})

    async def heart_beat(self, message):
        """Every 20 s: what no bell told of, and the newest event id, by which a page knows that it is up to
        date. Joins anew, because the layer forgets members after a day, and those who were slow once."""
        await self.join(*self.joined)
        await self.look(is_beat=True)

    async def run_changed(self, message):
        await self.look()

    async def person_changed(self, message):
        """A logout, a lost place, a lower role: the look that comes with a heartbeat, at once."""
        await self.look(is_beat=True)

    async def look(self, *, is_beat: bool = False):
        async with self.looking:
            if self.is_over:
                return
            code, messages = await read(self.news)(is_beat)
            for message in messages:
                await self.say(message)
            if code:
                await self.close(code)

    async def say(self, message: dict):
        try:
            await self.send(text_data=json.dumps(message))
        except GONE:
            self.is_over = True

    def trouble(self) -> int:
        """The code to close with, when this page may not be shown to its reader as it is; else 0."""
        self.user = person_signed_in(self.scope["session"].session_key)
        if self.user is None:
            return SIGNED_OUT
        membership = self.find()
        if membership is None or not allows(self.permission, self.user, membership):
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
        newest = recent[0][0] if recent else 0
        return {"type": "hello", "event": newest, "standing": self.standing, "now": now()}

    def news(self, is_beat: bool) -> tuple[int, list[dict]]:
        """A code to close with, or 0, and what to say: what happened since this was asked last."""
        recent = self.recent_events()
        run_ids = {run_id for event_id, run_id in recent if event_id not in self.told}
        if not run_ids and not is_beat:
            return 0, []
        if code := self.trouble():
            return code, []
        newest = recent[0][0] if recent else 0
        # Where nothing is left of what was told, there was more in between than is looked back.
        is_gap = len(recent) == live.RECENT_EVENTS and self.told.isdisjoint(dict(recent))
        zone = self.scope["cookies"].get(ZONE_COOKIE, "")
        with reading_as(self.membership.user, self.accept_language, zone):
            try:
                messages = self.changes(run_ids, newest, is_gap=is_gap) if run_ids else []
            except Run.DoesNotExist:  # taken from its reader since the question above
                return self.trouble() or TRY_AGAIN, []
            self.told = frozenset(event_id for event_id, _ in recent)
            if is_beat:
                messages.append({"type": "heartbeat", "event": newest, "now": now(), **self.attend()})
        return 0, messages

    @cached_property
    def accept_language(self) -> str:
        """The languages of the browser, as it said when it opened the socket."""
        return dict(self.scope["headers"]).get(b"accept-language", b"").decode("latin-1")

    def recent_events(self) -> list[tuple[int, int]]:
        """Id and run of the newest events that concern this page, newest first."""
        return live.recent_events(**self.concerns)

    def find(self) -> Membership | None:
        """In what capacity this person sees the page, None if they do not. Sets `group` and `concerns`."""
        raise NotImplementedError

    def changes(self, run_ids: set[int], newest: int, *, is_gap: bool) -> list[dict]:
        """What to say about these runs; with a gap there may be others that changed."""
        raise NotImplementedError

    def attend(self) -> dict:
        """Done at the beginning and with every heartbeat; what the heartbeat carries besides."""
        return {"content": live.notices({"membership": self.membership} | what_is_wrong(self.membership))}


class WorkspaceConsumer(LiveConsumer):
    """A page of many runs of the workspace its reader works in."""

    permission = WATCH

    def find(self) -> Membership | None:
        membership = membership_of(self.user)
        if membership:
            self.group = workspace_group(membership.workspace_id)
            self.concerns = {"workspace": membership.workspace_id}
        return membership

    @cached_property
    def query(self) -> MultiValueDict:
        """The parameters of the page's address."""
        return MultiValueDict(parse_qs(self.scope["query_string"].decode("utf-8", "replace")))

    def changes(self, run_ids: set[int], newest: int, *, is_gap: bool) -> list[dict]:
        if is_gap or len(run_ids) > MOST_ROWS:
            return [{"type": "behind", "event": newest}]
        return self.few_changes(run_ids, newest)

    def few_changes(self, run_ids: set[int], newest: int) -> list[dict]:
        """What to say about these runs, of which there are no more than can be told one by one."""
        raise NotImplementedError


class RunListConsumer(WorkspaceConsumer):
    """The runs list, under the filters of its page."""

    @cached_property
    def filters(self) -> dict:
        return RunFilterForm(self.query).asked

    def few_changes(self, run_ids: set[int], newest: int) -> list[dict]:
        matching = set(
            listing.filtered(self.membership, self.filters)
            .filter(pk__in=run_ids)
            .values_list("pk", flat=True)
        )
        counted = listing.counts_of(self.membership)
        counts = live.list_counts(listing.chips_of(counted, self.filters), counted)
        runs = list(Run.objects.visible_to(self.user).for_list().filter(pk__in=run_ids).order_by("pk"))
        listing.mark_matches(runs, self.filters.get("q", ""))
        return [
            {
                "type": "run.changed",
                "run": run.pk,
                "event": newest,
                "status": run.status,
                "matches": run.pk in matching,
                "content": live.list_row(run) + counts,
            }
            for run in runs
        ]


class WallConsumer(WorkspaceConsumer):
    """The tiles of the wall, under the filters of its page."""

    @cached_property
    def filters(self) -> dict:
        return WallForm(self.query).asked

    def few_changes(self, run_ids: set[int], newest: int) -> list[dict]:
        at, badge = timezone.now(), live.side_counts(self.membership)
        found = tiles.filtered(self.membership, self.filters).filter(pk__in=run_ids).order_by("pk")
        on_wall = [run for run in found if tiles.is_shown(run, at)]
        gone = run_ids - {run.pk for run in on_wall}
        return [
            self._change(run.pk, newest, live.wall_tile(run, self.membership) + badge) for run in on_wall
        ] + [self._change(pk, newest, badge, matches=False) for pk in sorted(gone)]

    def attend(self) -> dict:
        """Nobody asks for pages at a screen in the corridor: a wall in kiosk mode keeps its login."""
        if "kiosk" in self.filters:
            keep_login(self.scope["session"].session_key)
        return super().attend()

    def _change(self, run_id: int, newest: int, content: str, *, matches: bool = True) -> dict:
        return {"type": "run.changed", "run": run_id, "event": newest, "matches": matches, "content": content}


class RunConsumer(LiveConsumer):
    """The page of one run."""

    permission = WATCH

    def find(self) -> Membership | None:
        pk = self.scope["url_route"]["kwargs"]["pk"]
        workspaces = Run.objects.visible_to(self.user).filter(pk=pk).values_list("workspace", flat=True)
        workspace_id = workspaces.first()
        if workspace_id is None:
            return None
        self.run_id, self.group, self.concerns = pk, run_group(pk), {"run": pk}
        return membership_of(self.user, workspace_id)

    def changes(self, run_ids: set[int], newest: int, *, is_gap: bool) -> list[dict]:
        pushed = live.run_push(self.run_id, self.membership, newest)
        return [{"type": "run.changed", "run": self.run_id, "event": newest, **pushed}]

    def attend(self) -> dict:
        """Keeps the run among those somebody watches. The counts in the side bar are of other runs
        too, for which no bell rings here."""
        with contextlib.suppress(DatabaseError):
            Run.objects.filter(pk=self.run_id).somebody_watches()
        return {"content": live.side_counts(self.membership) + super().attend()["content"]}
