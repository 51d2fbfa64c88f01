"""A Gigawatch in which nothing moves: runs in every state, served by the real web process without the engine
that would move them. For pictures of the pages, and for what is checked on each of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import requests

from simulator.app import Config
from simulator.server import start_in_thread
from tests.served import KEY, ROOT, STARTS_WITHIN_S, eventually, free_port

# Of the authenticator apps of those who have one.
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Frozen:
    """`logins` holds a session cookie by person, `places` the ids that addresses are filled in with."""

    def __init__(self, data: Path):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # Its desktop stays, however long the walks through all pages take.
        self.simulator = start_in_thread(Config(speed=4, run_seconds=360_000, sandbox_s=360_000))
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GIGA", "DJANGO"))},
            "GIGAWATCH_DATA": str(data),
            "PORT": str(self.port),
            "GIGA_API_KEY": KEY,
            "GIGA_API_URL": self.simulator.url,
        }
        command = [sys.executable, "-m", "tests.frozen_rows", self.simulator.url]
        made = subprocess.run(command, cwd=ROOT, env=self.env, check=True, capture_output=True, text=True)
        self.logins, self.places, self.error_pages = json.loads(made.stdout).values()
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
        if who:
            cookie = {"name": "gigawatch", "value": self.logins[who], "url": self.url}
            context.add_cookies([cookie])
        return context

    def freeze(self) -> None:
        """Stop serving, as a server does that is gone."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.freeze()
        self.simulator.stop()
