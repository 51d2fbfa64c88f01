"""The server's half of RFB, fed with bytes."""

import struct

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from simulator.rfb import Broken, Conversation, CutText, Key, PixelFormat, Pointer, Ready, UpdateRequest

HELLO = b"RFB 003.008\n\x01\x01"


def talk(data: bytes = HELLO, **options) -> Conversation:
    conversation = Conversation(1024, 768, "test", **options)
    conversation.feed(data)
    return conversation


def des(key: bytes, data: bytes) -> bytes:
    encryptor = Cipher(TripleDES(key * 3), modes.ECB()).encryptor()  # noqa: S305 -- VNC's own way
    return encryptor.update(data) + encryptor.finalize()


def test_the_handshake_of_3_8():
    conversation = talk()
    assert conversation.outgoing[:12] == b"RFB 003.008\n"
    assert conversation.outgoing[12:14] == b"\x01\x01"
    assert conversation.outgoing[14:18] == b"\0\0\0\0"
    assert conversation.outgoing[18:22] == struct.pack(">HH", 1024, 768)
    assert conversation.outgoing.endswith(b"\0\0\0\x04test")


def test_in_3_3_the_server_decides():
    assert talk(b"RFB 003.003\n").outgoing[12:] == b"\0\0\0\x01"


def test_an_odd_version_is_spoken_to_as_3_3():
    assert talk(b"RFB 003.005\n").outgoing[12:] == b"\0\0\0\x01"


def test_in_3_7_no_result_follows_when_no_password_is_asked():
    assert talk(b"RFB 003.007\n\x01\x01").outgoing[14:18] == struct.pack(">HH", 1024, 768)


def test_bytes_may_come_one_by_one():
    conversation = Conversation(1024, 768, "test")
    events = []
    for byte in HELLO + b"\x04\x01\0\0\0\0\0\x41":
        events += conversation.feed(bytes([byte]))
    assert events == [Ready(), Key(True, 0x41)]


def test_all_messages_are_understood():
    conversation = talk()
    events = conversation.feed(
        b"\x03\x01\0\x01\0\x02\0\x03\0\x04"
        b"\x04\0\0\0\0\0\xff\x0d"
        b"\x05\x04\0\x0a\0\x14"
        b"\x06\0\0\0\0\0\0\x02\xe9x"
        b"\x02\0\0\x02\0\0\0\x07\xff\xff\xff\x21"
    )
    assert events == [
        UpdateRequest(True, 1, 2, 3, 4),
        Key(False, 0xFF0D),
        Pointer(4, 10, 20),
        CutText("éx"),
    ]
    assert conversation.encodings == (7, -223)


def test_a_pixel_format_is_taken():
    conversation = talk()
    conversation.feed(struct.pack(">B3xBBBBHHHBBB3x", 0, 16, 16, 0, 1, 31, 63, 31, 11, 5, 0))
    assert conversation.pixel_format == PixelFormat(16, 16, 0, 1, 31, 63, 31, 11, 5, 0)


@pytest.mark.parametrize(
    "form",
    [
        (32, 24, 0, 0, 255, 255, 255, 16, 8, 0),
        (24, 24, 0, 1, 255, 255, 255, 16, 8, 0),
        (16, 16, 0, 1, 255, 255, 255, 16, 8, 0),
        (32, 24, 0, 1, 255, 255, 255, 255, 8, 0),
        (32, 24, 0, 1, 0, 255, 255, 16, 8, 0),
    ],
)
def test_an_impossible_pixel_format_is_refused(form):
    with pytest.raises(Broken):
        talk().feed(struct.pack(">B3xBBBBHHHBBB3x", 0, *form))


@pytest.mark.parametrize("version", [b"RFB 003.003\n", b"RFB 003.007\n\x02", b"RFB 003.008\n\x02"])
def test_the_right_password_opens(version):
    conversation = talk(version, password="pass")
    challenge = bytes(conversation.outgoing[-16:])
    # "pass", each byte mirrored, filled up with zeros.
    conversation.feed(des(bytes([0x0E, 0x86, 0xCE, 0xCE, 0, 0, 0, 0]), challenge))
    assert conversation.outgoing.endswith(b"\0\0\0\0")
    assert conversation.feed(b"\x01") == [Ready()]


def test_a_wrong_password_is_told_and_refused():
    conversation = talk(b"RFB 003.008\n\x02", password="pass")
    with pytest.raises(Broken):
        conversation.feed(bytes(16))
    assert conversation.outgoing.endswith(b"\0\0\0\x01\0\0\0\x0eWrong password")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"HTTP/1.1 200",
        b"RFB 004.001\n",
        b"RFB 003.0x8\n",
        b"RFB 003.008\n\x10",
        HELLO + b"\xfb",
        HELLO + b"\x07",
    ],
)
def test_nonsense_is_refused(nonsense):
    with pytest.raises(Broken):
        talk(nonsense)


def test_an_endless_clipboard_is_refused_before_it_comes():
    with pytest.raises(Broken):
        talk().feed(b"\x06\0\0\0\x7f\xff\xff\xff")
