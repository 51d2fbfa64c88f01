"""A Postgres and a Redis of a test's own: on free ports, killed and started at will."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import redis

from tests.served import eventually, free_port

CAN_INSTALL = os.geteuid() == 0 and bool(shutil.which("apt-get"))


def program(name: str, package: str) -> str:
    """Where a server's program is; installed where that is possible. Where it is not, the
    test is skipped, loudly, and fails in CI."""
    found = find(name)
    if not found and CAN_INSTALL:
        quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "capture_output": True}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], **quiet)
        found = find(name)
    if not found:
        missing = f"{name} is not installed (Debian: apt-get install {package})"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    return found


def find(name: str) -> str:
    newest_first = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(newest_first[0]) if newest_first else "")


def processes_below(pid: int) -> list[int]:
    """The children of a process and all of theirs."""
    parents = {int(folder.name): state_of(folder)[1] for folder in Path("/proc").glob("[0-9]*")}
    found = [pid]
    for above in found:
        found += [child for child, parent in parents.items() if parent == str(above)]
    return found[1:]


def is_running(pid: int) -> bool:
    """Whether it is there and neither stopped nor dead. (A zombie holds nothing any more.)"""
    return state_of(Path(f"/proc/{pid}"))[0] not in ("", "T", "Z", "X")


def state_of(folder: Path) -> tuple[str, str]:
    """State and parent of a process, as `/proc` has them; empty when there is none."""
    try:
        state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return "", ""
    return state, parent


class Server:
    """A process that is killed as a power cut would, and comes back on the same port with its data."""

    def __init__(self):
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="gigawatch-server-"))
        self.process: subprocess.Popen | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self):
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, start_new_session=True)
        eventually(self.answers, within_s=90)
        return self

    def answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as trying:
            return trying.connect_ex(("127.0.0.1", self.port)) == 0

    def pause(self) -> None:
        """It hangs: what is asked is taken, and not answered."""
        for pid in (self.process.pid, *processes_below(self.process.pid)):
            os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        for pid in (*processes_below(self.process.pid), self.process.pid):
            os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """All its processes at once, and they are gone: as long as one lives, Postgres refuses to start."""
        self.process.send_signal(signal.SIGSTOP)
        eventually(lambda: not is_running(self.process.pid), every_s=0.001)  # and so makes no more of them
        helpers = processes_below(self.process.pid)
        self.process.kill()
        for pid in helpers:
            with suppress(ProcessLookupError):  # it ended by itself
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        eventually(lambda: not any(is_running(pid) for pid in helpers), every_s=0.01)

    def remove(self) -> None:
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis(Server):
    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def command(self):
        server = program("redis-server", "redis-server")
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        return [server, *options, "--save", "", "--appendonly", "no"]

    def empty(self) -> None:
        """As a new one is."""
        with redis.Redis.from_url(self.url) as connection:
            connection.flushall()


class Postgres(Server):
    """With `durable` it waits for its disk at each commit, as a real one does."""

    def __init__(self, *, durable: bool = False):
        super().__init__()
        self.durable = durable
        self.data = self.folder / "data"
        # It refuses to run as root, and its log is ours.
        self.as_other = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
            self.as_other = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]

    def url_of(self, database: str) -> str:
        return f"postgres://gigawatch@127.0.0.1:{self.port}/{database}"

    def make(self) -> "Postgres":
        initdb = [program("initdb", "postgresql"), "-D", str(self.data), "-U", "gigawatch"]
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        made = subprocess.run([*self.as_other, *initdb, *options], capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        return self

    def command(self):
        server = program("postgres", "postgresql")
        options = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
        ]
        options += ["max_connections=100", "log_min_messages=warning"]
        options += [] if self.durable else ["fsync=off"]
        return [*self.as_other, server, "-D", str(self.data), *[word for o in options for word in ("-c", o)]]

    def answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            self.do("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def do(self, statement: str) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=60) as connection:
            connection.execute(statement)

    def new_database(self) -> str:
        """The address of a database that is empty."""
        name = f"gigawatch_{time.monotonic_ns()}"
        self.do(f"CREATE DATABASE {name}")
        return self.url_of(name)
