"""Walks through many cells of a table in one test: each begins with the same rows, and all that are wrong are
told at once."""

from contextlib import contextmanager

from django.core.cache import cache
from django.db import connection, transaction


@contextmanager
def cell(wrong: list[str], name: str):
    """One cell: what fails in it is noted under its name, and nothing of it stays for the next, neither rows
    nor what the cache counts. What only a commit would refuse is refused before it is undone."""
    cache.clear()
    try:
        with transaction.atomic():
            yield
            connection.check_constraints()
            transaction.set_rollback(True)
    except Exception as error:
        wrong.append(f"{name}: {type(error).__name__}: {error}")
