"""Serving a simulated Giga: alone, or on a thread beside something else. Knows nothing of Giga."""

import asyncio
import socket
import threading
import time

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator.app import create_app
from simulator.config import Config

STOP_WITHIN_S = 5.0


class CloseableProtocol(H11Protocol):
    """Lets a request reach its connection, as `request.state.transport`: some answers are to be lost."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Server:
    """A simulated Giga on a thread of its own. Once made, it answers."""

    def __init__(self, config: Config, host: str, port: int):
        listening = _listen(host, port)
        self.port = listening.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        self._server = _uvicorn(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listening],), name="simulator", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)

    def stop(self) -> None:
        """Drop every connection and wait for the end; calling it again does nothing."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(STOP_WITHIN_S)


def start_in_thread(config: Config, host: str = "127.0.0.1", port: int = 0) -> Server:
    """Raises OSError when the address cannot be bound, ValueError for an unknown scenario or plan."""
    return Server(config, host, port)


def run(config: Config, host: str = "127.0.0.1", port: int = 8001) -> None:
    """Serve until interrupted. Raises OSError when the address cannot be bound."""
    _uvicorn(config).run([_listen(host, port)])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches off Nagle's delay, 40 ms an answer, only where it is.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(256)
    except (OSError, OverflowError) as error:
        listening.close()
        # A port above 65535 is an OverflowError to the socket module, and a wrong address to everybody else.
        raise error if isinstance(error, OSError) else OSError(str(error)) from None
    return listening


def _uvicorn(config: Config) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            create_app(config),
            http=CloseableProtocol,
            # Compressing costs four times the processor for a busy desktop, and its pictures are compressed.
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=2 * 1024 * 1024,
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
