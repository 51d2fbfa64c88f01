"""Many keys on two workers: does every key keep its pace, and what becomes of them when a worker is killed?

Two `manage.py work` on Postgres and Redis; keys with two runs each that go on for ever, neither new nor
watched, so that the pace of a key (`pace.RATE_PER_S`) is 0.88 readings a second. The simulated Giga is a
process of its own, as strict as always; its ledger is the judge. Then the worker with the most keys is
killed.
Usage: `python benchmarks/fleet.py [keys] [seconds]`."""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import django  # noqa: E402

from tests.served import KEY, eventually, free_port  # noqa: E402
from tests.servers import Postgres, Redis  # noqa: E402

POSTGRES, REDIS, GIGA_PORT = Postgres(durable=True), Redis(), free_port()
FOLDER = Path(tempfile.mkdtemp(prefix="gigawatch-fleet-"))
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    "GIGAWATCH_DATA": str(FOLDER / "data"),
    "GIGA_API_KEY": KEY,
    "GIGA_API_URL": f"http://127.0.0.1:{GIGA_PORT}",
    "DATABASE_URL": POSTGRES.url_of("postgres"),
    "REDIS_URL": f"{REDIS.url}/0",
    "CELERY_BROKER_URL": f"{REDIS.url}/1",
}
django.setup()

from django.core.management import call_command  # noqa: E402

from benchmarks.endless import make_key, mark_of, paces, readings, start_giga  # noqa: E402
from runs import pace  # noqa: E402
from runs.models import GigaAccount  # noqa: E402

RUNS, WORKERS, WARM_UP_S, BEFORE_KILL_S, AFTER_KILL_S = 2, 2, 20, 10, 40
PACE = min(pace.RATE_PER_S, RUNS / pace.intervals_s({pace.Need.NONE: RUNS})[pace.Need.NONE])


def main(keys: int, seconds: float) -> None:
    POSTGRES.make().start()
    REDIS.start()
    giga = start_giga(GIGA_PORT)
    workers = []
    try:
        call_command("migrate", verbosity=0)
        for number in range(keys):
            make_key(GIGA_PORT, number, runs=RUNS)
        workers += [start_worker(number) for number in range(WORKERS)]
        eventually(lambda: sum(held().values()) == keys, within_s=120, every_s=1)
        time.sleep(WARM_UP_S)
        measure_pace(keys, seconds, {"each worker": workers, "Giga": [giga], "Postgres": [POSTGRES.process]})
        measure_kill(keys, workers)
    finally:
        for process in [giga, *workers]:
            process.kill()
        POSTGRES.remove()
        REDIS.remove()


def start_worker(number: int) -> subprocess.Popen:
    with (FOLDER / f"worker-{number}.log").open("w") as log:
        program = [sys.executable, "manage.py", "work"]
        return subprocess.Popen(program, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)


def held() -> Counter:
    """How many keys each holder watches."""
    held_now = GigaAccount.objects.exclude(lease_holder="").values_list("lease_holder", flat=True)
    return Counter(held_now)


def measure_pace(keys: int, seconds: float, parts: dict[str, list[subprocess.Popen]]) -> None:
    before = {name: cpu_s(processes) for name, processes in parts.items()}
    began = time.time()
    time.sleep(seconds)
    ended = time.time()
    cores = {name: (cpu_s(parts[name]) - spent) / (ended - began) for name, spent in before.items()}
    shares = paces(GIGA_PORT, keys, began, ended, PACE)
    per_s = len(readings(GIGA_PORT, began, ended)) / (ended - began)
    holders = " + ".join(str(count) for count in held().values())
    print("| keys × runs | held by | readings a second | slowest key of its pace | under 95 % | of a core |")
    print("|---|---|---|---|---|---|")
    used = ", ".join(f"{name} {share / len(parts[name]):.0%}" for name, share in cores.items())
    slow = sum(share < 0.95 for share in shares)
    print(f"| {keys} × {RUNS} | {holders} | {per_s:.0f} | {shares[0]:.0%} | {slow} | {used} |", flush=True)


def cpu_s(processes: list[subprocess.Popen]) -> float:
    """Seconds of processor time that these and all they started have used."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        is_one = any(process.pid in (int(stat.parent.name), int(fields[1])) for process in processes)
        ticks += sum(map(int, fields[11:15])) if is_one else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def measure_kill(keys: int, workers: list[subprocess.Popen]) -> None:
    """Kill the worker that does most; how long each key was silent, and how close two readings of one run
    came."""
    busiest = max(workers, key=lambda worker: cpu_s([worker]))
    killed = time.time()
    busiest.kill()
    time.sleep(AFTER_KILL_S)
    now = time.time()
    of_key, of_run = defaultdict(list), defaultdict(list)
    for entry in readings(GIGA_PORT, killed - BEFORE_KILL_S, now):
        of_key[entry["key_last4"]].append(entry["at"])
        of_run[entry["path"]].append(entry["at"])
    silent = [longest_gap([*of_key[mark_of(number)], now]) for number in range(keys)]
    closest = min(b - a for times in of_run.values() for a, b in pairwise(times))
    print("\n| after `kill -9` of one worker | |\n|---|---|")
    print(f"| longest silence of a key | {max(silent):.1f} s |")
    print(f"| keys silent for more than 5 s | {sum(gap > 5 for gap in silent)} |")
    print(f"| closest two readings of one run | {closest:.2f} s |")
    afterwards = len(readings(GIGA_PORT, now - 15, now)) / 15
    print(f"| readings a second afterwards | {afterwards:.0f} |", flush=True)


def longest_gap(times: list[float]) -> float:
    return max((b - a for a, b in pairwise(times)), default=float("inf"))


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*given, *[1000, 60][len(given) :])
