"""What of a viewer's messages reaches the desktop."""

import struct

import pytest

from runs.view_only import MAX_ENCODINGS, NotViewable, ViewOnly

DESKTOP = b"RFB 003.008\n" + b"\x01\x01"
HANDSHAKE = b"RFB 003.008\n" + b"\x01" + b"\x00"
UPDATE = b"\x03\x01" + bytes(8)
KEY = b"\x04\x01\x00\x00\x00\x00\x00a"
POINTER = b"\x05\x01\x00\x10\x00\x10"
FORMAT = b"\x00" + bytes(19)
# All that noVNC 1.7 asks for, in its order.
OF_NOVNC = [1, 50, 7, -260, 16, 21, 5, 2, 6, 0, -26, -254, -223, -224]
OF_NOVNC += [-258, -261, -308, -309, -312, -313, -307, -1063131698, -316, 0x574D5664, -239]


def encodings(*asked: int) -> bytes:
    return struct.pack(f">BxH{len(asked)}i", 2, len(asked), *asked)


ENCODINGS = encodings(7, 0)


def cut_text(text: bytes, *, length=None) -> bytes:
    return (
        b"\x06\x00\x00\x00" + (len(text) if length is None else length).to_bytes(4, "big", signed=True) + text
    )


def met(desktop: bytes = DESKTOP) -> ViewOnly:
    """Between a viewer and a desktop that has said what it speaks."""
    between = ViewOnly()
    between.from_desktop(desktop)
    return between


def watching() -> ViewOnly:
    between = met()
    between.from_viewer(HANDSHAKE)
    return between


def test_the_handshake_passes_and_is_always_shared():
    assert met().from_viewer(HANDSHAKE) == b"RFB 003.008\n\x01\x01"


def test_a_password_answer_passes():
    said = b"RFB 003.008\n\x02" + b"r" * 16 + b"\x01"
    assert met(b"RFB 003.008\n\x02\x01\x02").from_viewer(said) == said


def test_looking_passes():
    assert watching().from_viewer(FORMAT + ENCODINGS + UPDATE) == FORMAT + ENCODINGS + UPDATE


def test_a_viewer_asks_for_pictures_alone():
    """Fences and continuous updates make noVNC answer in kinds of messages that nobody here reads: vncproxy
    #15."""
    passed = watching().from_viewer(encodings(*OF_NOVNC))
    kept = [encoding for encoding in OF_NOVNC if encoding not in OF_NOVNC[14:20] + OF_NOVNC[21:23]]
    assert passed == encodings(*kept)
    assert not {-258, -261, -308, -309, -312, -313, -316, -1063131698} & set(kept)


@pytest.mark.parametrize("encoding", [-1, -33, -22, -257, -246, 0x7FFFFFFF, -0x80000000])
def test_what_is_not_known_is_not_asked_for(encoding):
    assert watching().from_viewer(encodings(0, encoding)) == encodings(0)


def test_keys_pointer_and_clipboard_do_not_pass():
    said = KEY + POINTER + cut_text(b"secret") + cut_text(b"abcd", length=-4)
    assert watching().from_viewer(said) == b""


def test_what_looks_like_an_update_inside_a_clipboard_does_not_pass():
    assert watching().from_viewer(cut_text(UPDATE * 3) + UPDATE) == UPDATE


def test_a_clipboard_that_lies_about_its_length_only_swallows():
    between = watching()
    assert between.from_viewer(cut_text(KEY, length=1000) + UPDATE) == b""
    assert between.from_viewer(UPDATE * 98 + b"xx" + UPDATE) == UPDATE


def test_encodings_that_lie_about_their_number_only_swallow():
    between = watching()
    assert between.from_viewer(b"\x02\x00\x00\x03" + KEY) == b""
    assert between.from_viewer(POINTER[:4]) == encodings()


def test_it_makes_no_difference_how_the_bytes_are_cut():
    between, passed = met(), b""
    for byte in HANDSHAKE + KEY + UPDATE + cut_text(b"x" * 30) + ENCODINGS + POINTER + FORMAT:
        passed += between.from_viewer(bytes([byte]))
    assert passed == b"RFB 003.008\n\x01\x01" + UPDATE + ENCODINGS + FORMAT


def test_a_desktop_passes_all_it_says_however_it_is_cut():
    said = DESKTOP + bytes(range(256))
    between = ViewOnly()
    assert b"".join(between.from_desktop(bytes([byte])) for byte in said) == said
    assert met(b"").from_desktop(said) == said


def test_of_several_sign_ins_those_that_can_be_passed_on_are_offered():
    """noVNC takes the first that it knows, be it one that nobody here reads."""
    offered = b"RFB 003.008\n" + b"\x04\x13\x02\x10\x01"
    assert ViewOnly().from_desktop(offered) == b"RFB 003.008\n" + b"\x02\x02\x01"


def test_a_desktop_that_refuses_says_why():
    refusal = b"RFB 003.008\n" + b"\x00\x00\x00\x00\x04Full"
    assert ViewOnly().from_desktop(refusal) == refusal


@pytest.mark.parametrize("version", [b"003.007", b"003.008", b"003.889", b"004.001"])
def test_newer_versions_are_watched(version):
    assert met(b"RFB " + version + b"\n\x01\x01").from_viewer(HANDSHAKE)


@pytest.mark.parametrize(
    "said",
    [
        b"RFB 003.003\n",  # its viewer would answer without a choice, and all after it be read a byte apart
        b"RFB 003.006\n",
        b"RFB 3.8\n     ",
        b"HTTP/1.1 400 Bad Request",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"RFB 003.008\n\x01\x13",
        b"RFB 003.008\n\x02\x10\x05",
    ],
)
def test_a_desktop_that_speaks_otherwise_is_not_shown(said):
    with pytest.raises(NotViewable):
        ViewOnly().from_desktop(said)


@pytest.mark.parametrize(
    "said",
    [
        b"RFB 003.003\n",
        b"GET / HTTP/1",
        b"RFB 003.008\n\x13",
        b"RFB 003.008\n\x02",  # a password that nobody asked for hides messages in its answer
        b"RFB 003.008\n\x00",
        HANDSHAKE + b"\xff",
        HANDSHAKE + b"\xf8\x00\x00\x00" + bytes(5),
        HANDSHAKE + b"\x96" + bytes(9),
        HANDSHAKE + cut_text(b"", length=1 << 21),
        HANDSHAKE + cut_text(b"", length=-(1 << 31)),
        HANDSHAKE + b"\x02\x00" + (MAX_ENCODINGS + 1).to_bytes(2, "big"),
    ],
)
def test_an_unknown_form_ends_it(said):
    with pytest.raises(NotViewable):
        met().from_viewer(said)


@pytest.mark.parametrize("desktop", [b"", b"RFB 003.008\n", b"RFB 003.008\n\x02\x01"])
def test_a_viewer_that_signs_in_before_it_is_asked_ends_it(desktop):
    with pytest.raises(NotViewable):
        met(desktop).from_viewer(HANDSHAKE)
