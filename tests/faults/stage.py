"""Where faults are played: a program that does Gigawatch's work and may be killed, a simulated Giga whose
ledger is the judge, and a network between them that can fail."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import requests

from simulator.config import Config
from simulator.server import start_in_thread
from tests.faults.proxy import Proxy
from tests.served import ROOT

KILLED = -signal.SIGKILL
CLAIM_S = 46  # after this long the claims of a dead process are free
MEMORY = Path("/dev/shm")  # noqa: S108 -- a folder of our own is made in it; it spares the disk
NEVER_STARTED = {"rejected", "not_started"}
GIVEN_UP = NEVER_STARTED | {"failed", "lost", "expired", "canceled", "timed_out"}


@dataclass(frozen=True)
class Row:
    """A run as the database has it; `was` holds every status that was ever shown."""

    prompt: str
    status: str
    remote_id: str
    thread_id: str
    is_due: bool
    reason: str
    was: frozenset[str]


class Stage:
    def __init__(self):
        self.folder = Path(
            tempfile.mkdtemp(prefix="gigawatch-faults-", dir=MEMORY if MEMORY.is_dir() else None)
        )
        self.database = self.folder / "gigawatch.sqlite3"
        self.log = self.folder / "log"
        self.giga = start_in_thread(
            Config(
                speed=100,
                start_delay=0,
                queued_s=100,
                booting_s=100,
                run_seconds=300,
                rate_per_minute=1_000_000,
            )
        )
        self.network = Proxy(self.giga.port)
        self.program = self._start_program()
        self.template = self.folder / "template.sqlite3"
        assert self.order(database=str(self.template), make=self.network.url) == 0, self.said

    def _start_program(self) -> subprocess.Popen:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("GIGA", "COVERAGE"))}
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker"],
            cwd=ROOT,
            env={**env, "GIGAWATCH_DATA": str(self.folder / "data"), "LOG_LEVEL": "ERROR"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open("w"),
            text=True,
        )

    def stop(self) -> None:
        self.program.stdin.close()
        self.program.wait(60)
        self.network.stop()
        self.giga.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def clear(self) -> None:
        """An empty database, and a Giga and a network that know nothing and work."""
        for name in ("", "-wal", "-shm"):
            Path(f"{self.database}{name}").unlink(missing_ok=True)
        shutil.copy(self.template, self.database)
        self.network.up()
        self.network.works()
        self.control("reset")

    def control(self, route: str, /, **changes) -> None:
        requests.post(f"{self.giga.url}/_{route}", json=changes, timeout=60).raise_for_status()

    def befall(self, scenario: str, *calls: str) -> None:
        self.control("scenario", name=scenario, calls=list(calls))

    @property
    def ledger(self) -> dict:
        return requests.get(f"{self.giga.url}/_ledger", timeout=60).json()

    def work(self, *, kill_when=None, meanwhile=None, **order) -> int:
        """Do what is due in a process of its own; how it ended. `kill_when()`: kill it from outside as soon
        as this holds. `meanwhile()`: something to do beside it."""
        order |= {"database": str(self.database), "clock": self.giga.url}
        return self.order(kill_when=kill_when, meanwhile=meanwhile, **order)

    def order(self, *, kill_when=None, meanwhile=None, **order) -> int:
        self.program.stdin.write(json.dumps(order) + "\n")
        self.program.stdin.flush()
        pid = json.loads(self.program.stdout.readline())["pid"]
        if meanwhile is not None:
            meanwhile()
        if kill_when is not None:
            deadline = time.monotonic() + 90
            while not kill_when():
                assert time.monotonic() < deadline, f"the moment to kill did not come\n{self.said}"
                time.sleep(0.002)
            os.kill(pid, signal.SIGKILL)
        ended = json.loads(self.program.stdout.readline())["ended"]
        assert ended in (0, KILLED), self.said
        return ended

    @property
    def said(self) -> str:
        return self.log.read_text()

    def is_sound(self) -> bool:
        """Whether the database holds together, as SQLite itself sees it."""
        with closing(sqlite3.connect(self.database)) as database:
            whole = database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return whole and not database.execute("PRAGMA foreign_key_check").fetchall()

    def rows(self) -> list[Row]:
        with closing(sqlite3.connect(self.database)) as database:
            was = {}
            for run, status in database.execute("SELECT run_id, now FROM runs_runevent"):
                was.setdefault(run, set()).add(status)
            found = database.execute(
                "SELECT r.id, user_prompt, status, coalesce(remote_id, ''), thread_id, due_at, reason"
                " FROM runs_run r JOIN runs_agentsession s ON s.id = r.agent_session_id ORDER BY r.id"
            )
            return [
                Row(prompt, status, remote_id, thread_id, bool(due_at), reason, frozenset(was[run]))
                for run, prompt, status, remote_id, thread_id, due_at, reason in found
            ]


@dataclass(frozen=True)
class Verdict:
    """What the ledger says against the database; each of these must be empty."""

    started_twice: list[str]
    unseen: list[str]
    given_up_while_running: list[str]
    stuck: list[str]

    @property
    def is_clean(self) -> bool:
        return not (self.started_twice or self.unseen or self.given_up_while_running or self.stuck)


def judge(ledger: dict, rows: list[Row], *, given_up: set[str] = GIVEN_UP) -> Verdict:
    started = [(run["user_prompt"], run["run_id"], run["thread_id"]) for run in ledger["runs_started"]]
    prompts = [prompt for prompt, _, _ in started]
    by_id = {row.remote_id: row for row in rows if row.remote_id}
    by_thread = {row.thread_id: row for row in rows if row.thread_id and not row.remote_id}
    seen = {run_id: by_id.get(run_id) or by_thread.get(thread_id) for _, run_id, thread_id in started}
    active = {"queued", "unknown", "starting", "running", "waiting"}
    return Verdict(
        started_twice=sorted({prompt for prompt in prompts if prompts.count(prompt) > 1}),
        unseen=[prompt for prompt, run_id, _ in started if seen[run_id] is None],
        given_up_while_running=[row.prompt for row in rows if row.prompt in prompts and row.was & given_up],
        stuck=[
            row.prompt for row in rows if row.status == "sending" or (row.status in active and not row.is_due)
        ],
    )
