"""Who a login belongs to right now. An open socket must notice a logout, a new password, a closed account."""

from importlib import import_module
from types import SimpleNamespace

from django.conf import settings
from django.contrib.auth import get_user


def person_signed_in(session_key: str | None):
    """The user whose login this is, read anew from the database, or None when it is over."""
    if not session_key:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(SimpleNamespace(session=session))
    return user if user.is_authenticated and user.is_active else None
