"""What a command says of a database that it cannot use, in a sentence with what to do. Bugs are not for here:
of them a traceback says more."""

import re

from django.conf import settings

from runs.database_errors import Trouble, reason_of, trouble_of

NO_TABLES = re.compile(r"no such (table|column)|(relation|column) .* does not exist")
FULL = re.compile("is full|No space left|File too large")


def sentence_of(error: Exception) -> str:
    """What is wrong with the database; "" for a bug. Without a password: what Postgres says names host and
    user alone."""
    said, trouble = reason_of(error), trouble_of(error)
    where = "the database" if settings.DATABASE_URL else f"the database {settings.SQLITE_FILE}"
    if NO_TABLES.search(said):
        return f"{where} has not the tables of this Gigawatch: run `manage.py prepare`, or `serve`"
    if FULL.search(said):
        return f"there is no room for {where} ({said})"
    if not settings.DATABASE_URL and not settings.SQLITE_FILE.exists():
        return f"{where} is not there: `manage.py serve` or `prepare` makes it, or set GIGAWATCH_DATA"
    if trouble is Trouble.DAMAGED:
        return f"{where} is damaged ({said}): stop, keep it, and put a backup in its place"
    if trouble is Trouble.BUSY and "couldn't get a connection" not in said:
        return f"{where} is busy, somebody else holds it ({said})"
    if trouble:
        return f"{where} cannot be used ({said})"
    return ""
