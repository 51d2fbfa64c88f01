"""The live desktops: one picture for all who watch a computer, drawn only while somebody does. What is drawn
is `scene`'s matter, how it is said is `rfb`'s."""

import asyncio
import time
from contextlib import suppress

from PIL import Image
from starlette.websockets import WebSocket, WebSocketDisconnect

from simulator import rfb, scene, tiles, timeline
from simulator.keys import text_after
from simulator.scenarios import SCENARIOS
from simulator.world import World

FRAME_S = 0.22
# Somebody at the controls sees sooner what they do.
HANDS_ON_FRAME_S = 0.07
LARGER = (1280, 800)
GONE_AWAY = 1001


class Desktop:
    """The screen of one computer, as long as somebody watches it."""

    def __init__(self, world: World, sandbox_id: str):
        self.world = world
        self.sandbox_id = sandbox_id
        self.viewers: set[Viewer] = set()
        self.picture = Image.new("RGB", scene.SIZE)
        self.versions: dict[tiles.Tile, int] = {}
        self.person: scene.Person | None = None
        self.is_touched = asyncio.Event()
        self.living: asyncio.Task | None = None
        self._scene: scene.Scene | None = None
        self._encoded: dict[tuple[tiles.Tile, object], tuple[int, bytes]] = {}
        self._frame = 0

    async def live(self) -> None:
        """Draw until nobody watches or the computer goes away."""
        try:
            while self.viewers and self.world.computer(self.sandbox_id):
                self.draw()
                if self.is_touched.is_set():
                    self.is_touched.clear()
                    await asyncio.sleep(HANDS_ON_FRAME_S)
                else:
                    with suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(self.is_touched.wait(), FRAME_S)
        finally:
            for viewer in self.viewers:
                viewer.end()

    def draw(self) -> None:
        """Draw the picture of now; wake the viewers if it differs from the last one."""
        session, runs, run = self.world.at_work(self.sandbox_id)
        story = timeline.story_of(session, runs, run)
        if self._scene is None or self._scene.story != story:
            self._scene = scene.Scene(story)
        now = self.world.now()
        seconds = timeline.working_s(run, now)
        if self.person and now - self.person.at > scene.PERSON_HOLDS_S:
            self.person = scene.let_go(self.person)
        picture = self._scene.draw(
            seconds, clock=time.localtime(now), is_over=timeline.is_over(run, now), person=self.person
        )
        grows_after_s = SCENARIOS[run.scenario].grows_after_s
        if grows_after_s and seconds >= grows_after_s:
            picture = scene.enlarged(picture, LARGER)
        changed = tiles.changed(self.picture if self.versions else None, picture)
        if picture.size != self.picture.size:
            self.versions.clear()
            self._encoded.clear()
        self.picture = picture
        if changed:
            self._frame += 1
            self.versions.update(dict.fromkeys(changed, self._frame))
            for viewer in self.viewers:
                viewer.wake()

    def encoded(self, tile: tiles.Tile, form: rfb.PixelFormat | None) -> bytes:
        """A tile as Tight, or as raw pixels of a form; made once for all viewers."""
        version = self.versions[tile]
        kept = self._encoded.get((tile, form))
        if kept is None or kept[0] != version:
            part = self.picture.crop(tile.box)
            kept = version, tiles.as_raw(part, form) if form else tiles.as_tight(part)
            self._encoded[tile, form] = kept
        return kept[1]

    def take(self, event: rfb.Event) -> None:
        """Do what somebody at the controls did."""
        now = self.world.now()
        if isinstance(event, rfb.Pointer):
            self.person = scene.moved(self.person, x=event.x, y=event.y, is_pressed=event.buttons > 0, at=now)
        elif isinstance(event, rfb.Key) and event.is_down:
            self.person = scene.typed(self.person, text_after(self.person, event.keysym), at=now)
        elif isinstance(event, rfb.CutText):
            self.person = scene.typed(
                self.person, (self.person.typed if self.person else "") + event.text, at=now
            )
        self.is_touched.set()


class Viewer:
    """One connection to a desktop. At most one update is on its way: the next is sent when asked for."""

    def __init__(self, websocket: WebSocket, desktop: Desktop, password: str):
        self.websocket = websocket
        self.desktop = desktop
        width, height = desktop.picture.size
        self.talk = rfb.Conversation(width, height, "simulated desktop", password)
        self._zlib = tiles.ZlibStream()
        self._seen: dict[tiles.Tile, int] = {}
        self._asked: rfb.UpdateRequest | None = None
        self._news = asyncio.Event()
        self._has_ended = False

    def wake(self) -> None:
        self._news.set()

    def end(self) -> None:
        self._has_ended = True
        self._news.set()

    def take(self, data: bytes) -> None:
        """Raises rfb.Broken."""
        try:
            for event in self.talk.feed(data):
                if isinstance(event, rfb.UpdateRequest):
                    self._ask(event)
                elif not isinstance(event, rfb.Ready):
                    self.desktop.take(event)
        finally:
            self._news.set()

    def _ask(self, request: rfb.UpdateRequest) -> None:
        self._asked = request
        if not request.is_incremental:
            area = (request.x, request.y, request.x + request.width, request.y + request.height)
            for tile in [tile for tile in self._seen if tile.meets(area)]:
                del self._seen[tile]

    async def send(self) -> None:
        """Send what there is to send, until the desktop or the viewer goes away."""
        with suppress(WebSocketDisconnect, RuntimeError, rfb.Broken):
            while not self._has_ended:
                self._news.clear()
                await self.send_outgoing()
                rectangles = self._rectangles() if self._asked else []
                if rectangles:
                    self._asked = None
                    await self.websocket.send_bytes(rfb.update(rectangles))
                else:
                    await self._news.wait()
        with suppress(RuntimeError):
            await self.websocket.close(GONE_AWAY)

    async def send_outgoing(self) -> None:
        """Send what the conversation has to say."""
        if self.talk.outgoing:
            out, self.talk.outgoing = bytes(self.talk.outgoing), bytearray()
            await self.websocket.send_bytes(out)

    def _rectangles(self) -> list[bytes]:
        """What this viewer has not seen of the area it asked for. Raises rfb.Broken."""
        if self.desktop.picture.size != (self.talk.width, self.talk.height):
            self._seen.clear()
            return [self.talk.resize(*self.desktop.picture.size)]
        asked = self._asked
        area = (asked.x, asked.y, asked.x + asked.width, asked.y + asked.height)
        rectangles = []
        for tile, version in self.desktop.versions.items():
            if self._seen.get(tile) != version and tile.meets(area):
                self._seen[tile] = version
                rectangles.append(self._rectangle(tile))
        return rectangles

    def _rectangle(self, tile: tiles.Tile) -> bytes:
        form, known = self.talk.pixel_format, self.talk.encodings
        if rfb.TIGHT in known and form.is_plain:
            encoding, payload = rfb.TIGHT, self.desktop.encoded(tile, None)
        elif rfb.ZLIB in known:
            encoding, payload = rfb.ZLIB, self._zlib.payload(self.desktop.encoded(tile, form))
        else:
            encoding, payload = rfb.RAW, self.desktop.encoded(tile, form)
        return rfb.rectangle(tile.x, tile.y, tile.width, tile.height, encoding, payload)
