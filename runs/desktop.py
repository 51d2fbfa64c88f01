"""Which desktop addresses may be shown, and how. Pure functions: no network, no database.

The address comes from outside. Framed unchecked, a `javascript:` address would run in our own origin."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

from outbound.addresses import Network, Refused, is_loopback, is_refused, read_host

MAX_LENGTH = 2048
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@dataclass(frozen=True)
class Desktop:
    """`kind`: "page" is framed as it is, "stream" is a bare RFB socket shown by our own viewer."""

    url: str
    kind: str
    origin: str


def check_address(
    url: object,
    *,
    own_origins: Iterable[str],
    networks: Iterable[Network],
    allow_loopback: bool,
    longest: int = MAX_LENGTH,
) -> Desktop:
    """The desktop behind Giga's `vncUrl`, its host in the one form in which it may be named to a browser's
    content policy. Raises Refused.

    `https` and `wss` anywhere but on our own host and in networks that are neither public nor among those
    that were named; `http` and `ws` on loopback only, and loopback at all only where Giga itself is there
    (the simulator). Names are not looked up: where one leads is judged when it is dialled."""
    if not isinstance(url, str) or not url:
        raise Refused("it is not a text")
    if len(url) > longest:
        raise Refused(f"it is longer than {longest} characters")
    if "\\" in url or not url.isprintable() or " " in url:
        raise Refused("it holds characters that do not belong in an address")
    try:
        parts = urlsplit(url)
        said_port = parts.port
    except ValueError:
        raise Refused("it cannot be read as an address") from None
    if said_port == 0:
        raise Refused("it cannot be read as an address")
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise Refused(
            f"its scheme is {scheme[:20]!r}, only https and wss are shown" if scheme else "it has no scheme"
        )
    if "@" in parts.netloc:
        raise Refused("it carries user information")
    host = read_host(parts.hostname or "")
    if ("[" in parts.netloc) != (":" in host):  # a form of address that is not invented yet
        raise Refused("its host cannot be read")
    is_local = is_loopback(host)
    if scheme in ("http", "ws") and not is_local:
        raise Refused(f"{scheme} is not encrypted, and the host is not this machine")
    if is_local and not allow_loopback:
        raise Refused("it points at the dashboard's own machine")
    if is_refused(host, networks=networks, allow_loopback=allow_loopback):
        raise Refused("it leads into a network that is not public")
    port = said_port or DEFAULT_PORTS[scheme]
    if any(_is_same_place(host, port, own, is_local) for own in map(urlsplit, own_origins)):
        raise Refused("it points at the dashboard itself")
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if said_port else "")
    url = urlunsplit(parts._replace(scheme=scheme, netloc=netloc))
    if not url.isascii():
        raise Refused("it holds characters that do not belong in an address")
    kind = "page" if scheme in ("http", "https") else "stream"
    return Desktop(url, kind, f"{scheme}://{netloc}")


def view_only(url: str) -> str:
    """The address with noVNC asked to drop keys and pointer: a courtesy against stray clicks, no lock. Pages
    other than noVNC's, and addresses that say themselves how they want it, stay as they are."""
    parts = urlsplit(url)
    if not parts.path.endswith("/vnc.html") or "view_only" in parts.query:
        return url
    return urlunsplit(parts._replace(query=f"{parts.query}&view_only=true".lstrip("&")))


def _is_same_place(host: str, port: int, own: SplitResult, is_local: bool) -> bool:
    """Cookies know no ports, so a name of ours is ours on every port; on loopback, where the simulator lives
    on the next port, only the same port is."""
    own_host = (own.hostname or "").rstrip(".")
    if is_local and is_loopback(own_host):
        return port == (own.port or DEFAULT_PORTS.get(own.scheme))
    return host == own_host
