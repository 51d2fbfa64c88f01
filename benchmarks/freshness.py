"""How old is what the dashboard shows? The delay from a change at Giga to our commit, for 1 to 100 active
runs.

Real time, real HTTP, the real watcher on its threads, SQLite; the simulated Giga is a process of its own.
Every run of a key stays active and changes once (it pauses) at a moment drawn evenly over the measured time,
so that the change may come at any point of the wait for the next reading. A watched run pauses and goes on
eleven times, some eight seconds apart. All is watched for five minutes more, until the last change is seen.
The mean delay is divided by A/2 seconds, the best that even single readings at 60 a minute allow (for A = 1
by 1 s).
Usage: `python benchmarks/freshness.py [minutes]`."""

import os
import random
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
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

from benchmarks.endless import start_giga  # noqa: E402
from people.models import Workspace  # noqa: E402
from runs import giga  # noqa: E402
from runs.models import Run, RunEvent  # noqa: E402
from runs.status import Status  # noqa: E402
from runs.watcher import Slice  # noqa: E402
from simulator.scenarios import SCENARIOS  # noqa: E402
from tests import factories  # noqa: E402
from tests.served import free_port  # noqa: E402

# Active runs on a key, how many keys of that kind, and whether one of the runs is being looked at.
KINDS = [
    (1, 20, False),
    (5, 6, False),
    (20, 3, False),
    (100, 1, False),
    (5, 5, True),
    (20, 3, True),
    (100, 2, True),
]
RESTLESS = len(SCENARIOS["restless"].middle)
TICK_S = 0.25
# Pauses last as long as what came before them, which has to be longer than the longest wait for a reading.
EARLIER_S = AFTERWARDS_S = 300


@dataclass
class Followed:
    """A run, and when it changes at Giga, to what."""

    pk: int
    changes: list[tuple[float, str]]

    def delays(self, since: float, until: float) -> list[float]:
        """From each change in this time to its commit here. Raises ValueError for one that was not seen."""
        events = RunEvent.objects.filter(run=self.pk, kind="status", was__gt="").order_by("id")
        noticed = [(event.now, event.at.timestamp()) for event in events]
        return [
            min(at - moment for now, at in noticed if now == status and at >= moment)
            for moment, status in self.changes
            if since < moment < until
        ]


@dataclass
class Key:
    """One workspace's key and the runs on it."""

    active: int
    workspace: Workspace
    looked_at: list[Followed] = field(default_factory=list)
    others: list[Followed] = field(default_factory=list)


def main(minutes: float) -> None:
    call_command("migrate", verbosity=0)
    port = free_port()
    url, giga_process = f"http://127.0.0.1:{port}", start_giga(port, rate_per_minute=10**6)
    try:
        random.seed(7)
        keys = start_all(url, minutes * 60)
        since, until = time.time(), time.time() + minutes * 60
        watch(keys, minutes * 60 + AFTERWARDS_S)
        report(keys, since, until)
        worst_minute(url, since)
    finally:
        giga_process.kill()


def start_all(url: str, seconds: float) -> list[Key]:
    """Runs that pause once within these seconds; those that are looked at do so all the time."""
    keys = []
    for kind, (active, count, is_looked_at) in enumerate(KINDS):
        for number in range(count):
            mark = f"{kind:02}{number:02}"
            workspace = factories.make_workspace(mark, api_url=url, key=f"giga_sk_{mark}{'0' * 28}")
            key = Key(active, workspace)
            for _ in range(active - is_looked_at):
                pauses_after_s = EARLIER_S + random.uniform(0, seconds)  # noqa: S311
                key.others.append(start_run(url, workspace, "waiting", pauses_after_s, [pauses_after_s]))
            keys.append(key)
    let_pass(url, EARLIER_S)
    for key in keys:
        if len(key.others) < key.active:
            third_s = seconds * random.uniform(0.4, 0.5)  # noqa: S311
            moments = [third_s * (1 + number / RESTLESS) for number in range(RESTLESS)]
            key.looked_at.append(start_run(url, key.workspace, "restless", third_s, moments))
    return keys


def let_pass(url: str, seconds: float) -> None:
    requests.post(f"{url}/_advance", json={"seconds": seconds}, timeout=9).raise_for_status()


def start_run(url: str, workspace, scenario: str, third_s: float, changes_s: list[float]) -> Followed:
    """A run with a middle of so many seconds, that pauses and goes on at these seconds of its life."""
    access = workspace.giga_account.access
    what = {"name": scenario, "run_seconds": 3 * third_s}
    requests.post(f"{url}/_scenario", json=what, timeout=9).raise_for_status()
    prompts = {"user_prompt": "x", "goal_prompt": "y", "system_prompt": ""}
    session = giga.create_session(
        access, **prompts, sandbox_template="giga-standard", duration_hours=1, deployment_id=""
    )
    started = giga.start_run(access, thread_id=session.thread_id, message="go")
    began = time.time() - (EARLIER_S if scenario == "waiting" else 0)
    run = factories.make_run(
        workspace,
        Status.RUNNING,
        agent_session=factories.make_session(workspace, thread_id=session.thread_id),
        remote_id=started.run_id,
        accepted_at=timezone.now() - timedelta(minutes=10),  # nothing is special about it
    )
    moments = [began + second for second in changes_s]
    return Followed(run.pk, list(zip(moments, cycle((Status.WAITING, Status.RUNNING)), strict=False)))


def watch(keys: list[Key], seconds: float) -> None:
    looked_at = [run.pk for key in keys for run in key.looked_at]
    with ThreadPoolExecutor(16) as pool:
        a_slice = Slice(lambda job, *args: pool.submit(job, *args))
        until, presence_at = time.monotonic() + seconds, 0.0
        while time.monotonic() < until:
            if time.monotonic() >= presence_at:
                presence_at = time.monotonic() + 20
                Run.objects.filter(pk__in=looked_at).somebody_watches()
            a_slice.round()
            time.sleep(TICK_S)
        a_slice.stop()


def report(keys: list[Key], since: float, until: float) -> None:
    print("| active runs on one key | mean delay | p95 | divided by A/2 s | changes |\n|---|---|---|---|---|")
    for active, _, is_looked_at in KINDS:
        alike = [key for key in keys if key.active == active and bool(key.looked_at) == is_looked_at]
        others = [delay for key in alike for run in key.others for delay in run.delays(since, until)]
        line(f"{active}{', one of them watched: the others' if is_looked_at else ''}", others, active)
        if is_looked_at:
            watched = [delay for key in alike for run in key.looked_at for delay in run.delays(since, until)]
            line(f"{active}: the watched one", watched)


def line(name: str, values: list[float], active: int = 0) -> None:
    mean, p95 = statistics.mean(values), sorted(values)[int(len(values) * 0.95)]
    ratio = f"{mean / max(1, active / 2):.2f}" if active else ""
    print(f"| {name} | {mean:.2f} s | {p95:.2f} s | {ratio} | {len(values)} |")


def worst_minute(url: str, since: float) -> None:
    by_key: dict[str, list[float]] = {}
    for request in requests.get(f"{url}/_ledger", timeout=30).json()["requests"]:
        if request["method"] == "GET" and request["at"] > since and request["path"].startswith("/api/"):
            by_key.setdefault(request.get("client_id") or request["key_last4"], []).append(request["at"])
    worst = max(
        sum(start <= at < start + 60 for at in times) for times in by_key.values() for start in sorted(times)
    )
    print(f"\nMost readings of one key in any 60 s: {worst}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 6)
