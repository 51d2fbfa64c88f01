"""What is done after the answer, when how long it takes must not show in how long the answer took.

It waits in this process alone. A process that is stopped does what waits first; one that is killed loses it,
and whoever asked asks again. A row would keep it, and with it every address that a stranger types."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context

from django.db import connections

logger = logging.getLogger(__name__)
_pool = ThreadPoolExecutor(1, thread_name_prefix="later")


def later(job, *args) -> Future:
    """Do this after what waits already, in the language and for the request of whoever asks now. What it
    raises is logged."""
    return _pool.submit(copy_context().run, _guarded, job, *args)


def finish(within_s: float) -> None:
    """Do what waits, for so long at most."""
    wait([_pool.submit(int)], within_s)


def _guarded(job, *args):
    try:
        return job(*args)
    except Exception:
        logger.exception("%s failed", job.__qualname__)
    finally:
        connections.close_all()
