"""A server that answers with exactly the bytes a test wants, however wrong they are."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from tests.faults.proxy import end


def http(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer, which says that the connection ends with it: else the next question may be on its way
    there already. A header's name is written with _ for -; "" leaves a header out."""
    length = str(len(body))
    wanted = {"Content_Type": "application/json", "Content_Length": length, "Connection": "close", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in wanted.items() if value)
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + body


class RawServer:
    """`answer(first line of the request)` gives the pieces to send; after them the connection is closed."""

    def __init__(self, answer: Callable[[str], Iterable[bytes]], *, tls: ssl.SSLContext | None = None):
        self.answer = answer
        self.tls = tls
        self.requests: list[str] = []
        self.ended = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self.ended.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def wait(self, seconds: float) -> bytes:
        """A piece of nothing that takes a while."""
        self.ended.wait(seconds)
        return b""

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            request = self._whole_request(connection)
            if request:
                self.requests.append(request)
                for piece in self.answer(request):
                    if self.ended.is_set():
                        break
                    connection.sendall(piece)
        end(connection)

    def _whole_request(self, connection: socket.socket) -> str:
        """Read to the end of the body, so that closing afterwards is no reset; its first line."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return ""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        return head.split(b"\r\n", 1)[0].decode("latin-1")
