"""What the benchmarks of many keys share: a simulated Giga in a process of its own, and keys with runs that
go on for ever. Settings come before this: import it after `django.setup()`."""

import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import requests
from django.utils import timezone

from runs import giga
from runs.status import Status
from tests import factories
from tests.served import eventually

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
from simulator.app import Config
from simulator.server import run
config = Config(queued_s=0, booting_s=0, start_delay=0, ledger_length=10**6, **{more})
run(config, port={port})
"""
PROMPTS = {"user_prompt": "x", "goal_prompt": "y", "system_prompt": "", "sandbox_template": "giga-standard"}


def start_giga(port: int, **config) -> subprocess.Popen:
    """With a ledger that forgets nothing; as strict as always, if `config` says nothing else."""
    program = PROGRAM.format(port=port, more={"scenario": "never-ends", **config})
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    eventually(lambda: answers(port))
    return process


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/_ledger", timeout=5).ok
    except requests.ConnectionError:
        return False


def mark_of(number: int) -> str:
    """A key's last four characters, by which the ledger names it."""
    return f"{number:04}"


def make_key(port: int, number: int, *, runs: int) -> None:
    """A workspace with its key, and runs that go on for ever: neither new, nor watched, nor near their
    end."""
    url, key = f"http://127.0.0.1:{port}", f"giga_sk_{'0' * 28}{mark_of(number)}"
    workspace = factories.make_workspace(f"Workspace {number}", api_url=url, key=key)
    access, long_ago = workspace.giga_account.access, timezone.now() - timedelta(minutes=10)
    for _ in range(runs):
        session = giga.create_session(access, **PROMPTS, duration_hours=1, deployment_id="")
        started = giga.start_run(access, thread_id=session.thread_id, message="go")
        agent_session = factories.make_session(workspace, thread_id=session.thread_id)
        ids = {"agent_session": agent_session, "remote_id": started.run_id}
        factories.make_run(workspace, Status.RUNNING, **ids, accepted_at=long_ago)


def readings(port: int, since: float, until: float) -> list[dict]:
    """What the ledger says was read in this time, in order."""
    ledger = requests.get(f"http://127.0.0.1:{port}/_ledger", timeout=60).json()
    return [
        entry for entry in ledger["requests"] if entry["method"] == "GET" and since <= entry["at"] < until
    ]


def paces(port: int, keys: int, since: float, until: float, wanted_per_s: float) -> list[float]:
    """The share of its pace that each key had, the slowest first."""
    counts = Counter(entry["key_last4"] for entry in readings(port, since, until))
    return sorted(counts[mark_of(number)] / (until - since) / wanted_per_s for number in range(keys))
