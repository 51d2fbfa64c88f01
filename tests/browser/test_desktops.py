"""Bare streams of desktops that nobody here wrote, in our own viewer."""

import pytest
from playwright.sync_api import expect

from tests.browser.driving import launch
from tests.desktops import COLOUR, tigervnc

SHOWS_COLOUR = """([red, green, blue]) => {
    const canvas = document.querySelector('canvas');
    if (!canvas || !canvas.width) return false;
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let count = 0;
    for (let i = 0; i < data.length; i += 4)
        count += data[i] === red && data[i + 1] === green && data[i + 2] === blue;
    return count > data.length / 8;
}"""


@pytest.fixture(scope="module")
def desktop():
    with tigervnc() as url:
        yield url


def test_a_stream_of_tigervnc_is_shown(signed_in, giga, desktop):
    """Asked for fences and continuous updates it uses them, and its viewer answers in kind: vncproxy #15,
    TigerVNC #1086."""
    page = signed_in
    giga.hold_at_work()
    giga.show(desktop)
    launch(page, "Watch a desktop of somebody else")
    expect(page.locator("#run-bar")).to_contain_text("Live", use_inner_text=True)
    page.frames[1].wait_for_function(SHOWS_COLOUR, arg=COLOUR)
