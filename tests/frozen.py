"""A Gigawatch in which nothing moves: runs in every state, served by the real web process without the engine
that would move them. For pictures of the pages, and for what is checked on each of them."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import requests

from simulator.app import Config
from simulator.server import Server, start_in_thread
from tests.served import KEY, ROOT, STARTS_WITHIN_S, cookie_of, eventually, free_port

# Its settings are its own; and what is killed in the end has nothing to tell of what it ran.
NOT_PASSED_ON = ("GIGA", "DJANGO", "COVERAGE")
# Of the authenticator apps of those who have one.
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@dataclass(frozen=True)
class Rows:
    """A data folder with runs in every state. `logins` holds a session cookie by person, `places` the ids
    that addresses are filled in with."""

    data: Path
    env: dict
    simulator: Server
    logins: dict
    places: dict
    error_pages: dict


def make_rows(data: Path, **env: str) -> Rows:
    # Its desktop stays, however long the walks through all pages take.
    simulator = start_in_thread(Config(speed=4, run_seconds=360_000, sandbox_s=360_000))
    command = [sys.executable, "-m", "tests.frozen_rows", simulator.url]
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)},
        "GIGAWATCH_DATA": str(data),
        "GIGA_API_KEY": KEY,
        "GIGA_API_URL": simulator.url,
        **env,
    }
    made = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return Rows(data, env, simulator, **json.loads(made.stdout))


class Frozen:
    """Serves rows that are made here, or a copy of those that were made before."""

    def __init__(self, data: Path, rows: Rows | None = None):
        if rows:
            shutil.copytree(rows.data, data)
        rows = rows or make_rows(data)
        self.logins, self.places, self.error_pages = rows.logins, rows.places, rows.error_pages
        self.simulator = rows.simulator
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {**rows.env, "GIGAWATCH_DATA": str(data), "PORT": str(self.port)}
        self.log = data.parent / "frozen.log"
        self.start()

    def start(self) -> None:
        # Without its lifespan the server has no engine.
        options = ["--lifespan", "off", "--log-level", "warning", "--port", str(self.port)]
        command = [sys.executable, "-m", "uvicorn", "dashboard.asgi:application", *options]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        eventually(self._answers, within_s=STARTS_WITHIN_S)

    def _answers(self) -> bool:
        try:
            return bool(requests.get(f"{self.url}/healthz", timeout=10).content)
        except requests.RequestException:
            return False

    def address(self, path: str) -> str:
        """`/runs/{failed}/` as the address of the run that failed."""
        return self.url + path.format(**self.places)

    def context(self, browser, who: str = "", **options):
        """A browser context in which this person is signed in."""
        context = browser.new_context(**options)
        self.sign_in(context, who)
        return context

    def sign_in(self, context, who: str) -> None:
        """This person, and nobody else; "" for nobody. No page of the one before is left open: it would
        notice that it is another's, and go to the door by itself, in the middle of a test."""
        for page in context.pages:
            page.goto("about:blank")
        context.clear_cookies()
        if who:
            context.add_cookies([{"name": cookie_of(self.url), "value": self.logins[who], "url": self.url}])

    def freeze(self) -> None:
        """Stop serving, as a server does that is gone."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.freeze()
        self.simulator.stop()
