"""What of a viewer's messages reaches the desktop."""

import pytest

from runs.view_only import NotViewable, ViewOnly

HANDSHAKE = b"RFB 003.008\n" + b"\x01" + b"\x00"
UPDATE = b"\x03\x01" + bytes(8)
KEY = b"\x04\x01\x00\x00\x00\x00\x00a"
POINTER = b"\x05\x01\x00\x10\x00\x10"
ENCODINGS = b"\x02\x00\x00\x02" + bytes(8)
FORMAT = b"\x00" + bytes(19)


def cut_text(text: bytes, *, length=None) -> bytes:
    return (
        b"\x06\x00\x00\x00" + (len(text) if length is None else length).to_bytes(4, "big", signed=True) + text
    )


def watching() -> ViewOnly:
    viewer = ViewOnly()
    viewer.feed(HANDSHAKE)
    return viewer


def test_the_handshake_passes_and_is_always_shared():
    assert ViewOnly().feed(HANDSHAKE) == b"RFB 003.008\n\x01\x01"


def test_a_password_answer_passes():
    viewer = ViewOnly()
    assert (
        viewer.feed(b"RFB 003.008\n\x02" + b"r" * 16 + b"\x01") == b"RFB 003.008\n\x02" + b"r" * 16 + b"\x01"
    )


def test_looking_passes():
    assert watching().feed(FORMAT + ENCODINGS + UPDATE) == FORMAT + ENCODINGS + UPDATE


def test_keys_pointer_and_clipboard_do_not():
    assert watching().feed(KEY + POINTER + cut_text(b"secret") + cut_text(b"abcd", length=-4)) == b""


def test_what_looks_like_an_update_inside_a_clipboard_does_not_pass():
    assert watching().feed(cut_text(UPDATE * 3) + UPDATE) == UPDATE


def test_it_makes_no_difference_how_the_bytes_are_cut():
    viewer, passed = ViewOnly(), b""
    for byte in HANDSHAKE + KEY + UPDATE + cut_text(b"x" * 30) + ENCODINGS + POINTER + FORMAT:
        passed += viewer.feed(bytes([byte]))
    assert passed == b"RFB 003.008\n\x01\x01" + UPDATE + ENCODINGS + FORMAT


@pytest.mark.parametrize(
    "bytes_",
    [
        b"RFB 003.003\n",
        b"GET / HTTP/1",
        b"RFB 003.008\n\x13",
        HANDSHAKE + b"\xff",
        HANDSHAKE + cut_text(b"", length=1 << 21),
    ],
)
def test_an_unknown_form_ends_it(bytes_):
    with pytest.raises(NotViewable):
        ViewOnly().feed(bytes_)
