"""Whether this instance works. Reads only; says `ok` or a reason, never a secret."""

from datetime import datetime, timedelta

from django.db import DatabaseError, connection

from runs.models import GigaAccount, Run

WATCHER_SILENT = timedelta(seconds=10)
_watcher_round_at: datetime | None = None


def watcher_was_here(now: datetime) -> None:
    """The watcher calls this after each round."""
    global _watcher_round_at
    _watcher_round_at = now


def report(now: datetime) -> dict[str, str]:
    """`database`, `watcher`, `giga`: each `ok` or what is wrong."""
    database = _database()
    return {
        "database": database,
        "watcher": _watcher(now),
        "giga": _giga(now) if database == "ok" else "not known",
    }


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "does not answer"
    return "ok"


def _watcher(now: datetime) -> str:
    if _watcher_round_at is None:
        return "not running in this process"
    silent = now - _watcher_round_at
    return "ok" if silent < WATCHER_SILENT else f"silent for {silent.total_seconds():.0f} s"


def _giga(now: datetime) -> str:
    accounts = list(GigaAccount.objects.all())
    if not accounts:
        return "no key yet"
    if any(account.paused_at for account in accounts):
        return "a key is refused"
    if Run.objects.watched().filter(failed_reads__gte=2).exists():
        return "some runs cannot be read"
    return "ok"
