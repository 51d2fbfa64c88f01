"""The in-process engine: a django-tasks backend on threads, the tick and the watcher's loop. No rules about
runs.

A task here is only a bell: what must not be lost is a row in the database, and the tick rings again."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections
from django.utils import timezone
from django_tasks.backends.immediate import ImmediateBackend

from runs import health, tasks, watcher

logger = logging.getLogger(__name__)

TICK_S = 1.0
WATCH_S = 0.25
# Starting a run may hold its thread for 15 s, so one slow launch must not queue up the next.
WORK_THREADS = 8
WATCH_THREADS = 16
STOP_WITHIN_S = 3.0

_loops: list["Loop"] = []
# One for the process: django-tasks makes a backend for every thread that enqueues.
_work_pool: ThreadPoolExecutor | None = None
_watch_pool: ThreadPoolExecutor | None = None


class ThreadPoolBackend(ImmediateBackend):
    """Runs each task at once on the work pool. Where no engine runs, nobody hears the bell."""

    def _execute_task(self, task_result) -> None:
        if _work_pool is not None:
            _work_pool.submit(guarded, super()._execute_task, task_result)


class Loop(threading.Thread):
    """Repeats one round until stopped. Knows no rules and cannot die."""

    def __init__(self, name: str, round_, every_s: float):
        super().__init__(name=name, daemon=True)
        self.round = round_
        self.every_s = every_s
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(self.every_s):
            guarded(self.round)


def guarded(job, *args):
    """Run a job; whatever it raises is logged, and its database connection is thrown away."""
    try:
        return job(*args)
    except Exception:
        logger.exception("%s failed", getattr(job, "__qualname__", job))
        close_old_connections()


def watch() -> int:
    asked = watcher.watch_round(lambda job, run_id: _watch_pool.submit(guarded, job, run_id))
    health.watcher_was_here(timezone.now())
    return asked


def start() -> None:
    """Start the loops, once for this process."""
    global _work_pool, _watch_pool
    if _loops:
        return
    _work_pool = ThreadPoolExecutor(WORK_THREADS, thread_name_prefix="work")
    _watch_pool = ThreadPoolExecutor(WATCH_THREADS, thread_name_prefix="watch")
    _loops.extend([Loop("tick", tasks.tick, TICK_S), Loop("watch", watch, WATCH_S)])
    for loop in _loops:
        loop.start()


def stop() -> None:
    """Stop asking; give what is under way a moment to end. What does not end is a row, and is taken up
    again."""
    for loop in _loops:
        loop.stopping.set()
    for loop in _loops:
        loop.join(STOP_WITHIN_S)
    _loops.clear()
    for pool in filter(None, (_work_pool, _watch_pool)):
        pool.shutdown(wait=False, cancel_futures=True)
