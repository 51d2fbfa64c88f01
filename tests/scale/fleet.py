"""One Gigawatch of many processes: a Postgres, a Redis, one web process, workers, and a simulated Giga whose
ledger is the judge.

Most of its processes are forks of one that has everything loaded: they are killed and end like any other, and
start within a tenth of the time."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import psycopg
import requests
from websockets.sync.client import connect

from simulator.app import Config
from simulator.server import start_in_thread
from tests.scale import program
from tests.served import KEY, PATIENCE_S, ROOT, STARTS_WITHIN_S, Served
from tests.servers import Postgres, Redis

FINAL = ("completed", "failed", "lost", "rejected", "not_started")
DATABASE, PREPARED = "gigawatch", "prepared"


class Fork:
    """A process as `subprocess.Popen` has it, of which nothing had to be loaded."""

    def __init__(self, command: str, log: Path):
        forking = multiprocessing.get_context("forkserver")
        self.process = forking.Process(target=program.run, args=(command, str(log)))
        self.process.start()

    def send_signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, within_s: float = PATIENCE_S) -> int:
        self.process.join(within_s)
        assert self.process.exitcode is not None, "it does not end"
        return self.process.exitcode


class Process(Served):
    """`manage.py <command>` in the fleet's environment."""

    def __init__(self, command: str, data: Path, **env: str):
        super().__init__(data, **env)
        self.command = command
        self.log = data.parent / f"{command}-{time.monotonic_ns()}.log"

    def start(self):
        """As somebody would start it."""
        with self.log.open("w") as log:
            program = [sys.executable, "manage.py", self.command]
            self.process = subprocess.Popen(program, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        return self

    def fork(self):
        self.log.touch()
        self.process = Fork(self.command, self.log)
        return self


class Installation:
    """What the fleets of one session have in common, one after the other: servers, a data folder, a prepared
    database to copy, and the process they are forks of. Its environment is theirs, with one address for all.
    """

    def __init__(self, folder: Path, postgres: Postgres, redis: Redis):
        self.postgres, self.redis = postgres, redis
        self.data = folder / "data"
        self.database_url = postgres.url_of(DATABASE)
        self.env = {
            "GIGA_API_KEY": KEY,
            "GIGA_API_URL": "http://127.0.0.1:1",
            "DATABASE_URL": postgres.url_of(PREPARED),
            "REDIS_URL": f"{redis.url}/0",
            "CELERY_BROKER_URL": f"{redis.url}/1",
        }
        postgres.do(f"CREATE DATABASE {PREPARED}")
        prepared = Process("prepare", self.data, **self.env).start()
        assert prepared.process.wait(STARTS_WITHIN_S) == 0, prepared.said
        self.env |= {"DATABASE_URL": self.database_url, "PORT": str(prepared.port), "TMPDIR": str(folder)}
        multiprocessing.set_forkserver_preload(["tests.scale.preloaded"])
        with mock.patch.dict(os.environ, prepared.env | self.env):
            first = Fork("help", folder / "help.log")
        assert first.wait(STARTS_WITHIN_S) == 0, (folder / "help.log").read_text()

    def reset(self, giga_url: str) -> None:
        """A new database and an empty Redis, for runs at this Giga."""
        self.postgres.do(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        self.postgres.do(f"CREATE DATABASE {DATABASE} TEMPLATE {PREPARED}")
        self.redis.empty()
        with psycopg.connect(self.database_url) as connection:
            connection.execute("UPDATE runs_gigaaccount SET api_url = %s", [giga_url])
            # How much a person may launch a minute is for other tests.
            connection.execute("UPDATE people_workspace SET launches_a_minute_each = NULL")


class Fleet:
    def __init__(self, installation: Installation, **giga):
        self.installation = installation
        self.giga = start_in_thread(Config(**giga))
        self.processes: list[Process] = []
        installation.reset(self.giga.url)

    @property
    def workers(self) -> list[Process]:
        return [process for process in self.processes if process.command == "work"]

    def start(self, command: str) -> Process:
        self.processes.append(Process(command, self.installation.data, **self.installation.env).fork())
        return self.processes[-1]

    def start_as_somebody_would(self, command: str) -> Process:
        self.processes.append(Process(command, self.installation.data, **self.installation.env).start())
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

    def ask_database(self, statement: str) -> list[tuple]:
        with psycopg.connect(self.installation.database_url) as connection:
            answer = connection.execute(statement)
            return answer.fetchall() if answer.description else []

    def holder(self) -> str:
        """Who watches the key's runs now, as the database says."""
        found = self.ask_database("SELECT lease_holder FROM runs_gigaaccount WHERE lease_until > now()")
        return found[0][0] if found else ""

    def end_lease(self) -> None:
        """The lease of a worker that was killed ends now, and not in a quarter of a minute."""
        self.ask_database("UPDATE runs_gigaaccount SET lease_until = now()")

    def let_people_ask_again(self) -> None:
        """As when nobody had launched anything for a while."""
        self.ask_database("UPDATE runs_gigaaccount SET free_at = 0, launches_first_until = 0")

    def status_of(self, run: int) -> str:
        return self.web.status_of(self.session, run)

    def health(self) -> dict[str, str]:
        return requests.get(f"{self.web.url}/readyz", timeout=PATIENCE_S).json()

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
