"""Looks for secrets in everything that comes out while the suite runs: answers and their headers, frames, log
lines at DEBUG, what processes print, and the files they leave. A test during which one comes out fails.

Allowed is one place: where the desktop's page is gone on to (`Location` of `/runs/<id>/desktop/open/`)."""

import base64
import re
from pathlib import Path
from urllib.parse import quote

KEY = "giga_sk_" + "0123456789abcdef" * 2
PASSWORD = "a long password for tests"
TYPED = {"API key": KEY, "password": PASSWORD}
SHAPED = {
    "public access token": rb"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.",
    "address of a desktop": rb"6080-[\w-]+\.e2b\.(?:app|invalid)(?::\d+)?/\w|/websockify/\w|vnc\.html\?\w",
}
# What a page, a mail or a printed line may say, and no line of the log.
ADDRESS_WITH_TOKEN = re.compile(
    rb"/(?:invitation|enter/\w+|ws/desktop|reset/key|confirm-email|files)/[\w:.-]{20,}|[?&](?:code|state)=[\w-]{8,}"
)
DESKTOP_DOOR = "/desktop/open/"


def disguises(secret: str) -> list[bytes]:
    """The ways in which a secret may come out."""
    raw = secret.encode()
    ways = {raw, quote(secret).encode(), secret.replace(" ", "+").encode(), raw.hex().encode()}
    for shift in range(3):
        # Inside a longer text base64 has three phases; the ends depend on the neighbours.
        encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
        ways.add(encoded[4 if shift else 0 : -2])
    return sorted(ways, key=len, reverse=True)


PATTERNS = {
    **{name: b"|".join(re.escape(way) for way in disguises(secret)) for name, secret in TYPED.items()},
    **SHAPED,
}
EVERY_SECRET = re.compile(b"|".join(b"(?:%s)" % pattern for pattern in PATTERNS.values()))

found: list[str] = []


def look(place: str, data: bytes | str) -> None:
    """Note it when a secret is in here."""
    data = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    if hit := EVERY_SECRET.search(data):
        names = [name for name, pattern in PATTERNS.items() if re.fullmatch(pattern, hit[0], re.S)]
        found.append(f"{names or hit[0]} in {place}")


def look_at_line(logger: str, line: str) -> None:
    """Note it when a line of the log holds a secret, or an address with a token."""
    look(f"a log line of {logger}", line)
    if ADDRESS_WITH_TOKEN.search(line.encode("utf-8", "surrogateescape")):
        found.append(f"an address with a token in a log line of {logger}")


def look_into_files(folder: Path) -> None:
    """The database with its journal, and whatever else a process left, but for the key ring itself."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name.startswith(("gigawatch.sqlite3", "test.sqlite3")):
            look(f"the file {path.name}", path.read_bytes())
