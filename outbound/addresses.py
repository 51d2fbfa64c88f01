"""Hosts that somebody else named: read, resolved once, judged, and dialled as judged. What is not public is
somebody's own network, and mostly ours. No settings, no database."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_HOST = 253
CONNECT_WITHIN_S = 4
MAX_ADDRESSES = 4

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Browsers and resolvers take each of them for an IPv4 address: 127.1, 0x7f.1, 2130706433.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

_ALL_IPV6_IN_USE = ipaddress.ip_network("2000::/3")
# What `ipaddress` calls global, or did in one Python and not in another.
_NOT_PUBLIC = [
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # what a machine of Azure asks for its own secrets
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
    )
]
# What carries an IPv4 address, and how many bits stand behind it: compatible, mapped, translated, NAT64,
# 6to4.
_CARRIERS = [
    (ipaddress.IPv6Network(network), shift)
    for network, shift in (
        ("::/96", 0),
        ("::ffff:0:0/96", 0),
        ("::ffff:0:0:0/96", 0),
        ("64:ff9b::/96", 0),
        ("2002::/16", 80),
    )
]
# A name whose servers are slow holds up other names and nothing else.
_resolvers = ThreadPoolExecutor(4, thread_name_prefix="resolve")


class Refused(Exception):
    """This address is not used; the text says why, without the address."""


def read_host(text: str) -> str:
    """A host in the one form in which it is used: small ASCII letters, digits, dashes and dots, an IPv4
    address in four parts, or an IPv6 address in its shortest form. Raises Refused."""
    if not text:
        raise Refused("it names no host")
    if ":" in text:
        try:
            address = ipaddress.IPv6Address(text)
        except ValueError:
            address = None
        if address is None or address.scope_id:
            raise Refused("its host cannot be read")
        return str(address)
    try:
        host = text.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        raise Refused("its host cannot be read") from None
    labels = host.split(".")
    if len(host) > MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise Refused("its host cannot be read")
    if _NUMBER.fullmatch(labels[-1]) and _literal(host) is None:
        raise Refused("its host cannot be read")
    return host


def is_loopback(host: str) -> bool:
    """Whether this host, name or address, is this machine without any asking."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _literal(host)
    return address is not None and all(one.is_loopback for one in _meant(address))


def is_refused(host: str, *, networks: Iterable[Network], allow_loopback: bool) -> bool:
    """Whether this host is refused without any asking: an address, and not one that may be dialled."""
    address = _literal(host)
    return address is not None and not may_dial(address, networks=networks, allow_loopback=allow_loopback)


def may_dial(address: Address, *, networks: Iterable[Network], allow_loopback: bool) -> bool:
    """Public, or of the networks that were named. What carries an IPv4 address leads there, and is judged by
    it."""
    return all(
        allow_loopback if one.is_loopback else is_public(one) or any(one in network for network in networks)
        for one in _meant(address)
    )


def is_public(address: Address) -> bool:
    if address.version == 6 and address not in _ALL_IPV6_IN_USE:
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _NOT_PUBLIC)
    )


async def connect(
    host: str, port: int, *, networks: Iterable[Network], allow_loopback: bool
) -> socket.socket:
    """A socket that is connected to this host. Its name is asked for once, and the addresses that are judged
    are those that are dialled: another answer a moment later changes nothing. Raises Refused, also when only
    one of several addresses is refused, and OSError when nobody is there."""
    found = await _resolve(host, port)
    for address in {ipaddress.ip_address(where[0].partition("%")[0]) for *_, where in found}:
        is_allowed = may_dial(address, networks=networks, allow_loopback=allow_loopback)
        if not is_allowed or (is_own(address) and not (allow_loopback and is_loopback(str(address)))):
            raise Refused("it leads into a network that is not public")
    problem: OSError = ConnectionError("nobody is there")
    for family, kind, protocol, _, where in found[:MAX_ADDRESSES]:
        try:
            return await _connected(socket.socket(family, kind, protocol), where)
        except OSError as error:
            problem = error
    raise problem


def is_own(address: Address) -> bool:
    """Whether it is one of this machine's own: only those can be bound to."""
    for one in {address, *_meant(address)}:
        with socket.socket(
            socket.AF_INET6 if one.version == 6 else socket.AF_INET, socket.SOCK_DGRAM
        ) as trying:
            try:
                trying.bind((str(one), 0))
            except OSError:
                continue
            return True
    return False


async def _resolve(host: str, port: int) -> list[tuple]:
    """What `getaddrinfo` knows. Raises OSError."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        return await asyncio.get_running_loop().run_in_executor(_resolvers, ask)
    except UnicodeError:
        raise OSError("its name is not known") from None


async def _connected(sock: socket.socket, where: tuple) -> socket.socket:
    sock.setblocking(False)
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _meant(address: Address) -> list[Address]:
    """The addresses that this one leads to: those that it carries, or itself."""
    if address.version == 4 or address.is_loopback or address.is_unspecified:
        return [address]
    for network, shift in _CARRIERS:
        if address in network:
            return [ipaddress.IPv4Address(int(address) >> shift & 0xFFFFFFFF)]
    return list(address.teredo or [address])
