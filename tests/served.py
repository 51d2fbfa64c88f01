"""A real `manage.py serve` in a process of its own, on a free port and a folder of its own."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.canaries import KEY, PASSWORD, look, look_into_files

__all__ = ["KEY", "PASSWORD"]

ROOT = Path(__file__).resolve().parent.parent
# No measures but nets: a busy machine takes many times what a quiet one does.
STARTS_WITHIN_S = 180
PATIENCE_S = 60
# As a proxy that speaks TLS says it; read where SITE_URL is https, and there no page comes without.
BY_TLS = {"X-Forwarded-Proto": "https"}

# Of those that no outgoing connection is given, as one could take it before it is listened on: the share of
# this worker, each once.
WORKER_NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
PORTS = range(20_000 + WORKER_NUMBER, 32_768, WORKERS)
_ports = iter(random.sample(PORTS, len(PORTS)))


def free_port() -> int:
    """One that nobody listens on."""
    for port in _ports:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is left")


def cookie_of(url: str) -> str:
    """What the cookie of a login at this address is called."""
    return f"gigawatch-{urlsplit(url).port}"


def csrf_token_of(session: requests.Session) -> str:
    return next(cookie.value for cookie in session.cookies if cookie.name.endswith("-csrf"))


class Served:
    """`serve` as somebody would start it; `env` holds what differs from the defaults."""

    username = "admin"

    def __init__(self, data: Path, **env: str):
        self.port = int(env.pop("PORT", 0) or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = data
        self.log = data.parent / f"serve-{self.port}-{time.monotonic_ns()}.log"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GIGA", "DJANGO"))},
            "GIGAWATCH_DATA": str(data),
            "PORT": str(self.port),
            "DJANGO_SUPERUSER_USERNAME": "admin",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "PYTHONUNBUFFERED": "1",
            "ENV_FILE": "",
            **env,
        }
        self.process: subprocess.Popen | None = None
        self.login: list[dict] = []  # the cookies of a browser that is signed in

    def start(self) -> "Served":
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"], cwd=ROOT, env=self.env, stdout=log, stderr=log
            )
        return self

    def ready(self) -> "Served":
        """Wait until it answers. Fails with its log when it ends or takes too long."""
        deadline = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"serve ended:\n{self.said}"
            try:
                if requests.get(f"{self.url}/accounts/login/", headers=BY_TLS, timeout=PATIENCE_S).ok:
                    return self
            except requests.RequestException:
                pass
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"serve did not answer:\n{self.said}")

    def leave_nothing_secret(self) -> None:
        """What it printed and the files it left are searched."""
        look(f"what {self.log.name} holds", self.said)
        look_into_files(self.data)

    @property
    def said(self) -> str:
        return self.log.read_text()

    def end(self, how: int = signal.SIGINT, within_s: float = 60) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(how)
        return self.process.wait(within_s)

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.leave_nothing_secret()

    def signed_in(self, username="admin", password=PASSWORD) -> requests.Session:
        """A session with a login, as a browser would get it."""
        session = requests.Session()
        page = f"{self.url}/accounts/login/"
        session.get(page, timeout=PATIENCE_S)
        form = {
            "login": username,
            "password": password,
            "csrfmiddlewaretoken": csrf_token_of(session),
        }
        answer = session.post(
            page, data=form, headers={"Referer": page}, timeout=PATIENCE_S, allow_redirects=False
        )
        assert answer.status_code == 302, answer.text
        return session

    def launch(self, session: requests.Session, prompt: str, **fields) -> int:
        """Launch by the form; the new run's id."""
        page = f"{self.url}/runs/new/"
        token = (
            session.get(page, timeout=PATIENCE_S).text.split('name="launch_token" value="')[1].split('"')[0]
        )
        form = {
            "user_prompt": prompt,
            "goal_prompt": "It is done.",
            "sandbox_template": "giga-standard",
            "duration_hours": "1",
            "launch_token": token,
            "csrfmiddlewaretoken": csrf_token_of(session),
            **fields,
        }
        answer = session.post(
            page, data=form, headers={"Referer": page}, timeout=PATIENCE_S, allow_redirects=False
        )
        assert answer.status_code == 302, answer.text
        return int(answer.headers["Location"].rstrip("/").rsplit("/", 1)[-1])

    def status_of(self, session: requests.Session, run_id: int) -> str:
        page = session.get(f"{self.url}/runs/{run_id}/", timeout=PATIENCE_S).text
        return page.split('id="run-status"')[1].split('data-status="')[1].split('"')[0]


def eventually(check, *, within_s: float = 90, every_s: float = 0.1):
    """The first truthy result of `check`; fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if result := check():
            return result
        time.sleep(every_s)
    raise AssertionError(f"not within {within_s} s: {check}")
