"""Where the server connects to when somebody else gave the address."""

import asyncio
import ipaddress
import re
import socket
import ssl
from contextlib import asynccontextmanager

import pytest
import websockets
from websockets.exceptions import InvalidStatus

from outbound import addresses, websocket
from outbound.addresses import Refused, connect, is_own, may_dial
from outbound.websocket import open_websocket

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "193.0.6.139",
    "100.63.255.255",
    "2a00:1450:4001::e",
    "2606:4700::1111",
]
# Each leads to a public IPv4 address.
PUBLIC += ["::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2001:0:808:808:0:0:f7f7:f7f7"]
# fmt: off
NOT_PUBLIC = [
    "0.0.0.0", "0.1.2.3", "10.0.0.5", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.1.2.3",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "168.63.129.16", "::", "::1", "::2", "::10.0.0.5",
    "::ffff:127.0.0.1", "::ffff:10.0.0.5", "::ffff:169.254.169.254", "::ffff:0:10.0.0.5",
    "64:ff9b::a00:5", "64:ff9b::7f00:1", "64:ff9b:1::808:808", "100::1", "2001:db8::1", "2001:2::1",
    "2001:20::1", "3fff::1", "5f00::1", "2002:a00:5::1", "2002:7f00:1::",
    "2001:0:a00:5:0:0:f7f7:f7f7", "2001:0:808:808:0:0:f5ff:fffa", "4000::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "ff0e::1",
]
# fmt: on


def dialled(addresses, *, allow_loopback: bool) -> list[str]:
    def may(address):
        return may_dial(ipaddress.ip_address(address), networks=[], allow_loopback=allow_loopback)

    return list(filter(may, addresses))


def test_what_is_public_is_dialled():
    assert dialled(PUBLIC, allow_loopback=False) == PUBLIC


def test_what_is_not_public_is_not():
    assert dialled(NOT_PUBLIC, allow_loopback=False) == []


def test_this_machine_alone_is_not_the_network_around_it():
    others = [address for address in NOT_PUBLIC if not re.search(r"127\.|7f00|^::1$", address)]
    assert dialled(others, allow_loopback=True) == []


def test_a_network_that_was_named_is_dialled_and_no_other():
    named = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]

    def is_dialled(address):
        return may_dial(ipaddress.ip_address(address), networks=named, allow_loopback=False)

    assert all(map(is_dialled, ["10.0.0.5", "::ffff:10.0.0.5", "fd00::1", "8.8.8.8"]))
    assert not any(map(is_dialled, ["192.168.0.1", "127.0.0.1", "::1", "fe80::1", "172.16.0.1"]))


def test_this_machines_own_addresses_are_known():
    assert is_own(ipaddress.ip_address("127.0.0.1"))
    assert is_own(ipaddress.ip_address("::ffff:127.0.0.1"))
    assert not is_own(ipaddress.ip_address("8.8.8.8"))


class Listening:
    """A server that counts who comes."""

    def __init__(self):
        self.came = 0

    async def take(self, reader, writer):
        self.came += 1
        writer.close()


@asynccontextmanager
async def listening(host="127.0.0.1"):
    counted = Listening()
    async with await asyncio.start_server(counted.take, host, 0) as server:
        counted.port = server.sockets[0].getsockname()[1]
        yield counted


@pytest.fixture
def known(monkeypatch):
    """What names lead to, as somebody who owns them would have it: each time they are asked for the next."""
    answers: dict[str, list[list[str]]] = {}
    ask = socket.getaddrinfo

    def answer(host, port, *args, **kwargs):
        if host not in answers:
            return ask(host, port, *args, **kwargs)
        found = answers[host].pop(0)
        return [one for address in found for one in ask(address, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return answers


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "localhost", "0.0.0.0", "::ffff:127.0.0.1"],
)
async def test_however_this_machine_is_called_nobody_arrives(host):
    async with listening() as counted:
        with pytest.raises(Refused):
            await connect(host, counted.port, networks=[], allow_loopback=False)
        await asyncio.sleep(0)
        assert counted.came == 0


