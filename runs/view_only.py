"""Letting a viewer watch a remote desktop without touching it: drops keys, pointer and clipboard from what
its viewer sends. Sans-I/O; reads only the viewer's half of RFB (RFC 6143, sections 7.1 to 7.5)."""

VERSION_BYTES = 12
SECURITY_NONE, SECURITY_VNC = 1, 2
VNC_RESPONSE_BYTES = 16
SET_PIXEL_FORMAT, SET_ENCODINGS, UPDATE_REQUEST, KEY, POINTER, CUT_TEXT = 0, 2, 3, 4, 5, 6
PASSED = (SET_PIXEL_FORMAT, SET_ENCODINGS, UPDATE_REQUEST)
LARGEST_CUT_TEXT = 1 << 20


class NotViewable(Exception):
    """The viewer speaks a form of RFB this filter does not know, so nothing may pass."""


class ViewOnly:
    """Feed it what the viewer sends; it gives back what may go on to the desktop."""

    def __init__(self):
        self._buffer = bytearray()
        self._read = self._version

    def feed(self, data: bytes) -> bytes:
        """The bytes that may pass, complete messages only. Raises NotViewable."""
        self._buffer += data
        passed = bytearray()
        while (message := self._read()) is not None:
            passed += message
        return bytes(passed)

    def _take(self, size: int) -> bytes | None:
        if len(self._buffer) < size:
            return None
        message = bytes(self._buffer[:size])
        del self._buffer[:size]
        return message

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
            if choice[0] not in (SECURITY_NONE, SECURITY_VNC):
                raise NotViewable("the desktop asks for a sign-in that cannot be passed on")
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
        size = self._message_size()
        message = self._take(size) if size else None
        if message is None:
            return None
        return message if message[0] in PASSED else b""

    def _message_size(self) -> int:
        """How long the message at the head of the buffer is; 0 while that cannot be said yet."""
        buffer = self._buffer
        if not buffer:
            return 0
        fixed = {SET_PIXEL_FORMAT: 20, UPDATE_REQUEST: 10, KEY: 8, POINTER: 6}
        kind = buffer[0]
        if kind in fixed:
            return fixed[kind]
        if kind == SET_ENCODINGS:
            return 4 + 4 * int.from_bytes(buffer[2:4], "big") if len(buffer) >= 4 else 0
        if kind == CUT_TEXT:
            if len(buffer) < 8:
                return 0
            # A negative length marks the extended clipboard.
            length = abs(int.from_bytes(buffer[4:8], "big", signed=True))
            if length > LARGEST_CUT_TEXT:
                raise NotViewable("the viewer sends too large a clipboard")
            return 8 + length
        raise NotViewable(f"the viewer sends a message of unknown kind {kind}")
