"""The in-process engine: the tick, the watcher's loop and their threads. No rules about runs."""

import threading
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings

from dashboard import heartbeat
from dashboard.threadpool import close_pool, guarded, open_pool
from people.sessions import clear_over
from runs import health, tasks, watcher

TICK_S = 1.0
WATCH_S = 0.25
CLEAR_S = 3600.0
# They are made as they are needed. Where Giga answers within 0.2 s, so many read at the pace of 450 keys.
WATCH_THREADS = 64
STOP_WITHIN_S = 3.0

_loops: list["Loop"] = []
_slice: watcher.Slice | None = None
_watch_pool: ThreadPoolExecutor | None = None


class Loop(threading.Thread):
    """Repeats one round until stopped. Knows no rules and cannot die."""

    def __init__(self, name: str, one_round, every_s: float):
        super().__init__(name=name, daemon=True)
        self.one_round = one_round
        self.every_s = every_s
        self.stopping = threading.Event()

    def run(self):
        guarded(self.one_round)
        while not self.stopping.wait(self.every_s):
            guarded(self.one_round)


def watch() -> int:
    asked = _slice.round()
    health.watcher_was_here()
    if settings.CELERY_BROKER_URL:
        heartbeat.beat()
    return asked


def start() -> None:
    """Start the loops, once for this process."""
    global _slice, _watch_pool
    if _loops:
        return
    open_pool()
    _watch_pool = ThreadPoolExecutor(WATCH_THREADS, thread_name_prefix="watch")
    _slice = watcher.Slice(lambda job, *args: _watch_pool.submit(guarded, job, *args))
    _loops.extend([Loop("tick", tasks.tick, TICK_S), Loop("watch", watch, WATCH_S)])
    _loops.append(Loop("clear", clear_over, CLEAR_S))
    for loop in _loops:
        loop.start()


def stop() -> None:
    """Stop asking and give the leases back. What does not end by itself is a row, and is taken up again."""
    for loop in _loops:
        loop.stopping.set()
    for loop in _loops:
        loop.join(STOP_WITHIN_S)
    _loops.clear()
    close_pool()
    if _watch_pool is not None:
        _watch_pool.shutdown(wait=False, cancel_futures=True)
        guarded(_slice.stop)
    heartbeat.end()
