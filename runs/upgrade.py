"""Bringing the tables of an older Gigawatch to this one: whether that is needed, what is told meanwhile, and
the copy that is made first. Changes no row itself: that is for migrations."""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import QuerySet
from django.utils import timezone

# Of Postgres's advisory locks, which are numbers.
LOCK = 1_734_960_993
# The copy, the tables made anew beside the old ones, and the write-ahead log.
ROOM_FOR_EACH_BYTE = 3
TOLD_EVERY_S = 5


class Progress:
    """How far the upgrade of this process is, for the page shown meanwhile and for the console."""

    def __init__(self):
        self.steps = self.done = 0
        self.is_upgrade = False
        self.stdout = None

    def tell(self, line: str) -> None:
        if self.is_upgrade:
            self.stdout.write(line)
            self.stdout.flush()


progress = Progress()


@contextmanager
def one_at_a_time(stdout) -> Iterator[None]:
    """Of the starts on one database: others wait until this one is done. On Postgres a step of an upgrade may
    take as long as it needs meanwhile, unlike anything that somebody waits for."""
    if connection.vendor == "sqlite":
        with settings.DATA_FOLDER.held():
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if cursor.fetchone() == (False,):
            stdout.write("Another start prepares this database: waiting for it.")
            stdout.flush()
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        cursor.execute("RESET lock_timeout")
    try:
        yield
    finally:
        with suppress(Error), connection.cursor() as cursor:  # of one that is lost nothing is held
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
            cursor.execute("RESET statement_timeout")


def why_not_here() -> str:
    """Why this version cannot work on these tables, in a line; "" when it can."""
    if why_newer := why_newer_tables():
        return why_newer
    if missing_migrations():
        return "these tables are not those of this Gigawatch yet: run `manage.py prepare` first"
    return ""


def why_not_this_database() -> str:
    """Why texts in all alphabets cannot be kept here, in a line; "" when they can."""
    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        (encoding,) = cursor.fetchone()
    return "" if encoding == "UTF8" else f"the encoding of this database is {encoding}, and must be UTF8"


def why_newer_tables() -> str:
    """That something was done to these tables which this version does not know, in a line; "" when not."""
    loader = MigrationExecutor(connection).loader
    unknown = [".".join(name) for name in loader.applied_migrations if name not in loader.disk_migrations]
    if not unknown:
        return ""
    return (
        f"this database was used by a newer Gigawatch ({', '.join(sorted(unknown))}): start that one again, "
        "or restore a copy from before its upgrade"
    )


def missing_migrations() -> list[str]:
    """What is to be done to these tables, in its order, as app.name."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, is_backwards in plan]


def is_first_start() -> bool:
    return not MigrationExecutor(connection).loader.applied_migrations


def copy_database() -> Path | None:
    """A copy of the SQLite file beside it, whole and consistent; None on a Postgres. Raises CommandError
    where there is no room for it and for the upgrade."""
    if connection.vendor != "sqlite":
        return None
    source = Path(settings.SQLITE_FILE)
    needed, free = ROOM_FOR_EACH_BYTE * source.stat().st_size, shutil.disk_usage(source.parent).free
    if free < needed:
        raise CommandError(
            f"upgrading the tables needs {needed // 10**6} MB in {source.parent}, and {free // 10**6} MB are "
            "free: nothing was changed"
        )
    copy = source.with_name(f"before-upgrade-{timezone.now():%Y%m%d-%H%M%S}.sqlite3")
    unfinished = copy.with_suffix(".unfinished")
    unfinished.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(unfinished)) as new:
            old.backup(new)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(copy)
    finally:
        unfinished.unlink(missing_ok=True)
    return copy


def counted(rows: QuerySet, what: str, *, chunk_size: int = 500) -> Iterator:
    """Each of these rows, and every few seconds a line on how many are done."""
    total, told_at = rows.count(), time.monotonic()
    for number, row in enumerate(rows.iterator(chunk_size=chunk_size)):
        if time.monotonic() > told_at + TOLD_EVERY_S:
            told_at = time.monotonic()
            progress.tell(f"  {number:,} of {total:,} {what}")
        yield row
