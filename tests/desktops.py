"""Desktops that nobody here wrote: TigerVNC's server behind websockify, and a terminal on it."""

from contextlib import contextmanager

from tests.servers import Server, program

# What fills the desktop, and is found again in the picture of it.
COLOUR = (0x24, 0x68, 0xAC)
SIZE = (640, 400)


class TigerVNC(Server):
    """An X server that is seen by RFB, on its port."""

    @property
    def display(self) -> str:
        return f":{self.port}"

    def command(self):
        server = program("Xtigervnc", "tigervnc-standalone-server")
        width, height = SIZE
        options = ["-SecurityTypes", "None", "-geometry", f"{width}x{height}", "-depth", "24", "-localhost"]
        # No files and no sockets by which another test could meet it.
        return [server, self.display, "-rfbport", str(self.port), *options, "-ac", "-nolock"]


class Websockify(Server):
    """Carries websockets to that port."""

    def __init__(self, port: int):
        super().__init__()
        self.behind = port

    def command(self):
        program_ = program("websockify", "websockify")
        return [program_, f"127.0.0.1:{self.port}", f"127.0.0.1:{self.behind}"]


class Terminal(Server):
    """Fills a display with one colour."""

    def __init__(self, display: str):
        super().__init__()
        self.display = display

    def command(self):
        colour = "#{:02x}{:02x}{:02x}".format(*COLOUR)
        look = ["-bg", colour, "-fg", "white", "-geometry", "120x50+0+0"]
        return [program("xterm", "xterm"), "-display", self.display, *look, "-e", "echo Hello; sleep 86400"]

    def answers(self) -> bool:
        return self.process.poll() is None


@contextmanager
def tigervnc():
    """The address of such a desktop's stream."""
    servers = []
    try:
        servers.append(desktop := TigerVNC().start())
        servers.append(carrier := Websockify(desktop.port).start())
        servers.append(Terminal(desktop.display).start())
        yield f"ws://127.0.0.1:{carrier.port}/websockify"
    finally:
        for server in reversed(servers):
            server.remove()
