"""SQLite under web, watcher and tasks at once: 100 write transactions a second, how long each takes, none
refused.

Three processes with four threads each write as the product does (a run moves, with its event), at an even
pace together; one more reads the list all the time. Usage: `python benchmarks/sqlite_load.py [seconds]`."""

import multiprocessing
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("GIGAWATCH_DATA", tempfile.mkdtemp(prefix="gigawatch-sqlite-"))
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError  # noqa: E402

from people.models import membership_of  # noqa: E402
from runs.listing import page_of  # noqa: E402
from runs.models import Run  # noqa: E402
from runs.status import Status  # noqa: E402
from tests import factories  # noqa: E402

PROCESSES, THREADS, PER_SECOND = 3, 4, 100


def main(seconds: float) -> None:
    call_command("migrate", verbosity=0)
    workspace = factories.make_workspace()
    reader = membership_of(factories.make_person(workspace))
    for _ in range(PROCESSES * THREADS):
        factories.make_run(workspace)
    runs = list(Run.objects.values_list("pk", flat=True))
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [
        context.Process(target=write_all, args=(runs[number::PROCESSES], seconds, answers))
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    read_until = time.monotonic() + seconds
    reads = 0
    while time.monotonic() < read_until:
        page_of(reader, {})
        reads += 1
        time.sleep(0.02)
    took, refused = [], 0
    for _ in processes:
        some, failed = answers.get()
        took, refused = took + some, refused + failed
    took.sort()
    p99 = took[int(len(took) * 0.99)]
    print("| transactions a second | refused | median | p99 | worst | lists read meanwhile |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {len(took) / seconds:.0f} | {refused} | {took[len(took) // 2] * 1000:.1f} ms "
        f"| {p99 * 1000:.0f} ms | {took[-1] * 1000:.0f} ms | {reads} |"
    )


def write_all(runs: list[int], seconds: float, answers) -> None:
    took: list[float] = []
    failed: list[str] = []
    threads = [threading.Thread(target=write, args=(run, seconds, took, failed)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.put((took, len(failed)))


def write(run_id: int, seconds: float, took: list[float], failed: list[str]) -> None:
    run, pause = Run.objects.get(pk=run_id), PROCESSES * THREADS / PER_SECOND
    began = time.monotonic()
    for number in range(int(seconds / pause)):
        # What is late catches up, so that the load does not give way to what it is to measure.
        time.sleep(max(0.0, began + number * pause - time.monotonic()))
        started = time.monotonic()
        try:
            run.move_to(Status.WAITING if run.status == Status.RUNNING else Status.RUNNING)
            took.append(time.monotonic() - started)
        except DatabaseError as error:
            failed.append(str(error))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
