"""A django-tasks backend on threads of this process. Knows no tasks: django-tasks imports it while they are
declared.

A task here is only a bell: what must not be lost is a row in the database, and the tick rings again."""

import logging
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import close_old_connections
from django_tasks.backends.immediate import ImmediateBackend

logger = logging.getLogger(__name__)

# Starting a run may hold its thread for 15 s, so one slow launch must not queue up the next.
WORK_THREADS = 8

# One for the process: django-tasks makes a backend for every thread that enqueues.
_pool: ThreadPoolExecutor | None = None


class ThreadPoolBackend(ImmediateBackend):
    """Runs each task at once on the pool. Where no pool is open, nobody hears the bell."""

    def _execute_task(self, task_result) -> None:
        if _pool is not None:
            _pool.submit(guarded, super()._execute_task, task_result)


def open_pool() -> None:
    global _pool
    _pool = ThreadPoolExecutor(WORK_THREADS, thread_name_prefix="work")


def close_pool() -> None:
    """Take no more tasks and drop those that wait; what is under way goes on."""
    global _pool
    if _pool is not None:
        _pool.shutdown(wait=False, cancel_futures=True)
        _pool = None


def guarded(job, *args):
    """Run a job; whatever it raises is logged. Afterwards its thread keeps no connection that is broken, and
    with Postgres none at all: they are a pool's."""
    failed = False
    try:
        return job(*args)
    except Exception:
        failed = True
        logger.exception("%s failed", getattr(job, "__qualname__", job))
    finally:
        if failed or settings.DATABASE_URL:
            close_old_connections()
