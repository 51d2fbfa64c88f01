"""Which desktop addresses are shown."""

import pytest

from runs.desktop import Refused, check_address, view_only

OWN = ["https://watch.acme.example", "http://127.0.0.1:8000"]


def check(url, *, allow_loopback=True):
    return check_address(url, own_origins=OWN, allow_loopback=allow_loopback)


@pytest.mark.parametrize(
    "url, kind, origin",
    [
        ("https://6080-abc.e2b.app/vnc.html?autoconnect=true", "page", "https://6080-abc.e2b.app"),
        ("wss://6080-abc.e2b.app/websockify", "stream", "wss://6080-abc.e2b.app"),
        ("HTTPS://6080-ABC.e2b.app/", "page", "https://6080-abc.e2b.app"),
        ("https://desk.example:8443/x", "page", "https://desk.example:8443"),
        ("http://127.0.0.1:8001/vnc.html", "page", "http://127.0.0.1:8001"),
        ("ws://localhost:8001/websockify/x", "stream", "ws://localhost:8001"),
    ],
)
def test_good_addresses_are_shown(url, kind, origin):
    desktop = check(url)
    assert (desktop.url, desktop.kind, desktop.origin) == (url, kind, origin)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "blob:https://watch.acme.example/1",
        "about:blank",
        "view-source:https://a.example/",
        "file:///etc/passwd",
        "ftp://a.example/",
        "//evil.example/x",
        "/runs/1/",
        "x",
        "",
        None,
        7,
        ["https://a.example/"],
        {"url": "https://a.example/"},
        "https://",
        "https:///x",
        "https://user@a.example/",
        "https://user:password@a.example/",
        "https://@a.example/",
        "https://a.example\\@evil.example/",
        "https://a.example/ x",
        "https://a.example/\n",
        "https://a.example/\x00",
        "https://ä.example/",
        "https://a.example:99999/",
        "https://a.example:x/",
        "https://[::1/",
        "https://a.example/" + "x" * 2048,
        "http://a.example/",
        "ws://a.example/",
        "http://169.254.169.254/",
        "https://watch.acme.example/runs/1/",
        "https://watch.acme.example:9000/",
        "https://WATCH.acme.example./",
        "wss://watch.acme.example/ws/runs/",
        "http://127.0.0.1:8000/",
        "http://localhost:8000/",
        "ws://127.0.0.1:8000/ws/runs/",
        "http://[::1]:8000/",
    ],
)
def test_bad_addresses_are_refused_with_a_reason_that_does_not_hold_them(url):
    with pytest.raises(Refused) as refusal:
        check(url)
    assert str(refusal.value)
    assert "example" not in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8001/", "wss://localhost:9/", "https://127.9.9.9/", "ws://[::1]:1/"]
)
def test_this_machine_is_no_desktop_when_giga_is_elsewhere(url):
    with pytest.raises(Refused):
        check(url, allow_loopback=False)


def test_a_novnc_page_is_asked_to_show_only():
    page = "https://6080-abc.e2b.app/vnc.html"
    assert view_only(page) == f"{page}?view_only=true"
    assert view_only(f"{page}?autoconnect=true") == f"{page}?autoconnect=true&view_only=true"
    assert view_only(f"{page}?view_only=false") == f"{page}?view_only=false"
    assert view_only("https://desk.example/live") == "https://desk.example/live"
