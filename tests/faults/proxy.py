"""A TCP proxy that does to connections what networks do: delays, drips, cuts, resets, silence, absence. Knows
no HTTP beyond the first line of a request."""

import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace

CHUNK = 65536
NEVER_S = 60.0


@dataclass(frozen=True)
class Fault:
    """What happens to the answers of every connection. Without any of it, nothing."""

    latency_s: float = 0.0  # before each piece of an answer
    bytes_per_s: float = 0.0  # bandwidth; 0 is without a limit
    slice_bytes: int = 0  # pieces of at most so many bytes
    limit: int = -1  # so many bytes of the answers of a connection, then it is closed
    is_reset: bool = False  # the limit ends with RST instead of FIN
    is_silent: bool = False  # connections are accepted, and nothing is passed on in either direction
    is_deaf: bool = False  # requests are passed on, answers are not, and the connection stays open
    # For answers to requests whose first line holds this text:
    hold: str = ""  # they wait for `release`
    last: str = ""  # they end their connection, and no new one is taken


class Proxy:
    """Stands before a server on this machine. Once made, it listens; `fault` may be changed at any time."""

    def __init__(self, upstream_port: int):
        self.upstream_port = upstream_port
        self.fault = Fault()
        self.accepted = 0
        self.is_holding = threading.Event()  # an answer has come and is being held
        self._released = threading.Event()
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()  # one for each pair of connections
        self._lock = threading.Lock()
        self._listening: socket.socket | None = None
        self.port = 0
        self.up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def does(self, **fault) -> None:
        """From now on this fault and no other."""
        self.is_holding.clear()
        self._released.clear()
        self.fault = replace(Fault(), **fault)

    def works(self) -> None:
        self.does()

    def release(self) -> None:
        self._released.set()

    def up(self) -> None:
        if self._listening is not None:
            return
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def down(self) -> None:
        """Refuse new connections and drop those there are."""
        self.refuse()
        self.drop()

    def refuse(self) -> None:
        """Refuse new connections."""
        listening, self._listening = self._listening, None
        if listening is not None:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)  # wakes `accept`, which would keep the port open
            listening.close()

    def drop(self, *, is_reset: bool = False) -> None:
        """End every connection there is."""
        with self._lock:
            connections, self._connections = self._connections, set()
            threads = list(self._threads)
        for connection in connections:
            end(connection, is_reset=is_reset)
        if is_reset:  # RST leaves when the last thread has let go of the socket
            for thread in threads:
                thread.join()

    def stop(self) -> None:
        self.release()
        self.down()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            upstream = socket.create_connection(("127.0.0.1", self.upstream_port), timeout=5)
        except OSError:
            end(client)
            return
        upstream.settimeout(None)
        for connection in (client, upstream):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # no delays but our own
        pipe = _Pipe(self, client, upstream)
        with self._lock:
            self._connections |= {client, upstream}
            self._threads.add(threading.current_thread())
        requests = threading.Thread(target=pipe.pass_requests, daemon=True)
        requests.start()
        pipe.pass_answers()
        requests.join()
        with self._lock:
            self._connections -= {client, upstream}
            self._threads.discard(threading.current_thread())


class _Pipe:
    def __init__(self, proxy: Proxy, client: socket.socket, upstream: socket.socket):
        self.proxy = proxy
        self.client = client
        self.upstream = upstream
        self.request_line = ""
        self.passed = 0

    def pass_requests(self) -> None:
        with suppress(OSError):
            while data := self.client.recv(CHUNK):
                first_line = data.split(b"\r\n", 1)[0]
                if b" HTTP/1." in first_line:  # a body may come in a piece of its own
                    self.request_line = first_line.decode("latin-1")
                if not self.proxy.fault.is_silent:
                    self.upstream.sendall(data)
        end(self.upstream)

    def pass_answers(self) -> None:
        is_reset = False
        with suppress(OSError):
            while True:
                data = self.upstream.recv(CHUNK)
                fault = self.proxy.fault
                if fault.hold and fault.hold in self.request_line:
                    self.proxy.is_holding.set()
                    self.proxy._released.wait(NEVER_S)
                if not data:
                    break
                if fault.is_deaf:
                    continue
                if fault.last and fault.last in self.request_line:
                    self.proxy.refuse()
                    data = data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
                if not self._send(data, fault):
                    is_reset = fault.is_reset
                    break
        end(self.client, is_reset=is_reset)
        end(self.upstream)

    def _send(self, data: bytes, fault: Fault) -> bool:
        """Pass an answer on as the fault has it; False when the connection is to end."""
        size = fault.slice_bytes or len(data)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            if fault.limit >= 0:
                piece = piece[: max(0, fault.limit - self.passed)]
            pause_s = fault.latency_s + (len(piece) / fault.bytes_per_s if fault.bytes_per_s else 0)
            if pause_s:
                time.sleep(pause_s)
            if piece:
                self.client.sendall(piece)
                self.passed += len(piece)
            if 0 <= fault.limit <= self.passed:
                return False
        return True


def end(connection: socket.socket, *, is_reset: bool = False) -> None:
    """Close for good, also for threads that wait on it: with FIN, or with RST."""
    with suppress(OSError):
        if is_reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD if is_reset else socket.SHUT_RDWR)
    connection.close()
