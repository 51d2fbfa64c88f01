"""One Gigawatch of many processes: a Postgres, a Redis, one web process, workers, and a simulated Giga whose
ledger is the judge."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
import requests
from websockets.sync.client import connect

from simulator.app import Config
from simulator.server import start_in_thread
from tests.served import KEY, PATIENCE_S, ROOT, STARTS_WITHIN_S, Served
from tests.servers import Postgres, Redis

FINAL = ("completed", "failed", "lost", "rejected", "not_started")


class Process(Served):
    """`manage.py <command>` in the fleet's environment."""

    def __init__(self, command: str, data: Path, **env: str):
        super().__init__(data, **env)
        self.command = command
        self.log = data.parent / f"{command}-{time.monotonic_ns()}.log"

    def start(self):
        with self.log.open("w") as log:
            program = [sys.executable, "manage.py", self.command]
            self.process = subprocess.Popen(program, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        return self


class Fleet:
    def __init__(self, folder: Path, postgres: Postgres, redis: Redis, **giga):
        self.postgres, self.redis = postgres, redis
        self.data = folder / "data"
        self.giga = start_in_thread(Config(**giga))
        self.env = {
            "GIGA_API_KEY": KEY,
            "GIGA_API_URL": self.giga.url,
            "DATABASE_URL": postgres.new_database(),
            "REDIS_URL": f"{redis.url}/0",
            "CELERY_BROKER_URL": f"{redis.url}/1",
        }
        self.processes: list[Process] = []
        prepared = self.start("prepare")
        assert prepared.process.wait(STARTS_WITHIN_S) == 0, prepared.said
        # How much a person may launch a minute is for other tests.
        with psycopg.connect(self.env["DATABASE_URL"]) as connection:
            connection.execute("UPDATE people_workspace SET launches_a_minute_each = NULL")

    @property
    def workers(self) -> list[Process]:
        return [process for process in self.processes if process.command == "work"]

    def start(self, command: str) -> Process:
        self.processes.append(Process(command, self.data, **self.env).start())
        return self.processes[-1]

    def start_web(self) -> Process:
        self.web = self.start("web").ready()
        self.session = self.web.signed_in()
        return self.web

    def launch(self, prompt: str) -> int:
        return self.web.launch(self.session, prompt)

    def try_to_launch(self, prompt: str) -> int | None:
        """The new run's id; None while the web process cannot take it."""
        try:
            return self.launch(prompt)
        except (AssertionError, IndexError, requests.RequestException):
            return None

    def holder(self) -> str:
        """Who watches the key's runs now, as the database says."""
        with psycopg.connect(self.env["DATABASE_URL"]) as connection:
            found = "SELECT lease_holder FROM runs_gigaaccount WHERE lease_until > now()"
            return (connection.execute(found).fetchone() or [""])[0]

    def status_of(self, run: int) -> str:
        return self.web.status_of(self.session, run)

    def health(self) -> dict[str, str]:
        return requests.get(f"{self.web.url}/healthz", timeout=PATIENCE_S).json()

    def all_ended(self, runs: list[int]) -> bool:
        return all(self.status_of(run) in FINAL for run in runs)

    @property
    def started(self) -> list[str]:
        """The prompts of the runs Giga started, one for each start."""
        ledger = requests.get(f"{self.giga.url}/_ledger", timeout=PATIENCE_S).json()
        return [run["user_prompt"] for run in ledger["runs_started"]]

    @contextmanager
    def page(self, path: str):
        """The socket of a page, as a browser opens it, once it was greeted: from then on it is told."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.session.cookies.items())
        address = f"ws://127.0.0.1:{self.web.port}{path}"
        with connect(address, origin=self.web.url, additional_headers={"Cookie": cookies}) as socket:
            assert json.loads(socket.recv(timeout=PATIENCE_S))["type"] == "hello"
            yield socket

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
        self.giga.stop()
