"""The server's half of RFB (RFC 6143) without input or output: bytes in, events and bytes out. Speaks 3.3,
3.7 and 3.8, with no authentication or VNC's. Knows no pictures; `tiles` makes what goes into an update."""

import os
import struct
from collections.abc import Generator
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

RAW, ZLIB, TIGHT = 0, 6, 7
DESKTOP_SIZE = -223
SECURITY_NONE, SECURITY_VNC = 1, 2
SET_PIXEL_FORMAT, SET_ENCODINGS, UPDATE_REQUEST, KEY, POINTER, CUT_TEXT = 0, 2, 3, 4, 5, 6
LARGEST_CUT_TEXT = 1 << 20
PIXEL_FORMAT = struct.Struct(">BBBBHHHBBB3x")


class Broken(Exception):
    """The viewer does not speak RFB, or was refused; after what is left in `outgoing`, hang up."""


@dataclass(frozen=True)
class PixelFormat:
    bits: int = 32
    depth: int = 24
    is_big_endian: int = 0
    is_true_colour: int = 1
    red_max: int = 255
    green_max: int = 255
    blue_max: int = 255
    red_shift: int = 16
    green_shift: int = 8
    blue_shift: int = 0

    @property
    def fits(self) -> bool:
        return all(
            most > 0 and shift < 32 and most << shift < 1 << self.bits
            for most, shift in (
                (self.red_max, self.red_shift),
                (self.green_max, self.green_shift),
                (self.blue_max, self.blue_shift),
            )
        )

    @property
    def is_plain(self) -> bool:
        """Eight bits a colour in four bytes: then Tight sends three bytes, red first."""
        maxima = (self.red_max, self.green_max, self.blue_max)
        return (self.bits, self.depth, *maxima) == (32, 24, 255, 255, 255)


@dataclass(frozen=True)
class Ready:
    """The handshake is over."""


@dataclass(frozen=True)
class UpdateRequest:
    is_incremental: bool
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Key:
    is_down: bool
    keysym: int


@dataclass(frozen=True)
class Pointer:
    buttons: int
    x: int
    y: int


@dataclass(frozen=True)
class CutText:
    text: str


Event = Ready | UpdateRequest | Key | Pointer | CutText


