"""How a client may say what it wants: how soon, and where the body ends. uvicorn itself waits for ever for
the rest of a request's head, and so holds a connection for whoever sends a byte now and then. Where two
headers say how long the body is, a proxy in front may believe the other one."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WITHIN_S = 10


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
