"""A websocket to an address that somebody else gave: dialled as judged, without redirects and proxies, within
a time, and with bounds on what the other side makes us hold."""

import asyncio
import ssl
from collections.abc import Iterable
from functools import cache
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.typing import Subprotocol

from outbound import addresses

OPEN_WITHIN_S = 10
CLOSE_WITHIN_S = 2
MAX_MESSAGE = 1 << 20
# Frames that wait to be taken; beyond it the other side is not read from.
MAX_WAITING = 4
MAX_UNSENT = 1 << 20


class _Connection(ClientConnection):
    def data_received(self, data: bytes) -> None:
        """Who broke a bound is hung up on: what else they send need not be read."""
        super().data_received(data)
        if self.protocol.parser_exc:
            self.transport.abort()

    def send_data(self) -> None:
        """Each ping is answered, also to somebody who sends them without end and takes nothing."""
        super().send_data()
        if self.transport.get_write_buffer_size() > MAX_UNSENT:
            self.transport.abort()


class _Connect(websockets_connect):
    def process_redirect(self, exc: Exception) -> Exception:
        return exc


@cache
def _tls() -> ssl.SSLContext:
    """Made once: it reads all certificates there are."""
    return ssl.create_default_context()


async def open_websocket(
    url: str, *, subprotocol: str, networks: Iterable[addresses.Network], allow_loopback: bool
) -> ClientConnection:
    """Raises addresses.Refused, TimeoutError, another OSError when nobody is there, or a WebSocketException
    when whoever is there opens no websocket."""
    parts = urlsplit(url)
    is_secure = parts.scheme == "wss"
    async with asyncio.timeout(OPEN_WITHIN_S):
        sock = await addresses.connect(
            parts.hostname or "",
            parts.port or (443 if is_secure else 80),
            networks=networks,
            allow_loopback=allow_loopback,
        )
        # The name stays that of the address, for TLS and for the Host header.
        return await _Connect(
            url,
            sock=sock,
            ssl=_tls() if is_secure else None,
            proxy=None,
            subprotocols=[Subprotocol(subprotocol)],
            compression=None,
            open_timeout=None,
            close_timeout=CLOSE_WITHIN_S,
            max_size=MAX_MESSAGE,
            max_queue=MAX_WAITING,
            create_connection=_Connection,
        )
