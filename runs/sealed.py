"""Secrets at rest: sealed with AES-GCM, bound to the place they are stored in. No models, no HTTP.

A sealed text copied to another row, cut short, or met with the wrong key raises `Unreadable`; it never comes
back as if it were the secret."""

import base64
import binascii
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12


class Unreadable(Exception):
    """This sealed text cannot be opened with the keys at hand."""


def seal(secret: str, *, place: str) -> str:
    """`v1:<key id>:<base64>`; empty stays empty. `place` names table, row and field: "run:7:desktop_url"."""
    if not secret:
        return ""
    key_id, key = next(iter(_keys().items()))
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, secret.encode(), place.encode())
    return f"v1:{key_id}:{base64.urlsafe_b64encode(sealed).decode()}"


def unseal(sealed: str, *, place: str) -> str:
    """The secret that was sealed for this place. Raises Unreadable."""
    if not sealed:
        return ""
    try:
        version, key_id, text = sealed.split(":")
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
        if version != "v1":
            raise Unreadable(f"{place} was sealed in an unknown way")
        return AESGCM(_keys()[key_id]).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode()).decode()
    except KeyError:
        raise Unreadable(f"the key that sealed {place} is not among ENCRYPTION_KEYS") from None
    except (ValueError, binascii.Error, InvalidTag):
        raise Unreadable(f"{place} is damaged, or was sealed with another key or for another row") from None


def new_encryption_key() -> str:
    """`<key id>:<base64 of 32 random bytes>`, as ENCRYPTION_KEYS holds them."""
    return f"{secrets.token_hex(4)}:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}"


def is_encryption_key(line: str) -> bool:
    """Whether a line has the form of `new_encryption_key`."""
    key_id, _, text = line.partition(":")
    try:
        return bool(key_id) and len(base64.b64decode(text, altchars=b"-_", validate=True)) == 32
    except binascii.Error:
        return False


def _keys() -> dict[str, bytes]:
    """Key id to key, newest first."""
    pairs = (line.split(":", 1) for line in settings.ENCRYPTION_KEYS)
    return {key_id: base64.urlsafe_b64decode(key) for key_id, key in pairs}
