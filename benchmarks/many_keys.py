"""Many keys in one process: does every key keep its pace, and what does that cost?

125 keys with 8 active runs each, the real watcher with its threads, real HTTP, SQLite; the simulated Giga is
a process of its own. Each key should make 0.88 readings a second.
Usage: `python benchmarks/many_keys.py [seconds]`."""

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["GIGAWATCH_DATA"] = tempfile.mkdtemp(prefix="gigawatch-keys-")
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402

from benchmarks.endless import make_key, paces, readings, start_giga  # noqa: E402
from dashboard.engine import WATCH_THREADS  # noqa: E402
from runs import pace  # noqa: E402
from runs.watcher import Slice  # noqa: E402
from tests.served import free_port  # noqa: E402

KEYS, RUNS, WARM_UP_S = 125, 8, 15


def main(seconds: float) -> None:
    call_command("migrate", verbosity=0)
    port = free_port()
    giga = start_giga(port)
    try:
        for number in range(KEYS):
            make_key(port, number, runs=RUNS)
        began, ended, cpu = watch(seconds)
        per_s = len(readings(port, began, ended)) / seconds
        shares = paces(port, KEYS, began, ended, pace.RATE_PER_S)
    finally:
        giga.kill()
    slow = sum(share < 0.95 for share in shares)
    print("| keys × runs | readings a second | slowest key of its pace | keys under 95 % | of a core |")
    print("|---|---|---|---|---|")
    print(f"| {KEYS} × {RUNS} | {per_s:.0f} | {shares[0]:.0%} | {slow} | {cpu:.0%} |")


def watch(seconds: float) -> tuple[float, float, float]:
    """From when to when it watched after a warm-up, and how much of a core this process used meanwhile."""
    with ThreadPoolExecutor(WATCH_THREADS) as pool:
        a_slice = Slice(lambda job, *args: pool.submit(job, *args))
        for_s(a_slice, WARM_UP_S)
        began, used = time.time(), time.process_time()
        for_s(a_slice, seconds)
        ended, used = time.time(), time.process_time() - used
        a_slice.stop()
    return began, ended, used / seconds


def for_s(a_slice: Slice, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.monotonic()
        a_slice.round()
        time.sleep(max(0.0, 0.25 - (time.monotonic() - started)))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
