"""A small RFB viewer for tests, written from RFC 6143 and the Tight description, on purpose with nothing of
the simulator's own code."""

import io
import struct
import zlib

from PIL import Image
from websockets.sync.client import connect

RAW, ZLIB, TIGHT, DESKTOP_SIZE = 0, 6, 7, -223


class Viewer:
    def __init__(
        self, url: str, *, encodings=(TIGHT, DESKTOP_SIZE), version="003.008", subprotocols=("binary",)
    ):
        self.socket = connect(url, subprotocols=subprotocols or None, compression=None, max_size=None)
        self._buffer = b""
        self._zlib = zlib.decompressobj()
        self._tight = {}
        self.rectangles = []
        self.has_new_size = False
        assert self._read(12) == b"RFB 003.008\n"
        self._send(f"RFB {version}\n".encode())
        if version == "003.003":
            assert self._unpack(">I") == (1,)
        else:
            assert self._read(self._read(1)[0]) == b"\x01"
            self._send(b"\x01")
            if version == "003.008":
                assert self._unpack(">I") == (0,)
        self._send(b"\x01")
        width, height = self._unpack(">HH")
        self.pixel_format = self._read(16)
        self.name = self._read(self._unpack(">I")[0]).decode()
        self.picture = Image.new("RGB", (width, height), (255, 0, 255))
        self._send(struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings))

    def set_pixel_format(self, *fields) -> None:
        self._send(struct.pack(">B3xBBBBHHHBBB3x", 0, *fields))

    def ask(self, *, is_incremental=True, area=None) -> None:
        x, y, width, height = area or (0, 0, *self.picture.size)
        self._send(struct.pack(">BBHHHH", 3, is_incremental, x, y, width, height))

    def update(self, *, decode=None) -> list[tuple[int, int, int, int]]:
        """Take one update into `picture`; the areas it changed. `decode` makes red, green, blue of pixels."""
        assert self._read(2)[0] == 0
        (count,) = self._unpack(">H")
        self.rectangles = [self._rectangle(decode) for _ in range(count)]
        return [area for area, _ in self.rectangles]

    def press(self, text: str) -> None:
        for character in text:
            for is_down in (1, 0):
                self._send(struct.pack(">BBxxI", 4, is_down, ord(character)))

    def point(self, x: int, y: int, buttons: int = 0) -> None:
        self._send(struct.pack(">BBHH", 5, buttons, x, y))

    def close(self) -> None:
        self.socket.close()

    def _rectangle(self, decode):
        x, y, width, height, encoding = self._unpack(">HHHHi")
        if encoding == DESKTOP_SIZE:
            self.picture = Image.new("RGB", (width, height), (255, 0, 255))
            self.has_new_size = True
        elif encoding == TIGHT:
            self.picture.paste(self._tight_part(width, height), (x, y))
        else:
            if encoding == ZLIB:
                data = self._zlib.decompress(self._read(self._unpack(">I")[0]))
            else:
                data = self._read(width * height * (2 if decode else 4))
            part = decode(data) if decode else b"".join(data[i : i + 3][::-1] for i in range(0, len(data), 4))
            self.picture.paste(Image.frombytes("RGB", (width, height), part), (x, y))
        return (x, y, width, height), encoding

    def _tight_part(self, width: int, height: int) -> Image.Image:
        control = self._read(1)[0]
        for stream in range(4):
            if control & 1 << stream:
                self._tight.pop(stream, None)
        kind = control >> 4
        if kind == 8:
            return Image.new("RGB", (width, height), tuple(self._read(3)))
        if kind == 9:
            return Image.open(io.BytesIO(self._read(self._length()))).convert("RGB")
        assert kind < 4, "only basic compression without a filter is expected"
        stream = self._tight.setdefault(kind, zlib.decompressobj())
        data = stream.decompress(self._read(self._length()))
        assert len(data) == width * height * 3
        return Image.frombytes("RGB", (width, height), data)

    def _length(self) -> int:
        length = 0
        for place in range(3):
            byte = self._read(1)[0]
            length |= (byte & (0x7F if place < 2 else 0xFF)) << 7 * place
            if place < 2 and not byte & 0x80:
                break
        return length

    def _send(self, data: bytes) -> None:
        self.socket.send(data)

    def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._buffer += self.socket.recv(timeout=60)
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _unpack(self, form: str) -> tuple:
        return struct.unpack(form, self._read(struct.calcsize(form)))