class Conversation:
    """Feed it what the viewer sends; it gives events. `outgoing` is what has to be sent, and is the caller's
    to empty."""

    def __init__(self, width: int, height: int, name: str, password: str = ""):
        self.width = width
        self.height = height
        self.name = name
        self.password = password
        self.pixel_format = PixelFormat()
        self.encodings: tuple[int, ...] = ()
        self.outgoing = bytearray(b"RFB 003.008\n")
        self._events: list[Event] = []
        self._buffer = bytearray()
        self._talk = self._whole_talk()
        self._wanted = next(self._talk)

    def feed(self, data: bytes) -> list[Event]:
        """The events in `data`. Raises Broken."""
        self._buffer += data
        while len(self._buffer) >= self._wanted:
            taken = bytes(self._buffer[: self._wanted])
            del self._buffer[: self._wanted]
            self._wanted = self._talk.send(taken)
        events, self._events = self._events, []
        return events

    def resize(self, width: int, height: int) -> bytes:
        """The rectangle that tells the viewer of a new size. Raises Broken when it cannot be told."""
        if DESKTOP_SIZE not in self.encodings:
            raise Broken("the viewer does not follow a new size")
        self.width, self.height = width, height
        return rectangle(0, 0, width, height, DESKTOP_SIZE, b"")

    # Every `yield n` asks for the next n bytes.

    def _whole_talk(self) -> Generator[int, bytes, None]:
        minor = yield from self._version()
        yield from self._security(minor)
        yield 1  # whether to share the desktop: it always is
        name = self.name.encode()
        self.outgoing += struct.pack(">HH", self.width, self.height) + self._packed_format()
        self.outgoing += struct.pack(">I", len(name)) + name
        self._events.append(Ready())
        while True:
            yield from self._message()

    def _version(self) -> Generator[int, bytes, int]:
        version = yield 12
        if not (version.startswith(b"RFB 003.") and version.endswith(b"\n") and version[8:11].isdigit()):
            raise Broken("not an RFB version")
        minor = int(version[8:11])
        return 8 if minor >= 8 else 7 if minor == 7 else 3

    def _security(self, minor: int) -> Generator[int, bytes, None]:
        kind = SECURITY_VNC if self.password else SECURITY_NONE
        if minor == 3:
            self.outgoing += struct.pack(">I", kind)
        else:
            self.outgoing += bytes([1, kind])
            chosen = yield 1
            if chosen[0] != kind:
                self._refuse(minor, "This security type was not offered")
        if kind == SECURITY_VNC:
            challenge = os.urandom(16)
            self.outgoing += challenge
            response = yield 16
            if response != answer_to(challenge, self.password):
                self._refuse(minor, "Wrong password")
        if kind == SECURITY_VNC or minor == 8:
            self.outgoing += struct.pack(">I", 0)

    def _refuse(self, minor: int, reason: str) -> None:
        self.outgoing += struct.pack(">I", 1)
        if minor == 8:
            self.outgoing += struct.pack(">I", len(reason)) + reason.encode()
        raise Broken(reason)

    def _packed_format(self) -> bytes:
        form = self.pixel_format
        return PIXEL_FORMAT.pack(
            form.bits,
            form.depth,
            form.is_big_endian,
            form.is_true_colour,
            form.red_max,
            form.green_max,
            form.blue_max,
            form.red_shift,
            form.green_shift,
            form.blue_shift,
        )

    def _message(self) -> Generator[int, bytes, None]:
        kind = (yield 1)[0]
        if kind == SET_PIXEL_FORMAT:
            form = PixelFormat(*PIXEL_FORMAT.unpack((yield 19)[3:]))
            if not form.is_true_colour or form.bits not in (8, 16, 32) or not form.fits:
                raise Broken("only true colour in 8, 16 or 32 bits")
            self.pixel_format = form
        elif kind == SET_ENCODINGS:
            (count,) = struct.unpack(">xH", (yield 3))
            packed = (yield count * 4) if count else b""
            self.encodings = struct.unpack(f">{count}i", packed)
        elif kind == UPDATE_REQUEST:
            incremental, *area = struct.unpack(">BHHHH", (yield 9))
            self._events.append(UpdateRequest(bool(incremental), *area))
        elif kind == KEY:
            down, keysym = struct.unpack(">BxxI", (yield 7))
            self._events.append(Key(bool(down), keysym))
        elif kind == POINTER:
            self._events.append(Pointer(*struct.unpack(">BHH", (yield 5))))
        elif kind == CUT_TEXT:
            (length,) = struct.unpack(">3xI", (yield 7))
            if length > LARGEST_CUT_TEXT:
                raise Broken("too long a text")
            text = (yield length) if length else b""
            self._events.append(CutText(text.decode("latin-1")))
        else:
            raise Broken(f"unknown message {kind}")


def rectangle(x: int, y: int, width: int, height: int, encoding: int, payload: bytes) -> bytes:
    return struct.pack(">HHHHi", x, y, width, height, encoding) + payload


def update(rectangles: list[bytes]) -> bytes:
    """One FramebufferUpdate."""
    return struct.pack(">BxH", 0, len(rectangles)) + b"".join(rectangles)


def answer_to(challenge: bytes, password: str) -> bytes:
    """VNC's DES answer: the first eight bytes of the password, each with its bits the other way round."""
    key = password.encode("latin-1", "replace")[:8].ljust(8, b"\0")
    mirrored = bytes(int(f"{byte:08b}"[::-1], 2) for byte in key)
    # Three times the same key is plain DES. RFB's authentication is what it is: it guards nothing real here.
    des = Cipher(TripleDES(mirrored * 3), modes.ECB()).encryptor()  # noqa: S305
    return des.update(challenge) + des.finalize()
