"""Whether this instance works. Reads only; says `ok` or a reason, never a secret."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Q

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
        "watcher": _watcher(now, database),
        "giga": _giga(now) if database == "ok" else "not known",
    }


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "does not answer"
    return "ok"


def _watcher(now: datetime, database: str) -> str:
    if settings.CELERY_BROKER_URL:
        return _workers(now) if database == "ok" else "not known"
    if _watcher_round_at is None:
        return "not running in this process"
    silent = now - _watcher_round_at
    return "ok" if silent < WATCHER_SILENT else f"silent for {silent.total_seconds():.0f} s"


def _workers(now: datetime) -> str:
    """Workers are other processes: what they watch they hold a lease on."""
    with_runs = GigaAccount.objects.filter(
        paused_at=None, workspace__in=Run.objects.watched().values("workspace")
    )
    unheld = with_runs.filter(Q(lease_until=None) | Q(lease_until__lt=now)).count()
    return f"no worker watches {unheld} of the keys" if unheld else "ok"


def _giga(now: datetime) -> str:
    accounts = list(GigaAccount.objects.all())
    if not accounts:
        return "no key yet"
    if any(account.paused_at for account in accounts):
        return "a key is refused"
    if Run.objects.watched().filter(failed_reads__gte=2).exists():
        return "some runs cannot be read"
    return "ok"
