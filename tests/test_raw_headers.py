"""What somebody says in the headers before signing in, byte by byte over a raw socket: it is answered, and
nothing in it makes the server fail."""

import logging
import socket

import pytest

from dashboard.asgi import application
from dashboard.request_ids import ShortRefusals
from tests.serving import serving

pytestmark = [pytest.mark.any_database, pytest.mark.long, pytest.mark.django_db(transaction=True)]

HTTP = {b"Host": b"127.0.0.1:8000"}
WEBSOCKET = {
    **HTTP,
    b"Origin": b"http://127.0.0.1:8000",
    b"Connection": b"Upgrade",
    b"Upgrade": b"websocket",
    b"Sec-WebSocket-Version": b"13",
    b"Sec-WebSocket-Key": b"AAAAAAAAAAAAAAAAAAAAAA==",
}
# What a page reads beside its own headers, said all at once.
OTHERS = [
    *(b"Referer", b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host", b"Forwarded"),
    *(b"X-Request-ID", b"Accept", b"Accept-Language", b"Accept-Encoding", b"Accept-Charset"),
    *(b"Content-Type", b"Authorization", b"If-Modified-Since", b"If-None-Match", b"If-Match"),
    *(b"If-Unmodified-Since", b"Range", b"If-Range", b"X-CSRFToken", b"X-Requested-With"),
    *(b"X-HTTP-Method-Override", b"HX-Request", b"HX-Current-URL", b"HX-Target", b"HX-Trigger"),
    *(b"HX-Boosted", b"HX-Prompt", b"HX-Current-URL-URI-AutoEncoded", b"User-Agent", b"Sec-Fetch-Site"),
    *(b"TE", b"Date"),
]
SOCKETS = [b"/ws/runs/", b"/ws/runs/1/", b"/ws/wall/", b"/ws/desktop/x/", b"/ws/nothing/"]
ODD = [
    b"",
    b" ",
    b",",
    b";",
    b"=",
    b"\xff\xfe",
    "ä".encode(),
    "☃".encode(),
    b"\xed\xa0\x80",
    b"x " * 2000,
    b"x " * 4500,
    b"a,b;c=d" * 500,
    b"[",
    b"]",
    b"http://[",
    b"http://[::1",
    b"http://]",
    b"http://127.0.0.1:8000.evil.example",
    b"http://127.0.0.1:99999",
    b"http://127.0.0.1:-1",
    b"http://127.0.0.1:8000:8000",
    b"http://user:password@127.0.0.1:8000",
    b"http://[::1%25lo]:8000",
    b"//",
    b"null",
    b"*",
    b"-1",
    b"99999999999999999999999999",
    b"1e999",
    b'"',
    b'"\\',
    b"%",
    b"%zz%00%ff",
    b"\x80=\x80; gigawatch=\xff; gigawatch-csrf=\xff",
    b"gigawatch=" + b"A" * 32 + b"; gigawatch=" + b"%" * 300,
    b"bytes=-",
    b"bytes=9-1,a-b,99999999999999999999-",
    b"multipart/form-data; boundary=\xff; charset=nothing",
    b"text/html; charset=\xff; q=x",
    b"de;q=x,*;q=9,\xff",
    b'for="[::1";proto=\xff',
    b"127.0.0.1, nonsense, \xff, ::1%lo",
    b"Thu, 99 Foo 99999 99:99:99 GMT",
]


@pytest.fixture(scope="module")
def server():
    with serving(application) as server:
        yield server


@pytest.fixture
def answer(server, caplog):
    """A function that asks, and gives back the number of the answer. It fails where the server complains of
    more than that something was refused."""

    def ask(method: bytes, path: bytes, usual: dict[bytes, bytes], *odd: tuple[bytes, bytes]) -> int:
        replaced = dict(odd)
        kept = [header for header in usual.items() if header[0] not in replaced]
        lines = [b"%b %b HTTP/1.1" % (method, path), *[b"%b: %b" % header for header in [*kept, *odd]]]
        caplog.clear()
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(b"\r\n".join([*lines, b"", b""]))
            said = connection.recv(65536)
        server.finish()
        errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert [record for record in errors if not record.name.startswith("django.security.")] == [], odd
        assert said.startswith(b"HTTP/1.1 "), (odd, said)
        return int(said[9:12])

    return ask


@pytest.mark.parametrize("name", [b"Host", b"Origin", b"Cookie", b"Connection", b"Content-Length", b"Expect"])
def test_a_page_answers_whatever_a_header_holds(answer, name):
    for value in ODD:
        assert answer(b"POST", b"/accounts/login/", HTTP, (name, value)) < 500, value
    twice = [(name, HTTP.get(name, b"null")), (name, ODD[0])]
    assert answer(b"GET", b"/accounts/login/", HTTP, *twice) < 500


def test_a_page_answers_whatever_all_other_headers_hold(answer):
    for value in ODD:
        if len(value) * len(OTHERS) < 12_000:
            for method in (b"GET", b"POST"):
                odd = [(name, value) for name in OTHERS]
                assert answer(method, b"/accounts/login/", HTTP, *odd) < 500, value


@pytest.mark.parametrize(
    "name", [*WEBSOCKET, b"Cookie", b"Sec-WebSocket-Protocol", b"Sec-WebSocket-Extensions"]
)
def test_a_socket_answers_whatever_a_header_holds(answer, name):
    for number, value in enumerate(ODD):
        path = SOCKETS[number % len(SOCKETS)]
        assert answer(b"GET", path, WEBSOCKET, (name, value)) < 500, (path, value)
        twice = [(name, WEBSOCKET.get(name, b"null")), (name, value)]
        assert answer(b"GET", path, WEBSOCKET, *twice) < 500, (path, value)


@pytest.mark.parametrize("path", SOCKETS)
def test_an_origin_that_cannot_be_read_is_one_of_others(answer, path):
    for value in ODD:
        is_viewers = value == b"null" and path.startswith(b"/ws/desktop/")
        right = 101 if is_viewers else 400 if len(value) > 8000 else 403
        assert answer(b"GET", path, WEBSOCKET, (b"Origin", value)) == right, value


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("method", [b"POST", b"HEAD", b"get", b"X"])
def test_a_handshake_of_another_method_is_answered_and_not_waited_for(answer, method, path):
    assert answer(method, path, WEBSOCKET) == 400


def test_what_was_refused_is_a_line_without_a_traceback(caplog):
    try:
        raise ValueError("x " * 1000)
    except ValueError:
        logging.getLogger("django.security.DisallowedHost").exception("Invalid host: %s", "x " * 1000)
    (record,) = caplog.records
    assert ShortRefusals().filter(record)
    assert len(logging.Formatter().format(record)) <= 200
