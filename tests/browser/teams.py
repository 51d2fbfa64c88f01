"""Teams on one started server: a test has a workspace with a Giga key, a budget, a list and a manager of its
own. The rows are made by one process that stays (`team_rows`), in the server's data folder."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.served import ROOT, Served, cookie_of


class Team:
    """What a test has of the server; `login` are the cookies of its manager's browser."""

    def __init__(self, served: Served, made: dict):
        self.served, self.url = served, served.url
        self.workspace, self.username, self.key = made["workspace"], made["username"], made["key"]
        self.runs: list[int] = made["runs"]
        self.login = [{"name": cookie_of(served.url), "value": made["login"], "url": served.url}]

    def signed_in(self) -> requests.Session:
        """A login of its manager outside of the browser."""
        session = requests.Session()
        for cookie in self.login:
            session.cookies.set(cookie["name"], cookie["value"])
        return session

    def launch(self, session: requests.Session, prompt: str, **fields) -> int:
        return self.served.launch(session, prompt, **fields)

    def status_of(self, session: requests.Session, run_id: int) -> str:
        return self.served.status_of(session, run_id)


class Teams:
    """Makes teams, and ends what they left."""

    def __init__(self, served: Served):
        self.served = served
        self.log = served.data.parent / "teams.log"
        command = [sys.executable, "-m", "tests.browser.team_rows", served.env["GIGA_API_URL"]]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**served.env, "DJANGO_SETTINGS_MODULE": "dashboard.settings"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    @contextmanager
    def team(self, **what) -> Iterator[Team]:
        """A team until its tests are over. Its server has nothing to complain of meanwhile, and keeps the
        key for itself. `ended`: how many runs it has had. `working`: how many go on and do not end."""
        log = self.served.log
        start = log.stat().st_size
        team = Team(self.served, self._ask(make=what))
        yield team
        # What it left would be asked about for ever.
        self._ask(end={"workspace": team.workspace})
        said = log.read_bytes()[start:].decode()
        assert "Traceback" not in said, said[max(0, said.index("Traceback") - 500) :]
        assert team.key not in said

    def make_old(self, login: str) -> None:
        """Whoever has this login gave their password an hour ago."""
        self._ask(make_old={"login": login})

    def _ask(self, **what) -> dict:
        self.process.stdin.write(f"{json.dumps(what)}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, Path(self.log).read_text()
        return json.loads(answer)

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
