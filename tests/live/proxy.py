"""A TCP proxy that treats websockets badly and leaves plain HTTP alone."""

import contextlib
import socket
import threading


class Proxy:
    """`swallow`: from now on no byte of any websocket passes, and nobody is told; a connection that was
    swallowed stays dead. `cut`: websockets are closed, and new ones at once. `work`: new ones pass."""

    def __init__(self, port: int, upstream_port: int):
        self.upstream_port = upstream_port
        self.mode = "work"
        self.swallowed: set[socket.socket] = set()
        self.websockets: set[socket.socket] = set()
        self.listening = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def work(self):
        self.mode = "work"

    def cut(self):
        self.mode = "cut"
        for websocket in list(self.websockets):
            shut(websocket)

    def swallow(self):
        self.mode = "swallow"
        self.swallowed |= self.websockets

    def close(self):
        shut(self.listening)
        for websocket in list(self.websockets):
            shut(websocket)

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                browser, _ = self.listening.accept()
                threading.Thread(target=self.serve, args=[browser], daemon=True).start()

    def serve(self, browser: socket.socket):
        with browser, contextlib.suppress(OSError):
            first = browser.recv(65536)
            if first.startswith(b"GET /ws/runs/"):
                self.websockets.add(browser)
                if self.mode == "cut":
                    return
                if self.mode == "swallow":
                    self.swallowed.add(browser)
            with socket.create_connection(("127.0.0.1", self.upstream_port)) as server:
                answers = threading.Thread(target=self.carry, args=[server, browser, browser], daemon=True)
                answers.start()
                if browser not in self.swallowed:
                    server.sendall(first)
                self.carry(browser, server, browser)
                answers.join()
        self.websockets.discard(browser)

    def carry(self, source: socket.socket, target: socket.socket, browser: socket.socket):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if browser not in self.swallowed:
                    target.sendall(data)
        if browser not in self.swallowed or source is browser:
            shut(target)


def shut(connection: socket.socket):
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
