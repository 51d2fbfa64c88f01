"""How old is what the dashboard shows? The delay from a change at Giga to our commit, for 1 to 100 active
runs.

Real time, real HTTP, the real watcher on its threads, SQLite; Giga is simulated. Every run of a key stays
active and changes twice (it pauses, and goes on) at moments drawn evenly over the measured time, so that a
change may come at any point of the wait for the next reading. The mean delay is divided by A/2 seconds, the
best that even single readings at 60 a minute allow (for A = 1 by 1 s).
Usage: `python benchmarks/freshness.py [minutes]`."""

import os
import random
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["GIGAWATCH_DATA"] = tempfile.mkdtemp(prefix="gigawatch-freshness-")
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"

import django  # noqa: E402

django.setup()

import requests  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from runs import giga  # noqa: E402
from runs.models import Run, RunEvent  # noqa: E402
from runs.status import Status  # noqa: E402
from runs.watcher import Slice  # noqa: E402
from simulator.app import Config  # noqa: E402
from simulator.server import start_in_thread  # noqa: E402
from tests import factories  # noqa: E402

# Active runs on a key, how many keys of that kind, and whether one of the runs is being looked at.
KEYS = [
    (1, 6, False),
    (5, 3, False),
    (20, 2, False),
    (100, 1, False),
    (5, 3, True),
    (20, 2, True),
    (100, 1, True),
]
TICK_S = 0.25


def main(minutes: float) -> None:
    call_command("migrate", verbosity=0)
    simulator = start_in_thread(Config(queued_s=0, booting_s=0, start_delay=0, rate_per_minute=10**6))
    random.seed(7)
    truth: dict[tuple[int, str], float] = {}
    groups = {}
    for number, (active, keys, watched) in enumerate(KEYS):
        for key in range(keys):
            name = f"{active} runs{', one watched' if watched else ''} #{key}"
            groups[name] = start_group(simulator, f"{number:02}{key:02}", active, minutes * 60, truth)
    watch(groups, {name for name in groups if "watched" in name}, minutes * 60 + 150)
    report(groups, truth)
    worst_minute(simulator)
    simulator.stop()


def start_group(simulator, mark: str, active: int, seconds: float, truth: dict) -> list[int]:
    """`active` runs of one key, started at Giga and known here. Returns their ids; `truth` learns when each
    pauses and goes on: after one and two thirds of its length."""
    workspace = factories.make_workspace(mark, api_url=simulator.url, key=f"giga_sk_{mark}{'0' * 28}")
    access = workspace.giga_account.access
    made = []
    for _ in range(active):
        lasts = random.uniform(seconds, 3 * seconds) + 60  # noqa: S311
        requests.post(f"{simulator.url}/_scenario", json={"name": "waiting", "run_seconds": lasts}, timeout=9)
        prompts = {"user_prompt": "x", "goal_prompt": "y", "system_prompt": ""}
        session = giga.create_session(
            access, **prompts, sandbox_template="giga-standard", duration_hours=1, deployment_id=""
        )
        started = giga.start_run(access, thread_id=session.thread_id, message="go")
        began = time.time()
        agent_session = factories.make_session(workspace, thread_id=session.thread_id)
        long_ago = timezone.now() - timedelta(minutes=10)  # nothing is special about it
        run = factories.make_run(
            workspace,
            Status.RUNNING,
            agent_session=agent_session,
            remote_id=started.run_id,
            accepted_at=long_ago,
        )
        truth[run.pk, Status.WAITING] = began + lasts / 3
        truth[run.pk, Status.RUNNING] = began + lasts * 2 / 3
        made.append(run.pk)
    return made


def watch(groups: dict, watched_names: set, seconds: float) -> None:
    with ThreadPoolExecutor(16) as pool:
        a_slice = Slice(lambda job, *args: pool.submit(job, *args))
        until, presence_at = time.monotonic() + seconds, 0.0
        while time.monotonic() < until and Run.objects.watched().exists():
            if time.monotonic() >= presence_at:
                presence_at = time.monotonic() + 20
                for name in watched_names:
                    Run.objects.get(pk=groups[name][0]).somebody_watches()
            a_slice.round()
            time.sleep(TICK_S)
        a_slice.stop()


def report(groups: dict, truth: dict) -> None:
    delays: dict[int, list[float]] = {}
    for run_id, status, at in RunEvent.objects.filter(kind="status", was__gt="").values_list(
        "run", "now", "at"
    ):
        if (run_id, status) in truth:
            delays.setdefault(run_id, []).append(at.timestamp() - truth[run_id, status])
    print("| active runs on one key | mean delay | p95 | divided by A/2 s | changes |\n|---|---|---|---|---|")
    for active, _, watched in KEYS:
        start = f"{active} runs{',' if watched else ' #'}"
        keys = [runs for name, runs in groups.items() if name.startswith(start)]
        others = [
            delay for runs in keys for pk in runs[1 if watched else 0 :] for delay in delays.get(pk, [])
        ]
        line(f"{active}{', one of them watched: the others' if watched else ''}", others, active)
        if watched:
            line(f"{active}: the watched one", [d for runs in keys for d in delays.get(runs[0], [])], active)


def line(name: str, values: list[float], active: int) -> None:
    if values:
        mean, p95 = statistics.mean(values), sorted(values)[int(len(values) * 0.95)]
        print(f"| {name} | {mean:.2f} s | {p95:.2f} s | {mean / max(1, active / 2):.2f} | {len(values)} |")


def worst_minute(simulator) -> None:
    by_key: dict[str, list[float]] = {}
    for request in requests.get(f"{simulator.url}/_ledger", timeout=30).json()["requests"]:
        if request["method"] == "GET" and request["path"].startswith("/api/"):
            by_key.setdefault(request.get("client_id") or request["key_last4"], []).append(request["at"])
    worst = max(
        sum(start <= at < start + 60 for at in times) for times in by_key.values() for start in sorted(times)
    )
    print(f"\nMost readings of one key in any 60 s: {worst}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 4)
