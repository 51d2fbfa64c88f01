"""The two secrets an instance makes for itself on its first start. No settings here, no models."""

import base64
import binascii
import os
import secrets
from pathlib import Path


def make_data_folder(path: Path) -> Path:
    """The data folder, readable by its owner only. Raises OSError if it cannot be made or written."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    probe = path / f".writable-{os.getpid()}"
    probe.touch(mode=0o600)
    probe.unlink()
    return path


def read_or_make(path: Path, make) -> str:
    """The text in `path`; on the first start `make()` is written there first, for its owner only."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        text = make()
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
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
