"""An application behind the server that `serve` runs, in a thread of this process."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from runs.management.commands.serve import server_config
from tests.served import eventually


@contextmanager
def serving(application) -> Iterator[int]:
    """The port it listens on."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(server_config(application, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
