"""What the desktop looks like, and how it is cut up."""

import io
import random
import time

import pytest
from PIL import Image, ImageChops

from simulator import tiles
from simulator.keys import character_of, text_after
from simulator.scene import SIZE, Scene, moved, typed
from simulator.story import tell

NOON = time.struct_time((2026, 11, 23, 12, 0, 0, 0, 327, 0))
TASK = "Download every invoice of October"


def noise(size: tuple[int, int]) -> Image.Image:
    return Image.frombytes("RGB", size, random.Random(7).randbytes(size[0] * size[1] * 3))


def draw(seconds: float, task: str = TASK, **options) -> Image.Image:
    return Scene(tell(task)).draw(seconds, clock=NOON, **options)


def test_the_same_moment_gives_the_same_picture():
    assert draw(33.3).tobytes() == draw(33.3).tobytes()
    assert draw(33.3).size == SIZE


def test_a_scene_that_has_drawn_before_draws_the_same():
    used = Scene(tell(TASK))
    for seconds in (0, 5, 20, 90, 33.3):
        picture = used.draw(seconds, clock=NOON)
    assert picture.tobytes() == draw(33.3).tobytes()


def test_the_task_is_typed_letter_by_letter():
    story = tell(TASK)
    lengths = [story.at(seconds / 4).typed for seconds in range(60)]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (0, len(TASK))
    assert len(set(lengths)) > 8


def test_rows_are_ticked_one_after_the_other():
    story = tell(TASK)
    ticked = [(story.at(seconds).page, story.at(seconds).ticked) for seconds in range(200)]
    assert ticked == sorted(ticked)
    assert ticked[-1][0] >= 2


def test_what_is_said_was_done():
    story = tell(TASK)
    assert [at for at, _, _ in story.steps(500)] == sorted(at for at, _, _ in story.steps(500))
    assert all(at <= 30 for at, _, _ in story.steps(30))
    assert story.section == story.sections.index("Invoices")


@pytest.mark.parametrize(
    "task",
    [
        "",
        " ",
        "é ñ ü",
        "Найди счета",
        "מצא חשבוניות",
        "🙂 launch 🚀",
        "\x00\x07\ud800",
        "x" * 5000,
        "a\nb\tc",
    ],
)
def test_any_task_can_be_shown(task):
    for seconds in (0, 3, 9, 14, 60):
        draw(seconds, task)


def test_any_text_can_be_typed():
    person = typed(
        moved(None, x=-5, y=9000, is_pressed=True, at=0), "é\n" * 40 + "Привет \ud800 🙂" * 20, at=0
    )
    assert (person.x, person.y) == (0, 767)
    draw(20, person=person)


@pytest.mark.parametrize(
    ("keysym", "character"),
    [(0x41, "A"), (0xE9, "é"), (0x6C1, "а"), (0x6A3, "ё"), (0x1000416, "Ж"), (0xFFE1, ""), (0, "")],
)
def test_keys_have_characters(keysym, character):
    assert character_of(keysym) == character


def test_backspace_takes_the_last_character_back():
    person = typed(None, "ab", at=0)
    assert text_after(person, 0xFF08) == "a"
    assert text_after(person, 0xFF0D) == "ab\n"


def test_only_tiles_that_differ_are_found():
    before, after = Image.new("RGB", (300, 200)), Image.new("RGB", (300, 200))
    assert tiles.changed(before, after) == []
    after.putpixel((299, 199), (1, 0, 0))
    after.putpixel((0, 0), (1, 0, 0))
    assert [(tile.x, tile.y, tile.width, tile.height) for tile in tiles.changed(before, after)] == [
        (0, 0, 128, 128),
        (256, 128, 44, 72),
    ]
    assert len(tiles.changed(None, after)) == 6


def test_a_plain_tile_is_four_bytes():
    assert tiles.as_tight(Image.new("RGB", (128, 128), (1, 2, 3))) == bytes([0x80, 1, 2, 3])


def test_a_picture_is_sent_as_jpeg():
    photograph = noise((8, 8)).resize((128, 128), Image.Resampling.BICUBIC)
    packed = tiles.as_tight(photograph)
    assert packed[0] == 0x90
    seen = Image.open(io.BytesIO(packed[packed.index(b"\xff\xd8") :])).convert("RGB")
    difference = ImageChops.difference(seen, photograph)
    assert max(high for _, high in difference.getextrema()) < 40


def test_a_tiny_part_is_not_compressed():
    part = Image.new("RGB", (2, 1))
    part.putpixel((1, 0), (9, 8, 7))
    assert tiles.as_tight(part) == bytes([0x01, 0, 0, 0, 9, 8, 7])


def test_every_tile_of_the_desktop_is_lossless():
    picture = draw(40)
    for tile in tiles.tiles_of(picture.size):
        assert tiles.as_tight(picture.crop(tile.box))[0] != 0x90
