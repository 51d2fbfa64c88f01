"""Whether this process can do its work: what it needs, each part asked when somebody wants to know. Reads
only; says `ok` or a reason: never a secret, an address, or how many there are of anything."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import timedelta
from tempfile import TemporaryFile

from django.conf import settings
from django.db import DatabaseError, connection, connections
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from runs.accounts import LEASE_S
from runs.database_errors import Trouble, trouble_of
from runs.models import GigaAccount, Run
from runs.resealing import what_cannot_be_opened
from runs.room import lack_of_room

OK = "ok"
# A part that has not answered by then counts as lost.
ANSWERS_WITHIN_S = 2.0
# Strangers may ask as often as they like.
ASKED_EVERY_S = 1.0
SILENT_S = 8.0
# A launch that nobody takes up for so long: many that come at once may have to wait for a thread.
NOT_TAKEN_UP_S = 30.0

_watcher_round_at: float | None = None
_is_damaged = False


def watcher_was_here() -> None:
    """The watcher of this process calls this after each round."""
    global _watcher_round_at
    _watcher_round_at = time.monotonic()


def database_is_damaged() -> None:
    """Somebody found so. It does not heal under a process that has it open."""
    global _is_damaged
    _is_damaged = True


class Part:
    """Something this process cannot do its work without. It is asked by one thread at a time, so that a
    server that hangs holds up this thread and nobody else."""

    def __init__(self, ask: Callable[[], str]):
        self.ask = ask
        self.lock = threading.Lock()
        self.asked_at = -ASKED_EVERY_S
        self.answer: Future[str] | None = None

    def asked(self) -> "Future[str]":
        """What it answers: soon, or never."""
        with self.lock:
            is_new = time.monotonic() - self.asked_at < ASKED_EVERY_S
            if self.answer is None or (self.answer.done() and not is_new):
                self.asked_at, self.answer = time.monotonic(), Future()
                threading.Thread(target=self._answer, args=(self.answer,), name="health", daemon=True).start()
            return self.answer

    def _answer(self, answer: "Future[str]") -> None:
        try:
            said = self.ask()
        except Exception as error:
            said = f"cannot be asked ({type(error).__name__})"
        finally:
            connections.close_all()
        answer.set_result(said)


def readiness() -> dict[str, str]:
    """What every part says, within `ANSWERS_WITHIN_S`."""
    answers = {name: part.asked() for name, part in PARTS.items()}
    wait(answers.values(), timeout=ANSWERS_WITHIN_S)
    return {name: answer.result() if answer.done() else "does not answer" for name, answer in answers.items()}


def database() -> str:
    if _is_damaged:
        return "is damaged"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
            if connection.vendor == "postgresql":
                cursor.execute("SHOW transaction_read_only")
                return "takes nothing: it is read-only" if cursor.fetchone() == ("on",) else OK
    except DatabaseError as error:
        return "is damaged" if trouble_of(error) is Trouble.DAMAGED else "does not answer"
    return OK


def channel_layer() -> str:
    """By which pages hear of changes; without Redis it is in this process."""
    return _redis(settings.REDIS_URL)


def broker() -> str:
    return _redis(settings.CELERY_BROKER_URL)


def _redis(url: str) -> str:
    if not url:
        return OK
    import redis  # noqa: PLC0415 -- one process alone goes without it

    try:
        with redis.Redis.from_url(url, **settings.REDIS_OPTIONS) as server:
            server.set("gigawatch-asked", "", ex=60)
    except (redis.exceptions.OutOfMemoryError, redis.exceptions.ReadOnlyError):
        return "takes nothing: it is full, or read-only"
    except redis.RedisError:
        return "does not answer"
    return OK


def watcher() -> str:
    """Whether runs are followed. In `serve` by a thread of this process; where workers do it, what they are
    to follow says so, and without an active run nobody is missed."""
    if settings.CELERY_BROKER_URL:
        return _workers()
    if _watcher_round_at is None:
        return "not running in this process"
    silent_s = time.monotonic() - _watcher_round_at
    return OK if silent_s < SILENT_S else f"silent for {silent_s:.0f} s"


def _workers() -> str:
    """What a worker follows it holds a lease on, which it renews every few seconds. Without runs a worker
    gives its leases back, and takes them a moment after the next launch."""
    now = timezone.now()
    due = Run.objects.watched().filter(due_at__lt=now - timedelta(seconds=SILENT_S))
    renewed_lately = Q(lease_until__gt=Now() + timedelta(seconds=LEASE_S - SILENT_S))
    accounts = GigaAccount.objects.filter(paused_at=None)
    try:
        if accounts.filter(workspace__in=due.values("workspace")).exclude(renewed_lately).exists():
            return "no worker follows some of the runs"
        if Run.objects.to_launch(now - timedelta(seconds=NOT_TAKEN_UP_S)).exists():
            return "no worker takes up launches"
    except DatabaseError:
        return "not known"
    return OK


def disk() -> str:
    """Only SQLite lives in the data folder."""
    if connection.vendor != "sqlite":
        return OK
    try:
        with TemporaryFile(dir=settings.DATA) as file:
            file.write(b"x")
        return "too little room" if lack_of_room() else OK
    except OSError:
        return "the data folder cannot be written"


def keys() -> str:
    try:
        is_lost = any(what_cannot_be_opened())
    except DatabaseError:
        return "not known"
    return "stored secrets cannot be opened with these encryption keys" if is_lost else OK


PARTS = {
    "database": Part(database),
    "layer": Part(channel_layer),
    "broker": Part(broker),
    "watcher": Part(watcher),
    "disk": Part(disk),
    "keys": Part(keys),
}
