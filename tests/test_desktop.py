"""Which desktop addresses are shown."""

import ipaddress

import pytest

from outbound.addresses import Refused
from runs.desktop import check_address, view_only

OWN = ["https://watch.acme.example", "http://127.0.0.1:8000"]


def check(url, *, allow_loopback=True, networks=()):
    named = [ipaddress.ip_network(network) for network in networks]
    return check_address(url, own_origins=OWN, networks=named, allow_loopback=allow_loopback)


@pytest.mark.parametrize(
    "url, kind, origin",
    [
        ("https://6080-abc.e2b.app/vnc.html?autoconnect=true", "page", "https://6080-abc.e2b.app"),
        ("wss://6080-abc.e2b.app/websockify", "stream", "wss://6080-abc.e2b.app"),
        ("https://desk.example:8443/x", "page", "https://desk.example:8443"),
        ("http://127.0.0.1:8001/vnc.html", "page", "http://127.0.0.1:8001"),
        ("ws://localhost:8001/websockify/x", "stream", "ws://localhost:8001"),
    ],
)
def test_good_addresses_are_shown(url, kind, origin):
    desktop = check(url)
    assert (desktop.url, desktop.kind, desktop.origin) == (url, kind, origin)


@pytest.mark.parametrize(
    "url, read, origin",
    [
        ("HTTPS://6080-ABC.e2b.app/X", "https://6080-abc.e2b.app/X", "https://6080-abc.e2b.app"),
        ("https://desk.example./", "https://desk.example/", "https://desk.example"),
        ("https://desk.example:/", "https://desk.example/", "https://desk.example"),
        ("https://desk.example:0443/", "https://desk.example:443/", "https://desk.example:443"),
        ("https://bücher.example/x", "https://xn--bcher-kva.example/x", "https://xn--bcher-kva.example"),
        ("https://desk。example/", "https://desk.example/", "https://desk.example"),
        ("https://[2A00:1450:0::1]:8443/", "https://[2a00:1450::1]:8443/", "https://[2a00:1450::1]:8443"),
    ],
)
def test_a_host_is_named_in_one_form_alone(url, read, origin):
    desktop = check(url)
    assert (desktop.url, desktop.origin) == (read, origin)
    assert check(read) == desktop


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
        "https://a.example/ä",
        "https://a.example/?q=ä",
        "https://a.example:99999/",
        "https://a.example:0/",
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
        "http://[::ffff:127.0.0.1]:8000/",
        # What a content policy would read as more than one host.
        "https://*/",
        "https://*.example/",
        "https://a.example;script-src/",
        "https://a.example,b.example/",
        "https://'self'/",
        "https://a.example%20b.example/",
        "https://a_b.example/",
        "https://-a.example/",
        "https://a-.example/",
        "https://a..example/",
        "https://.example/",
        "https://a.example../",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 130 + "example/",
        "https://xn--\udcff.example/",
        "https://[::1%25lo]:1/",
        "https://[fe80::1%eth0]/",
        "https://[v1.x]/",
        # Browsers and resolvers read an address in each of them.
        "http://127.1:8001/",
        "http://127.0.1:8001/",
        "http://0x7f.1:8001/",
        "http://0177.0.0.1:8001/",
        "http://2130706433:8001/",
        "http://017700000001:8001/",
        "http://0x7f000001:8001/",
        "http://１２７.1:8001/",
        "https://example.0x/",
        "https://1.2.3.4.5/",
        "https://256.256.256.256/",
    ],
)
def test_bad_addresses_are_refused_with_a_reason_that_does_not_hold_them(url):
    with pytest.raises(Refused) as refusal:
        check(url)
    assert str(refusal.value)
    assert "example" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8001/",
        "wss://localhost:9/",
        "wss://localhost.:9/",
        "wss://x.localhost/",
        "https://127.9.9.9/",
        "ws://[::1]:1/",
        "wss://[::ffff:127.0.0.1]/",
        "wss://[::127.0.0.1]/",
        "wss://[64:ff9b::7f00:1]/",
        "wss://0.0.0.0/",
        "wss://[::]/",
    ],
)
def test_this_machine_is_no_desktop_when_giga_is_elsewhere(url):
    with pytest.raises(Refused):
        check(url, allow_loopback=False)


@pytest.mark.parametrize(
    "url",
    ["https://10.0.0.5/vnc.html", "wss://169.254.169.254/", "wss://[fd00::5]/", "wss://[::ffff:10.0.0.5]/"],
)
def test_a_private_address_is_a_desktop_only_where_its_network_was_named(url):
    with pytest.raises(Refused, match="not public"):
        check(url)
    assert check(url, networks=["10.0.0.0/8", "169.254.169.254/32", "fd00::/8"]).kind


def test_a_novnc_page_is_asked_to_show_only():
    page = "https://6080-abc.e2b.app/vnc.html"
    assert view_only(page) == f"{page}?view_only=true"
    assert view_only(f"{page}?autoconnect=true") == f"{page}?autoconnect=true&view_only=true"
    assert view_only(f"{page}?view_only=false") == f"{page}?view_only=false"
    assert view_only("https://desk.example/live") == "https://desk.example/live"
