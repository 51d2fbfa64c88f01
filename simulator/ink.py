"""Drawing with smooth edges on Pillow pictures: text, rounded boxes, lines, the pointer. Knows no scene."""

from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONTS = Path(__file__).resolve().parent / "fonts"
REGULAR, BOLD = "Inter-Regular.otf", "Inter-SemiBold.otf"
SMOOTH = 4
POINTER = ((1, 1), (1, 17.5), (5, 13.8), (7.8, 20), (10.6, 18.8), (7.9, 12.8), (13.2, 12.8))
POINTER_SIZE = (16, 23)

Colour = tuple[int, int, int]


@lru_cache(maxsize=32)
def font(size: int, face: str = REGULAR) -> ImageFont.FreeTypeFont:
    # The basic layout engine takes any text without complaint; what the font lacks becomes a box.
    return ImageFont.truetype(FONTS / face, size, layout_engine=ImageFont.Layout.BASIC)


def write(
    picture: Image.Image,
    at: tuple[float, float],
    text: str,
    colour: Colour,
    *,
    size: int = 13,
    face: str = REGULAR,
    anchor: str = "lm",
) -> None:
    ImageDraw.Draw(picture).text(at, drawable(text), colour, font(size, face), anchor=anchor)


def width_of(text: str, *, size: int = 13, face: str = REGULAR) -> float:
    return font(size, face).getlength(drawable(text))


def tail(text: str, width: float, *, size: int = 13) -> str:
    """The end of a text, as much as fits."""
    while text and width_of(text, size=size) > width:
        text = text[max(1, len(text) // 24) :]
    return text


def head(text: str, width: float, *, size: int = 13) -> str:
    """The beginning of a text, with an ellipsis when it does not fit."""
    if width_of(text, size=size) <= width:
        return text
    while text and width_of(text + "…", size=size) > width:
        text = text[: -max(1, len(text) // 24)]
    return text.rstrip() + "…"


def box(
    picture: Image.Image,
    area: tuple[float, float, float, float],
    fill: Colour,
    *,
    radius: float = 0,
    line: Colour | None = None,
) -> None:
    """A filled box with round corners, and a line of one pixel around it."""
    left, top, right, bottom = (round(side) for side in area)
    if line:
        box(picture, area, line, radius=radius)
        box(picture, (left + 1, top + 1, right - 1, bottom - 1), fill, radius=max(0, radius - 1))
    elif radius:
        picture.paste(fill, (left, top), _round_mask(right - left, bottom - top, radius))
    else:
        picture.paste(fill, (left, top, right, bottom))


def stroke(
    picture: Image.Image, points: list[tuple[float, float]], colour: Colour, *, width: float = 1.5
) -> None:
    """A smooth line through `points`."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, top = int(min(xs) - width - 1), int(min(ys) - width - 1)
    size = int(max(xs) + width + 2) - left, int(max(ys) + width + 2) - top
    mask = Image.new("L", (size[0] * SMOOTH, size[1] * SMOOTH))
    scaled = [((x - left) * SMOOTH, (y - top) * SMOOTH) for x, y in points]
    ImageDraw.Draw(mask).line(scaled, 255, round(width * SMOOTH), joint="curve")
    picture.paste(colour, (left, top), mask.resize(size, Image.Resampling.BOX))


def ring(picture: Image.Image, centre: tuple[float, float], radius: int, colour: Colour) -> None:
    side = radius * 2 + 4
    mask = Image.new("L", (side * SMOOTH, side * SMOOTH))
    edge = 2 * SMOOTH
    whole = side * SMOOTH - edge
    ImageDraw.Draw(mask).ellipse((edge, edge, whole, whole), outline=255, width=2 * SMOOTH)
    corner = round(centre[0] - side / 2), round(centre[1] - side / 2)
    picture.paste(colour, corner, mask.resize((side, side), Image.Resampling.BOX))


def pointer(picture: Image.Image, at: tuple[float, float]) -> None:
    """The arrow, its tip at `at`."""
    corner = round(at[0]) - 1, round(at[1]) - 1
    outline, body = _pointer_masks()
    picture.paste((255, 255, 255), corner, outline)
    picture.paste((15, 18, 22), corner, body)


def drawable(text: str) -> str:
    """Without half characters and control characters, which FreeType would refuse."""
    whole = text.encode("utf-8", "replace").decode()
    return "".join(character if character.isprintable() else "�" for character in whole)


@lru_cache(maxsize=64)
def _round_mask(width: int, height: int, radius: float) -> Image.Image:
    mask = Image.new("L", (width, height), 255)
    corner = max(1, min(round(radius), width // 2, height // 2))
    disc = Image.new("L", (corner * 2 * SMOOTH, corner * 2 * SMOOTH))
    ImageDraw.Draw(disc).ellipse((0, 0, corner * 2 * SMOOTH - 1, corner * 2 * SMOOTH - 1), 255)
    disc = disc.resize((corner * 2, corner * 2), Image.Resampling.BOX)
    for x, from_x in ((0, 0), (width - corner, corner)):
        for y, from_y in ((0, 0), (height - corner, corner)):
            mask.paste(disc.crop((from_x, from_y, from_x + corner, from_y + corner)), (x, y))
    return mask


@lru_cache(maxsize=1)
def _pointer_masks() -> tuple[Image.Image, Image.Image]:
    masks = []
    for line in (5, 0):
        mask = Image.new("L", (POINTER_SIZE[0] * SMOOTH, POINTER_SIZE[1] * SMOOTH))
        points = [(x * SMOOTH, y * SMOOTH) for x, y in POINTER]
        draw = ImageDraw.Draw(mask)
        draw.polygon(points, 255)
        if line:
            draw.line([*points, points[0], points[1]], 255, line, joint="curve")
        masks.append(mask.resize(POINTER_SIZE, Image.Resampling.BOX))
    return masks[0], masks[1]
