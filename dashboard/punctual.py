"""How long a client may take to say what it wants. uvicorn itself waits for ever for the rest of a request's
head, and so holds a connection for whoever sends a byte now and then."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WITHIN_S = 10


class Protocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, with a deadline for each head: from when the connection is made, and for
    further requests from their first byte. (Until that comes, uvicorn's own deadline for idle connections
    holds.)"""

    deadline = None

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
