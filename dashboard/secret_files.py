"""The data folder, for its owner only, and the two secrets an instance makes for itself on its first start.
No settings here, no models."""

import base64
import binascii
import fcntl
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

# By any of these a folder is known as one of ours.
OURS = {"secret_key", "encryption_keys", "gigawatch.sqlite3", "serve.lock", "static"}
FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_data_folder(path: Path, *, is_ours: bool = False) -> Path:
    """The data folder, readable by its owner only, as are the files in it. `is_ours`: nobody named it, so it
    is a folder of ours whatever lies in it. Raises OSError if it cannot be made or written, or stays open to
    others."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_mode & FOR_OTHERS:
        _close(path, is_ours=is_ours)
    probe = path / f".writable-{os.getpid()}"
    probe.touch(mode=0o600)
    probe.unlink()
    for file in path.iterdir():
        with suppress(OSError):  # somebody else's, or gone meanwhile; the folder keeps others out
            if stat.S_ISREG(mode := file.lstat().st_mode) and mode & FOR_OTHERS:
                file.chmod(0o600)
    return path


def _close(path: Path, *, is_ours: bool) -> None:
    """Keep others out of a folder of ours, or of an empty one. Raises OSError: who names /tmp by mistake does
    not want that of it."""
    names = {name for name in os.listdir(path) if not name.startswith(".")}
    if is_ours or not names or names & OURS:
        with suppress(OSError):  # somebody else's
            path.chmod(0o700)
    if (mode := stat.S_IMODE(path.stat().st_mode)) & FOR_OTHERS:
        raise OSError(f"others may look into it ({mode:o}); make it 700, or name a new folder in it")


def read_or_make(path: Path, make) -> str:
    """The text in `path`; on the first start `make()` is written there first, for its owner only. Of several
    starts at once one writes; what could not be written for lack of room is made by the next start."""
    with suppress(FileNotFoundError):
        if text := path.read_text().strip():
            return text
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if text := file.read().strip():
            return text
        text = make()
        try:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), 0)
            raise
    return text


def new_secret_key() -> str:
    return secrets.token_urlsafe(64)


def new_encryption_key() -> str:
    """`<key id>:<base64 of 32 random bytes>`, one line of the key file."""
    return f"{secrets.token_hex(4)}:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}"


def is_encryption_key(line: str) -> bool:
    """Whether a line has the form of `new_encryption_key`."""
    key_id, _, text = line.partition(":")
    try:
        return bool(key_id) and len(base64.b64decode(text, altchars=b"-_", validate=True)) == 32
    except binascii.Error:
        return False
