"""Letting a viewer watch a remote desktop without touching it: drops keys, pointer and clipboard from what
its viewer sends. Sans-I/O; reads the viewer's half of RFB, and of the desktop's half what decides how the
viewer's is read (RFC 6143, sections 7.1 to 7.5)."""

import re
import struct

VERSION_BYTES = 12
SECURITY_NONE, SECURITY_VNC = 1, 2
VNC_RESPONSE_BYTES = 16
SET_PIXEL_FORMAT, SET_ENCODINGS, UPDATE_REQUEST, KEY, POINTER, CUT_TEXT = 0, 2, 3, 4, 5, 6
PASSED = (SET_PIXEL_FORMAT, SET_ENCODINGS, UPDATE_REQUEST)
LENGTHS = {SET_PIXEL_FORMAT: 20, UPDATE_REQUEST: 10, KEY: 8, POINTER: 6}
MAX_ENCODINGS = 1000
MAX_CUT_TEXT = 1 << 20

# What a viewer may ask for: ways to draw, and how well. All else lets one of both speak of more than pictures
# (fences, continuous updates, other clipboards, keys and sizes), in messages that are not known here.
ENCODINGS = frozenset(
    [
        *(0, 1, 2, 5, 6, 7, 16, 21, 50),  # Raw, CopyRect, RRE, Hextile, Zlib, Tight, ZRLE, JPEG, H.264
        -260,  # TightPNG
        *range(-32, -22),  # the quality of JPEG
        *range(-256, -246),  # how much to compress
        *(-223, -224),  # DesktopSize, LastRect
        *(-239, 0x574D5664),  # Cursor, VMware's cursor
        -307,  # DesktopName
    ]
)


class NotViewable(Exception):
    """One of both speaks a form of RFB this filter does not know, so nothing may pass."""


class _Half:
    """What one side sends, read piece by piece."""

    def __init__(self):
        self._buffer = bytearray()
        self._read = self._version

    def feed(self, data: bytes) -> bytes:
        """The bytes that may pass, complete messages only. Raises NotViewable."""
        self._buffer += data
        passed = bytearray()
        while (piece := self._read()) is not None:
            passed += piece
        return bytes(passed)

    def _take(self, size: int) -> bytes | None:
        return None if len(self._buffer) < size else self._cut(size)

    def _cut(self, size: int) -> bytes:
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        return piece

    def _version(self) -> bytes | None:
        raise NotImplementedError


class _Desktop(_Half):
    """Passes all it says, but for the ways to sign in that cannot be passed on."""

    offered: bytes | None = None

    def _version(self) -> bytes | None:
        version = self._take(VERSION_BYTES)
        if version is not None:
            # Before 3.7 it decides alone how to sign in, and what its viewer sends is to be read otherwise.
            if not re.fullmatch(rb"RFB \d{3}\.\d{3}\n", version) or version[4:11] < b"003.007":
                raise NotViewable("only RFB 3.7 and newer can be watched")
            self._read = self._security
        return version

    def _security(self) -> bytes | None:
        if not self._buffer or len(self._buffer) < 1 + self._buffer[0]:
            return None
        all_kinds = self._cut(1 + self._buffer[0])[1:]
        self.offered = bytes(kind for kind in all_kinds if kind in (SECURITY_NONE, SECURITY_VNC))
        if all_kinds and not self.offered:
            raise NotViewable("the desktop asks for a sign-in that cannot be passed on")
        self._read = self._rest
        return bytes([len(self.offered)]) + self.offered

    def _rest(self) -> bytes | None:
        return self._cut(len(self._buffer)) if self._buffer else None


class _Viewer(_Half):
    has_begun = False

    def __init__(self, desktop: _Desktop):
        super().__init__()
        self._desktop = desktop
        self._to_skip = 0

    def _version(self) -> bytes | None:
        version = self._take(VERSION_BYTES)
        if version is not None:
            if version not in (b"RFB 003.007\n", b"RFB 003.008\n"):
                raise NotViewable("only RFB 3.7 and 3.8 can be watched")
            self._read = self._security
        return version

    def _security(self) -> bytes | None:
        choice = self._take(1)
        if choice is not None:
            if choice not in (self._desktop.offered or ()):
                raise NotViewable("the viewer chose a sign-in that was not offered")
            self._read = self._vnc_response if choice[0] == SECURITY_VNC else self._client_init
        return choice

    def _vnc_response(self) -> bytes | None:
        response = self._take(VNC_RESPONSE_BYTES)
        if response is not None:
            self._read = self._client_init
        return response

    def _client_init(self) -> bytes | None:
        shared = self._take(1)
        if shared is None:
            return None
        self._read = self._message
        return b"\x01"  # always shared: watching must not throw anybody else out

    def _message(self) -> bytes | None:
        if self._to_skip:
            return self._skip()
        size = self._message_size()
        message = self._take(size) if size else None
        if message is None:
            return None
        kind = message[0]
        if kind == CUT_TEXT:
            self._to_skip = _cut_text_length(message)
        self.has_begun = self.has_begun or kind == UPDATE_REQUEST
        if kind == SET_ENCODINGS:
            return _only_pictures(message)
        return message if kind in PASSED else b""

    def _skip(self) -> bytes | None:
        if not self._buffer:
            return None
        self._to_skip -= len(self._cut(self._to_skip))
        return b""

    def _message_size(self) -> int:
        """How long the message at the head of the buffer is, without the text of a clipboard; 0 while that
        cannot be said yet."""
        buffer = self._buffer
        if not buffer:
            return 0
        kind = buffer[0]
        if kind in LENGTHS:
            return LENGTHS[kind]
        if kind == CUT_TEXT:
            return 8
        if kind == SET_ENCODINGS:
            if len(buffer) < 4:
                return 0
            count = int.from_bytes(buffer[2:4], "big")
            if count > MAX_ENCODINGS:
                raise NotViewable("the viewer asks for too many encodings")
            return 4 + 4 * count
        raise NotViewable(f"the viewer sends a message of unknown kind {kind}")


class ViewOnly:
    """Feed it what both sides send; it gives back what may go on to the other. Raises NotViewable."""

    def __init__(self):
        self._desktop = _Desktop()
        self._viewer = _Viewer(self._desktop)

    @property
    def has_begun(self) -> bool:
        """Whether the viewer has asked for a picture: both have signed in and know how to draw."""
        return self._viewer.has_begun

    def from_desktop(self, data: bytes) -> bytes:
        return self._desktop.feed(data)

    def from_viewer(self, data: bytes) -> bytes:
        return self._viewer.feed(data)


def _only_pictures(set_encodings: bytes) -> bytes:
    asked = struct.iter_unpack(">i", set_encodings[4:])
    passed = [encoding for (encoding,) in asked if encoding in ENCODINGS]
    return struct.pack(f">BxH{len(passed)}i", SET_ENCODINGS, len(passed), *passed)


def _cut_text_length(head: bytes) -> int:
    # A negative length marks the extended clipboard.
    length = abs(int.from_bytes(head[4:8], "big", signed=True))
    if length > MAX_CUT_TEXT:
        raise NotViewable("the viewer sends too large a clipboard")
    return length
