"""How long a login lasts, and who it belongs to right now. An open socket must notice a logout, a new
password, a closed account, a login that is over."""

from datetime import datetime, timedelta
from types import SimpleNamespace

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import OperationalError
from django.utils import timezone

SIGNED_IN_AT = "signed_in_at"
# The workspace whose pages its tabs show.
WORKSPACE = "workspace"
# So often, and not with every page, it is written down that a login is in use.
NOTED_EVERY = timedelta(minutes=5)
CLEARED_AT_ONCE = 500


class SessionStore(db.SessionStore):
    """Ends when nobody used it for SESSION_IDLE_HOURS, and SESSION_DAYS after signing in however much it was
    used. The row says so; the cookie may last longer than its row."""

    ends_at: datetime | None = None

    def _get_session_from_db(self):
        found = super()._get_session_from_db()
        self.ends_at = found and found.expire_date
        return found

    def save(self, must_create=False):
        try:
            super().save(must_create)
        except UpdateError as error:
            if isinstance(busy := error.__context__, OperationalError):
                raise busy from busy.__cause__  # the row is there
            raise

    def get_expiry_date(self, **kwargs) -> datetime:
        """When it ends, if it is used now and never again."""
        now = timezone.now()
        signed_in_at = datetime.fromisoformat(self.get(SIGNED_IN_AT) or now.isoformat())
        idle, whole = timedelta(hours=settings.SESSION_IDLE_HOURS), timedelta(days=settings.SESSION_DAYS)
        return min(now + idle, signed_in_at + whole)

    def is_used(self) -> None:
        """Note that somebody uses it. Nothing is written for a while after that, or where it is over."""
        ends_at = self.get_expiry_date()
        if self.ends_at and ends_at - self.ends_at >= NOTED_EVERY:
            self.model.objects.filter(pk=self.session_key).update(expire_date=ends_at)


def person_signed_in(session_key: str | None):
    """The user whose login this is, read anew from the database, or None when it is over."""
    # A cookie can hold what no database takes.
    if not session_key or not (session_key.isascii() and session_key.isprintable()):
        return None
    user = get_user(SimpleNamespace(session=SessionStore(session_key)))
    return user if user.is_authenticated and user.is_active else None


def clear_over() -> int:
    """Delete the rows of logins that are over, and what is listed of them as devices, few at a time: others
    write meanwhile. Any number of processes may. Returns how many."""
    # Here: this module is loaded before the models are.
    from allauth.usersessions.models import UserSession  # noqa: PLC0415
    from django.contrib.sessions.models import Session  # noqa: PLC0415

    over, deleted = Session.objects.filter(expire_date__lt=timezone.now()), 0
    while keys := list(over.values_list("session_key", flat=True)[:CLEARED_AT_ONCE]):
        deleted += over.filter(session_key__in=keys).delete()[0]
    listed = UserSession.objects.exclude(session_key__in=Session.objects.values("session_key"))
    while keys := list(listed.values_list("session_key", flat=True)[:CLEARED_AT_ONCE]):
        UserSession.objects.filter(session_key__in=keys).delete()
    return deleted


def keep_login(session_key: str) -> None:
    """As if its person had just used it."""
    SessionStore(session_key).is_used()
