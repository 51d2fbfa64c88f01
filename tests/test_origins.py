"""Which pages may open a socket: ours, by whatever name and port their browser came."""

import logging

import pytest
from django.conf import settings as real_settings

from dashboard import origins
from dashboard.asgi import application
from dashboard.origins import OnlyOurPages
from tests.asgi_socket import Socket

PORT = real_settings.PORT
HTTPS = ["https://watch.example.com"]


async def takes(scope, receive, send):
    await send({"type": "websocket.accept"})


@pytest.fixture(autouse=True)
def said(caplog):
    origins._said.clear()
    caplog.set_level(logging.WARNING, logger="dashboard.origins")
    return caplog


async def is_taken(*headers: tuple[str, str], **or_from) -> bool:
    lines = [(name.encode(), value.encode()) for name, value in headers]
    return await Socket(OnlyOurPages(takes, **or_from), "/ws/runs/", lines).connect()


@pytest.mark.parametrize(
    "origin, host",
    [
        (f"http://127.0.0.1:{PORT}", f"127.0.0.1:{PORT}"),
        (f"http://127.0.0.1:{PORT}", "web:8000"),  # a proxy that does not hand on Host
        ("http://127.0.0.1:9000", "127.0.0.1:9000"),  # docker run -p 9000:8000, ssh -L 9000:…
        ("http://localhost:9000", "localhost:9000"),
        ("http://[::1]:9000", "[::1]:9000"),
        ("http://localhost", "localhost"),
    ],
)
async def test_a_page_of_ours_opens_sockets_by_whatever_port_it_came(origin, host):
    """A port is mapped elsewhere (stanford-oval/genie-server #308, louislam/uptime-kuma #3074)."""
    assert await is_taken(("origin", origin), ("host", host))


@pytest.mark.parametrize(
    "origin, host",
    [
        ("http://127.0.0.1:9001", "127.0.0.1:9000"),  # another program on this machine
        ("http://localhost:9000", "127.0.0.1:9000"),
        ("https://127.0.0.1:9000", "127.0.0.1:9000"),
        ("http://evil.example:9000", "127.0.0.1:9000"),
        ("http://evil.example:9000", "evil.example:9000"),  # whose name leads here
        ("http://127.0.0.1.evil.example", "127.0.0.1.evil.example"),
        ("http://", ""),
        ("http://[::1", "[::1"),
        ("null", "null"),
        ("null", "127.0.0.1:9000"),
    ],
)
async def test_any_other_page_is_refused(origin, host):
    assert not await is_taken(("origin", origin), ("host", host))


async def test_who_says_no_origin_or_several_hosts_is_refused():
    host = ("host", "127.0.0.1:9000")
    assert not await is_taken(host)
    assert not await is_taken(("origin", "http://127.0.0.1:9000"), host, host)


async def test_without_an_origin_come_viewers_of_desktops_alone():
    assert await is_taken(("origin", "null"), ("host", "127.0.0.1:9000"), or_from=["null"])
    assert not await Socket(application, "/ws/runs/", [(b"origin", b"null")]).connect()


async def test_over_https_alone_where_the_site_is(settings):
    settings.SITE_ORIGINS, settings.ALLOWED_HOSTS = HTTPS, ["watch.example.com", "other.example.com"]
    for name in ("watch.example.com:8443", "other.example.com"):
        assert await is_taken(("origin", f"https://{name}"), ("host", name))
        assert not await is_taken(("origin", f"http://{name}"), ("host", name))


async def test_a_refused_page_is_said_once_with_the_setting_that_lets_it_in(said):
    for _ in range(2):
        await is_taken(("origin", "https://watch.example.com"), ("host", "127.0.0.1:9000"))
    (record,) = said.records
    assert "https://watch.example.com" in record.getMessage() and "set SITE_URL" in record.getMessage()


async def test_many_refused_pages_fill_no_log(said):
    for number in range(50):
        await is_taken(("origin", f"http://{number}.example{'x' * 1000}"), ("host", "x"))
    assert len(said.records) == origins.MAX_SAID
    assert max(len(record.getMessage()) for record in said.records) < 500
