"""How a client may say what it wants: how soon, where the body ends, and how much we hold of it meanwhile.
uvicorn itself waits for ever for the rest of a request's head, and so holds a connection for whoever sends a
byte now and then. Where two headers say how long the body is, a proxy in front may believe the other one."""

import re
from http import HTTPStatus

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

HEAD_WITHIN_S = 10
OF_HANDSHAKE = re.compile("connection$|upgrade$|sec-websocket-", re.IGNORECASE)
# No browser cuts what our pages say over their sockets.
MAX_FRAGMENTS = 16
CLOSE_WITHIN_S = 2


class Connection(h11.Connection):
    """h11's, which takes no request whose end two readers could see in two places (RFC 9112, 6.1 and 6.3)."""

    def next_event(self):
        event = super().next_event()
        if isinstance(event, h11.Request) and _is_ambiguous(event):
            raise h11.RemoteProtocolError("Transfer-Encoding stands beside Content-Length, or in HTTP/1.0")
        return event


def _is_ambiguous(request: h11.Request) -> bool:
    names = {name for name, _ in request.headers}
    return b"transfer-encoding" in names and (b"content-length" in names or request.http_version < b"1.1")


class Protocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, with a deadline for each head: from when the connection is made, and for
    further requests from their first byte. (Until that comes, uvicorn's own deadline for idle connections
    holds.)"""

    deadline = None

    def __init__(self, config, *args, **kwargs):
        super().__init__(config, *args, **kwargs)
        self.conn = Connection(h11.SERVER)

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._end()
        elif self.deadline is None:
            self._begin()

    def connection_lost(self, exc) -> None:
        self._end()
        super().connection_lost(exc)

    def _begin(self) -> None:
        self.deadline = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def _end(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None


class SocketProtocol(WebSocketsSansIOProtocol):
    """Websockets as uvicorn speaks them, with an end to what it holds without limit: the pieces of a message
    (each may be empty), and answers to pings that nobody takes."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = CLOSE_WITHIN_S

    def data_received(self, data: bytes) -> None:
        """The whole head of a handshake comes at once. One that cannot be read is answered; uvicorn says
        nothing, and waits for more."""
        super().data_received(data)
        if not self.handshake_initiated:
            refusal = self.conn.reject(HTTPStatus.BAD_REQUEST, "This opens no websocket.\n")
            self.transport.write(refusal.serialize())
            self.transport.close()

    def handle_connect(self, event) -> None:
        """websockets fails where it quotes what is not ASCII."""
        if all(value.isascii() for name, value in event.headers.raw_items() if OF_HANDSHAKE.match(name)):
            super().handle_connect(event)

    def handle_cont(self, event) -> None:
        if len(self.frames) >= MAX_FRAGMENTS:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            self.handle_parser_exception()
        else:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.transport.abort()
