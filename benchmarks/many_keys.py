"""Many keys in one process: does every key keep its pace, and what does that cost?

125 keys with 8 active runs each, the real watcher with its threads, real HTTP, SQLite; the simulated Giga is
a process of its own. Each key should make 0.7 readings a second.
Usage: `python benchmarks/many_keys.py [seconds]`."""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["GIGAWATCH_DATA"] = tempfile.mkdtemp(prefix="gigawatch-keys-")
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"

import django  # noqa: E402

django.setup()

import requests  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from dashboard.engine import WATCH_THREADS  # noqa: E402
from runs import giga, pace  # noqa: E402
from runs.status import Status  # noqa: E402
from runs.watcher import Slice  # noqa: E402
from tests import factories  # noqa: E402
from tests.served import eventually, free_port  # noqa: E402

KEYS, RUNS, WARM_UP_S = 125, 8, 15
GIGA = """
from simulator.app import Config
from simulator.server import run
run(Config(scenario="never-ends", queued_s=0, booting_s=0, start_delay=0, rate_per_minute=10**6), port={port})
"""


def main(seconds: float) -> None:
    call_command("migrate", verbosity=0)
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", GIGA.format(port=port)], cwd=ROOT) as simulator:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(url))
        for number in range(KEYS):
            make_key(url, f"{number:04}")
        counts, cpu = watch(url, seconds)
        simulator.terminate()
    paces = sorted(counts[f"{number:04}"] / seconds / pace.POLL_RATE_PER_S for number in range(KEYS))
    slow = sum(share < 0.95 for share in paces)
    print("| keys × runs | readings a second | slowest key of its pace | keys under 95 % | of a core |")
    print("|---|---|---|---|---|")
    total = sum(counts.values()) / seconds
    print(f"| {KEYS} × {RUNS} | {total:.0f} | {paces[0]:.0%} | {slow} | {cpu:.0%} |")


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/_ledger", timeout=5).ok
    except requests.ConnectionError:
        return False


def make_key(url: str, mark: str) -> None:
    """A workspace with its key, and runs that go on for ever. The key's last four characters are its mark."""
    workspace = factories.make_workspace(mark, api_url=url, key=f"giga_sk_{'0' * 28}{mark}")
    access, long_ago = workspace.giga_account.access, timezone.now() - timedelta(minutes=10)
    prompts = {
        "user_prompt": "x",
        "goal_prompt": "y",
        "system_prompt": "",
        "sandbox_template": "giga-standard",
    }
    for _ in range(RUNS):
        session = giga.create_session(access, **prompts, duration_hours=1, deployment_id="")
        started = giga.start_run(access, thread_id=session.thread_id, message="go")
        agent_session = factories.make_session(workspace, thread_id=session.thread_id)
        ids = {"agent_session": agent_session, "remote_id": started.run_id}
        factories.make_run(workspace, Status.RUNNING, **ids, accepted_at=long_ago)


def watch(url: str, seconds: float) -> tuple[Counter, float]:
    """How many readings each key made, and how much of a core this process used, after a warm-up."""
    with ThreadPoolExecutor(WATCH_THREADS) as pool:
        a_slice = Slice(lambda job, *args: pool.submit(job, *args))
        for_s(a_slice, WARM_UP_S)
        began, used = time.time(), time.process_time()
        for_s(a_slice, seconds)
        ended, used = time.time(), time.process_time() - used
        a_slice.stop()
    requested = requests.get(f"{url}/_ledger", timeout=60).json()["requests"]
    mine = [entry for entry in requested if entry["method"] == "GET" and began <= entry["at"] <= ended]
    return Counter(entry["key_last4"] for entry in mine if entry["key_last4"]), used / seconds


def for_s(a_slice: Slice, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.monotonic()
        a_slice.round()
        time.sleep(max(0.0, 0.25 - (time.monotonic() - started)))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