async def test_a_name_of_which_one_address_is_private_is_refused_whole(known):
    async with listening() as counted:
        for found in (["127.0.0.1", "8.8.8.8"], ["8.8.8.8", "127.0.0.1"], ["2606:4700::1111", "10.0.0.5"]):
            known["two.example"] = [found]
            with pytest.raises(Refused):
                await connect("two.example", counted.port, networks=[], allow_loopback=False)
        assert counted.came == 0


async def test_a_name_is_asked_for_once_and_dialled_as_judged(known, monkeypatch):
    """Its second answer would be our own network (DNS rebinding)."""
    async with listening() as counted:
        known["once.example"] = [["127.0.0.1"], ["10.0.0.5"]]
        sock = await connect("once.example", counted.port, networks=[], allow_loopback=True)
        with sock:
            assert sock.getpeername() == ("127.0.0.1", counted.port)
        assert known["once.example"] == [["10.0.0.5"]]


async def test_our_own_address_is_refused_in_a_network_that_was_named(monkeypatch):
    """127.0.0.1 stands for an address of this machine that its network knows."""
    monkeypatch.setattr(addresses, "may_dial", lambda address, **_rules: True)
    async with listening() as counted:
        with pytest.raises(Refused):
            await connect("127.0.0.1", counted.port, networks=[], allow_loopback=False)
        assert counted.came == 0


@pytest.mark.parametrize("host", ["nobody.invalid", "a" * 64 + ".example", "\udcff.example", ""])
async def test_a_name_that_nobody_knows_is_nobody(host):
    with pytest.raises((OSError, Refused)):
        await connect(host, 443, networks=[], allow_loopback=False)


async def test_the_next_address_is_tried(known):
    async with listening() as counted:
        known["two.example"] = [["127.0.0.2", "127.0.0.1"]]
        with await connect("two.example", counted.port, networks=[], allow_loopback=True) as sock:
            assert sock.getpeername()[0] == "127.0.0.1"


def opened(url: str):
    return open_websocket(url, subprotocol="binary", networks=[], allow_loopback=True)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300])
@pytest.mark.parametrize("where", ["/elsewhere", "ws://127.0.0.1:{port}/", "wss://10.0.0.5/", "http://x y"])
async def test_a_redirect_is_not_followed(status, where):
    asked = []

    async def redirect(reader, writer):
        asked.append(await reader.readline())
        await reader.readuntil(b"\r\n\r\n")
        there = where.format(port=port).encode()
        writer.write(b"HTTP/1.1 %d Go\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, there))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(redirect, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(InvalidStatus):
            await opened(f"ws://127.0.0.1:{port}/here")
    assert len(asked) == 1 and b"/here" in asked[0]


async def test_no_proxy_of_the_environment_is_used(monkeypatch):
    async with listening() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with websockets.serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            upstream = await opened(f"ws://127.0.0.1:{port}/")
            await upstream.close()
        assert proxy.came == 0


async def test_who_takes_the_connection_and_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(websocket, "OPEN_WITHIN_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        await opened(f"ws://127.0.0.1:{silent.getsockname()[1]}/")


async def test_the_name_is_kept_for_tls_and_the_host_header(known, monkeypatch):
    """The address is dialled, and the certificate is judged by the name."""
    named = []

    class Context(ssl.SSLContext):
        def wrap_bio(self, *args, server_hostname=None, **kwargs):
            named.append(server_hostname)
            return super().wrap_bio(*args, server_hostname=server_hostname, **kwargs)

    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    monkeypatch.setattr(websocket, "_tls", lambda: context)
    async with listening() as counted:
        known["desk.example"] = [["127.0.0.1"]]
        with pytest.raises(OSError):
            await opened(f"wss://desk.example:{counted.port}/")
        assert (named, counted.came) == (["desk.example"], 1)
