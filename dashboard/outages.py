"""What we work with and is away for a while: said in the log when it goes and when it is back, in one line
each, however many ask for it meanwhile. Logging is set up with it, before there are models."""

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection, connections

from runs.database_errors import Trouble, chain, reason_of, trouble_of

logger = logging.getLogger(__name__)

ASKED_EVERY_S = 1.0
SAID_AGAIN_S = 600.0
# Of Redis, and of what speaks to it: it is not there, lets nobody in, or takes nothing.
UNUSABLE = {"ConnectionError", "TimeoutError", "OperationalError", "ResponseError"}


class Outage:
    """Of one of them. `ask` says `ok` when it is back."""

    def __init__(self, what: str, ask: Callable[[], str]):
        self.what, self.ask = what, ask
        self.lock = threading.Lock()
        self.began_at: float | None = None

    @property
    def is_on(self) -> bool:
        return self.began_at is not None

    def begins(self, why: str, *, is_for_good: bool = False) -> None:
        """Say so, unless it is said. What is damaged does not heal under a process that has it open."""
        with self.lock:
            if self.is_on:
                return
            self.began_at = time.monotonic()
        logger.error("%s cannot be reached: %s", self.what, why)
        if not is_for_good:
            threading.Thread(target=self._wait, name="outage", daemon=True).start()

    def _wait(self) -> None:
        began_at = said_at = time.monotonic()
        time.sleep(ASKED_EVERY_S)
        while (said := self._asked()) != "ok":
            if time.monotonic() - said_at > SAID_AGAIN_S:
                said_at = time.monotonic()
                logger.error(
                    "%s cannot be reached for %.0f s now: it %s", self.what, said_at - began_at, said
                )
            time.sleep(ASKED_EVERY_S)
        self.began_at = None
        logger.warning("%s can be reached again, after %.0f s", self.what, time.monotonic() - began_at)

    def _asked(self) -> str:
        try:
            return self.ask()
        except Exception as error:
            return f"cannot be asked ({type(error).__name__})"
        finally:
            connections.close_all()


def _health():
    from runs import health  # noqa: PLC0415

    return health


def _asked_and_written() -> str:
    """A SQLite that takes nothing, as its disk is full, can still be read."""
    said = _health().database()
    if said == "ok" and connection.vendor == "sqlite":
        try:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA user_version = 0")  # nothing of ours, and as it was
        except DatabaseError as error:
            return f"takes nothing ({reason_of(error)})"
    return said


database = Outage("The database", _asked_and_written)
channel_layer = Outage("Redis, by which pages hear of changes,", lambda: _health().channel_layer())
broker = Outage("The broker, by which workers hear of work,", lambda: _health().broker())


def note_database_error(error: BaseException) -> Trouble | None:
    """What is wrong with the database where this error says so. What lasts is in the log from then on."""
    trouble = trouble_of(error)
    if trouble is Trouble.AWAY:
        database.begins(reason_of(error))
    elif trouble is Trouble.DAMAGED:
        _health().database_is_damaged()
        database.begins(f"{reason_of(error)}; {restore_it()}", is_for_good=True)
    return trouble


def restore_it() -> str:
    what = "it" if settings.DATABASE_URL else str(settings.SQLITE_FILE)
    return f"stop Gigawatch and restore {what} from a backup"


class InOneLine(logging.Filter):
    """Takes what is said of an outage out of the log, where it would be a traceback for each who asked, and
    leaves a line of what was only busy."""

    def filter(self, record) -> bool:
        error = _error_in(record)
        if broker.is_on and type(error).__name__ == "RestartFreqExceeded":
            return False  # a worker that tries it again each second
        # What must not be lost is said, whatever else is.
        if error is None or record.levelno >= logging.CRITICAL:
            return True
        if trouble := note_database_error(error):
            record.msg, record.args = f"{record.getMessage()}: {reason_of(error)}", ()
            record.exc_info = record.exc_text = None
            return trouble is Trouble.BUSY
        if any(_is_redis_away(found) for found in chain(error)):
            is_broker = record.name.startswith(("celery", "kombu", "django_tasks", "runs.tasks"))
            (broker if is_broker else channel_layer).begins(_first_line(error))
            return False
        return True


def _error_in(record) -> BaseException | None:
    """What a line is about: libraries put it among what they say, too."""
    if isinstance(record.exc_info, tuple):
        return record.exc_info[1]
    said = record.args if isinstance(record.args, tuple) else ()
    return next((word for word in said if isinstance(word, Exception)), None)


def _is_redis_away(error: BaseException) -> bool:
    is_theirs = type(error).__module__.partition(".")[0] in ("redis", "kombu")
    return is_theirs and not UNUSABLE.isdisjoint(kind.__name__ for kind in type(error).__mro__)


def _first_line(said: object) -> str:
    return str(said).split("\n", 1)[0].strip()
