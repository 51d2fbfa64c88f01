"""A Celery worker of Gigawatch: what `celery -A dashboard worker` and `manage.py work` start. Wiring only;
web processes never import this.

Beside its tasks every worker runs the engine, the tick and the watcher. Any number of them may: rows are
claimed and keys are leased in the database."""

import asyncio
import os
import threading

import django
from celery.signals import setup_logging, worker_init, worker_shutting_down

os.umask(0o077)  # what is written is for its owner only
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()

# These need the apps to be loaded.
from django_tasks_fennel.app import app  # noqa: E402

from dashboard import engine  # noqa: E402
from runs import broadcast  # noqa: E402

__all__ = ["app"]

# What does not end by itself is a row, and is taken up again by another worker.
STOP_WITHIN_S = 4.0


@setup_logging.connect
def keep_our_logging(**kwargs) -> None:
    """Celery sets up its own logging where nobody answers this signal."""


@worker_init.connect
def start(**kwargs) -> None:
    """Celery waits for its broker; the watcher does not need one."""
    broadcast.use_server_loop(announcing_loop())
    engine.start()


@worker_shutting_down.connect
def stop(**kwargs) -> None:
    """End within `STOP_WITHIN_S`: Celery alone would wait for every launch that waits for Giga. Called in
    a signal handler, where nothing may be done but leave it to threads."""
    threading.Thread(target=give_back, name="give-back", daemon=True).start()
    threading.Thread(target=end_in_time, name="end").start()


def announcing_loop() -> asyncio.AbstractEventLoop:
    """A loop for announcements: with one per thread, each announcement would be a new connection to Redis."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="announce", daemon=True).start()
    return loop


given_back = threading.Event()


def give_back() -> None:
    """Stop asking, give the leases back, and let what is under way end if it can."""
    engine.stop()
    for thread in threading.enumerate():
        if thread.name.startswith(("work", "watch", "ThreadPoolExecutor")):
            thread.join()
    given_back.set()


def end_in_time() -> None:
    given_back.wait(STOP_WITHIN_S)
    os._exit(0)
