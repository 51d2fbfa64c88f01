"""An application behind the server that `serve` runs, in a thread of this process."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from runs.management.commands.serve import server_config
from tests.served import eventually


@dataclass
class Serving:
    port: int
    _server: uvicorn.Server

    def finish(self) -> None:
        """Wait for what goes on behind an answer that was already read, such as giving back a connection to
        the database: what goes on for longer than its test meets the next one."""
        eventually(lambda: not self._server.server_state.tasks, every_s=0.001)


@contextmanager
def serving(application) -> Iterator[Serving]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(server_config(application, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    try:
        yield Serving(listening.getsockname()[1], server)
    finally:
        server.should_exit = True
        thread.join()
