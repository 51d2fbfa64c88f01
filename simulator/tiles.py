"""How a picture is cut and encoded for RFB viewers: which parts changed, and what a part looks like as Tight,
Zlib or Raw. Knows neither the protocol's talk nor what is drawn."""

import io
import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from sys import byteorder

from PIL import Image, ImageChops

from simulator.rfb import PixelFormat

SIDE = 128
# Text and plain surfaces have few colours and stay lossless; only pictures have more in so small a part.
MOST_COLOURS = 2048
JPEG_QUALITY = 85
TIGHT_RESET_STREAM_0, TIGHT_FILL, TIGHT_JPEG = 0x01, 0x80, 0x90
TIGHT_UNCOMPRESSED_BELOW = 12


@dataclass(frozen=True)
class Tile:
    x: int
    y: int
    width: int
    height: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.x, self.y, self.x + self.width, self.y + self.height

    def meets(self, box: tuple[int, int, int, int]) -> bool:
        left, top, right, bottom = box
        return (
            self.x < right and left < self.x + self.width and self.y < bottom and top < self.y + self.height
        )


def tiles_of(size: tuple[int, int]) -> Iterator[Tile]:
    width, height = size
    for y in range(0, height, SIDE):
        for x in range(0, width, SIDE):
            yield Tile(x, y, min(SIDE, width - x), min(SIDE, height - y))


def changed(before: Image.Image | None, after: Image.Image) -> list[Tile]:
    """The tiles in which two pictures differ; all of them when the size does."""
    tiles = list(tiles_of(after.size))
    if before is None or before.size != after.size:
        return tiles
    box = ImageChops.difference(before, after).getbbox()
    if box is None:
        return []
    near = [tile for tile in tiles if tile.meets(box)]
    if len(near) == 1:
        return near
    return [tile for tile in near if before.crop(tile.box).tobytes() != after.crop(tile.box).tobytes()]


def as_tight(part: Image.Image) -> bytes:
    """A Tight payload that leans on nothing sent before, so that it can be kept and sent to many viewers."""
    colours = part.getcolors(MOST_COLOURS)
    if colours and len(colours) == 1:
        return bytes([TIGHT_FILL, *colours[0][1]])
    if colours is None:
        jpeg = io.BytesIO()
        part.save(jpeg, "JPEG", quality=JPEG_QUALITY, subsampling=0)
        return bytes([TIGHT_JPEG]) + _compact(len(jpeg.getvalue())) + jpeg.getvalue()
    pixels = part.tobytes()
    if len(pixels) < TIGHT_UNCOMPRESSED_BELOW:
        return bytes([TIGHT_RESET_STREAM_0]) + pixels
    squeeze = zlib.compressobj(3)
    packed = squeeze.compress(pixels) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    return bytes([TIGHT_RESET_STREAM_0]) + _compact(len(packed)) + packed


class ZlibStream:
    """One viewer's stream: everything it sends leans on what went before."""

    def __init__(self):
        self._squeeze = zlib.compressobj(3)

    def payload(self, raw: bytes) -> bytes:
        packed = self._squeeze.compress(raw) + self._squeeze.flush(zlib.Z_SYNC_FLUSH)
        return struct.pack(">I", len(packed)) + packed


def as_raw(part: Image.Image, form: PixelFormat) -> bytes:
    """The pixels in a viewer's own format."""
    red, green, blue = (
        [round(value * most / 255) << shift for value in range(256)]
        for most, shift in (
            (form.red_max, form.red_shift),
            (form.green_max, form.green_shift),
            (form.blue_max, form.blue_shift),
        )
    )
    data = part.tobytes()
    values = (red[r] | green[g] | blue[b] for r, g, b in zip(data[0::3], data[1::3], data[2::3], strict=True))
    pixels = array({8: "B", 16: "H", 32: "I"}[form.bits], values)
    if (byteorder == "big") != bool(form.is_big_endian):
        pixels.byteswap()
    return pixels.tobytes()


def _compact(length: int) -> bytes:
    """Tight's length: seven bits a byte, at most three bytes."""
    if length < 1 << 7:
        return bytes([length])
    if length < 1 << 14:
        return bytes([length & 0x7F | 0x80, length >> 7])
    return bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14])
