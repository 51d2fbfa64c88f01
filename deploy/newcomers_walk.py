"""Goes the way of somebody who installs and runs Gigawatch by its README: each command is typed as it stands
there, in a fresh clone, and what comes back is kept.

    python deploy/newcomers_walk.py [first backup keys offline proxies image upgrade]

Without a name: all of them, in this order. What was typed and printed goes to var/walk/NAME.txt, and the
table of docs/newcomers-walk.md says of each what holds. Needs git, make, Python, nginx, Caddy, a package
index for pip, and for `image` Docker (what `docker build` needs besides is in DOCKER_BUILD); `offline` needs
root, to take the network away. A quarter of an hour. Not a part of `make test`."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent
README = " ".join((ROOT / "README.md").read_text().split())
KEPT, SUMMARY = ROOT / "var" / "walk", ROOT / "docs" / "newcomers-walk.md"
PATIENCE_S = 1800
OLD, OLD_RUNS = "279a364", 100_000
LINK = re.compile(r"http://\S+/enter/\S+")
# What a shell of somebody who never saw Gigawatch does not hold.
NOT_PASSED_ON = ("GIGA", "DJANGO", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
# Rows of the oldest tables, by their own models.
FILL = f"""
from datetime import timedelta
from django.utils import timezone
from people.models import Workspace
from runs.models import AgentSession, Run, RunEvent
workspace, began = Workspace.objects.get(), timezone.now() - timedelta(days=300)
words = "invoices", "the calendar", "a flight to Graz", "the spreadsheet of last month", "the newsletter"
for first in range(0, {OLD_RUNS}, 5000):
    numbers = range(first, first + 5000)
    sessions = AgentSession.objects.bulk_create(
        AgentSession(
            workspace=workspace, user_prompt=f"Look through {{words[n % 5]}} and write down number {{n}}",
            goal_prompt="There is a file with what was found.", sandbox_template="giga-standard",
            duration_hours=1, thread_id=f"thr_{{n}}", is_simulated=True)
        for n in numbers)
    times = [began + timedelta(minutes=4 * n) for n in numbers]
    runs = Run.objects.bulk_create(
        Run(
            agent_session=session, workspace=workspace, status="completed", remote_id=f"run_{{n}}",
            queued_at=at, sent_at=at, started_at=at, ended_at=at + timedelta(minutes=9), due_at=None)
        for n, session, at in zip(numbers, sessions, times))
    steps = ("queued", ""), ("sending", "queued"), ("running", "sending"), ("completed", "running")
    RunEvent.objects.bulk_create([
        RunEvent(run=run, workspace=workspace, at=run.queued_at, kind="status", was=was, now=now)
        for run in runs for now, was in steps], batch_size=5000)
print(Run.objects.count(), "runs,", RunEvent.objects.count(), "events")
"""


class Step:
    """One part of the way: a folder of its own, what was typed there and what came back."""

    def __init__(self, name: str, folder: Path):
        self.name, self.folder = name, folder
        self.checkout = folder / "gigawatch"
        self.lines: list[str] = []
        self.port = free_ports()
        passed_on = {key: value for key, value in os.environ.items() if not key.startswith(NOT_PASSED_ON)}
        self.env = {**passed_on, "PORT": str(self.port), "PYTHONUNBUFFERED": "1"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def say(self, text: str) -> None:
        """Keep it, without where on this machine it was and without secrets."""
        text = text.replace(str(self.folder), "…").replace(str(ROOT), "…").replace(str(Path.home()), "~")
        text = re.sub(r"WARNING: Location .* is ignored.*\n?", "", text)  # of this machine's package index
        text = re.sub(r"(/enter/[^/]+/)[^/\s]+", r"\1…", text)
        text = re.sub(r"\b[0-9a-f]{8}:[\w-]{43}=", "<a key>", text).rstrip()
        self.lines.append(text)
        print(text, flush=True)

    def type(self, command: str, *, is_told: bool = True, fails: bool = False, **env: str) -> str:
        """What it printed. It stands in the README (`is_told`), and ends well, or badly where it must."""
        assert not is_told or " ".join(command.split()) in README, f"the README does not say: {command}"
        self.say(f"$ {command}")
        return self.run(["bash", "-c", command], fails=fails, **env)

    def run(self, command: list[str], *, fails: bool = False, **env: str) -> str:
        where = self.checkout if self.checkout.exists() else self.folder
        done = subprocess.run(
            command,
            cwd=where,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
        )
        self.say(done.stdout)
        assert (done.returncode != 0) == fails, f"ended with {done.returncode}"
        return done.stdout

    def clone(self) -> None:
        self.say("$ git clone <this repository> gigawatch && cd gigawatch")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.checkout)], check=True)

    @contextmanager
    def serving(self, command: str = "make run", *, wait: bool = True) -> Iterator["Serving"]:
        """It was typed, and printed where it is; stopped by Ctrl+C in the end."""
        self.say(f"$ {command}")
        with (self.folder / "serve.log").open("w+") as log:
            process = subprocess.Popen(
                shlex.split(command),
                cwd=self.checkout,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            serving = Serving(self, process)
            try:
                if wait:
                    serving.wait_for("Ctrl+C stops it.")
                yield serving
            finally:
                os.killpg(process.pid, signal.SIGINT)
                process.wait(60)
                self.say(serving.said)


class Serving:
    def __init__(self, step: Step, process: subprocess.Popen):
        self.step, self.process = step, process

    @property
    def said(self) -> str:
        return (self.step.folder / "serve.log").read_text()

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.said:
            assert self.process.poll() is None and time.monotonic() < deadline, self.said
            time.sleep(0.1)

    def enter(self, printed: str = "") -> requests.Session:
        """By the link that was printed, at its start or otherwise, and the button on the page it leads to."""
        browser = requests.Session()
        link = LINK.findall(printed or self.said)[-1]
        form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', browser.get(link, timeout=60).text))
        answer = browser.post(link, data=form, headers={"Referer": link}, timeout=60)
        assert answer.ok and "/enter/" not in answer.url, answer.url
        self.step.say(f"  (the link and its button lead to {answer.url.removeprefix(self.step.url)})")
        return browser


def free_ports() -> int:
    """One that is free, and the next, where the simulated Giga goes."""
    for port in range(18_500, 19_000, 10):
        try:
            for one in (port, port + 1):
                socket.create_server(("127.0.0.1", one)).close()
        except OSError:
            continue
        return port
    raise SystemExit("no port is free")


def first(step: Step) -> str:
    step.clone()
    began = time.monotonic()
    with step.serving() as serving:
        took = time.monotonic() - began
        browser = serving.enter()
        step.type(".venv/bin/python manage.py demo_history")
        page = browser.get(f"{step.url}/runs/", timeout=60).text
        assert page.count("row-link") >= 20, "no long list"
    step.type("install -m 600 .env.example .env", PORT="")
    (step.checkout / ".env").write_text((step.checkout / ".env").read_text() + "GIGA_API_KEY=giga\n")
    said = step.type("make run", fails=True)
    assert "GIGA_API_KEY must be one word" in said, ".env is not read"
    return f"signed in by the printed link {took:.0f} s after `make run`; 300 runs are listed; `.env` is read"


def backup(step: Step) -> str:
    step.clone()
    with step.serving() as serving:
        serving.enter()
        step.type(
            ".venv/bin/python -c \"import sqlite3; sqlite3.connect('var/gigawatch.sqlite3')"
            '.execute(\\"VACUUM INTO \'backup.sqlite3\'\\")"'
        )
        step.type(".venv/bin/python manage.py sign_in_link admin", is_told=False)
        head = step.type(".venv/bin/python manage.py verify_audit", is_told=False).split()[-1]
    step.type(
        "install -m 600 backup.sqlite3 var/gigawatch.sqlite3 && "
        "rm -f var/gigawatch.sqlite3-wal var/gigawatch.sqlite3-shm"
    )
    with step.serving() as serving:
        serving.enter(step.type(".venv/bin/python manage.py sign_in_link admin", is_told=False))
        verify = f".venv/bin/python manage.py verify_audit --head {head}"
        said = step.type(verify, is_told=False, fails=True)
    return f"copied while it ran, restored, signed in; asked with the later head: {last_line(said)}"


def keys(step: Step) -> str:
    step.clone()
    file = step.checkout / "var" / "encryption_keys"
    with step.serving():
        new = step.type(".venv/bin/python manage.py new_key", is_told=False)
    old = file.read_text()
    file.write_text(f"{new.strip()}\n{old}")
    with step.serving():
        said = step.type(".venv/bin/python manage.py rotate_keys", is_told=False)
    file.write_text(new)
    with step.serving():
        step.type(".venv/bin/python manage.py rotate_keys", is_told=False)
    return f"{said.splitlines()[0]} It starts without the old one."


def offline(step: Step) -> str:
    step.clone()
    step.type(
        "python3 -m pip download --require-hashes --only-binary :all: -r requirements.txt -d wheels",
        PIP_QUIET="1",
        PIP_NO_WARN_SCRIPT_LOCATION="1",
    )
    step.say("(without a network from here on)")
    install = "python3 -m venv .venv && .venv/bin/pip install --no-index --find-links wheels "
    install += "--require-hashes -r requirements.txt"
    serve = ".venv/bin/python manage.py serve"
    assert install in README and serve in README
    step.say(f"$ {install}\n$ {serve}")
    script = f"ip link set lo up; {install} --quiet && timeout --signal INT 20 {serve}; true"
    said = step.run(["unshare", "--net", "bash", "-c", script])
    assert "Ctrl+C stops it." in said
    return "installed and started in a network of its own, without any other"


def proxies(step: Step) -> str:
    said = step.run([sys.executable, str(ROOT / "deploy" / "check_proxies.py")])
    checked = re.findall(r"^(nginx|Caddy): (?!\d+\.\d s$)", said, re.M)
    return f"{len(checked)} checks through nginx and Caddy, and four forgotten headers seen in the log"


def image(step: Step) -> str:
    began = time.monotonic()
    options = shlex.split(os.environ.get("DOCKER_BUILD", ""))
    step.run([sys.executable, str(ROOT / "deploy" / "check_image.py"), *options])
    held = "built, started alone and by compose behind its proxy, saved, loaded, started again: "
    held += f"{time.monotonic() - began:.0f} s"
    return held + (f", with stand-ins made there for {', '.join(made)}" if (made := made_here()) else "")


def made_here() -> list[str]:
    """Which images that are named in Dockerfile and compose.yaml come from no registry."""
    text = (ROOT / "Dockerfile").read_text() + (ROOT / "compose.yaml").read_text()
    names = sorted(set(re.findall(r"^(?:FROM|    image:) ([\w.-]+:[\w.-]+)", text, re.M)))
    asked = ["docker", "image", "inspect", "--format", "{{len .RepoDigests}}", *names]
    pulled = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    return [name for name, digests in zip(names, pulled, strict=True) if digests == "0"]


def upgrade(step: Step) -> str:
    step.clone()
    step.type(f"git checkout --quiet {OLD}", is_told=False)
    with step.serving(wait=False) as serving:
        serving.wait_for("Ctrl+C stops it.")
    began = time.monotonic()
    step.run([".venv/bin/python", "manage.py", "shell", "-c", FILL])
    database = step.checkout / "var" / "gigawatch.sqlite3"
    step.say(f"({database.stat().st_size // 10**6} MB, made in {time.monotonic() - began:.0f} s)")
    step.type("git checkout --quiet -", is_told=False)
    with step.serving(wait=False) as serving:
        serving.wait_for("The tables are those of an older Gigawatch")
        began, met = time.monotonic(), {}
        while "Ctrl+C stops it." not in serving.said:
            assert serving.process.poll() is None, serving.said
            try:
                status = requests.get(f"{step.url}/runs/", timeout=10, allow_redirects=False).status_code
            except requests.RequestException as error:
                status = type(error).__name__
            met[status] = met.get(status, 0) + 1
            time.sleep(1)
        took = time.monotonic() - began
        browser = serving.enter()
        began = time.monotonic()
        for path in ("/runs/", "/runs/?q=Graz"):
            assert browser.get(step.url + path, timeout=60).text.count("row-link") >= 20
        answered = time.monotonic() - began
        step.say(f"  (asked each second meanwhile: {met}; then the list and a search: {answered:.1f} s)")
    assert set(met) <= {503, 302}, met
    return (
        f"{OLD_RUNS:,} runs from {OLD} to this version in {took:.0f} s, told step by step; "
        f"{database.stat().st_size // 10**6} MB afterwards; each page said so meanwhile (503)"
    )


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


STEPS: dict[str, Callable[[Step], str]] = {
    step.__name__: step for step in (first, backup, keys, offline, proxies, image, upgrade)
}


def walk(name: str) -> str:
    with tempfile.TemporaryDirectory() as place:
        step = Step(name, Path(place))
        print(f"== {name}")
        holds = STEPS[name](step)
        KEPT.mkdir(parents=True, exist_ok=True)
        (KEPT / f"{name}.txt").write_text("\n".join(step.lines) + "\n")
        return holds


def main() -> None:
    names = sys.argv[1:] or list(STEPS)
    if unknown := set(names) - set(STEPS):
        raise SystemExit(f"no such part: {', '.join(unknown)}")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", SUMMARY.read_text(), re.M)) if SUMMARY.exists() else {}
    for name in names:
        rows[name] = walk(name)
        lines = "".join(f"| `{one}` | {rows[one]} |\n" for one in STEPS if one in rows)
        SUMMARY.write_text(f"{HEAD}\n\n| part | what held |\n|---|---|\n{lines}")


HEAD = """# A newcomer's walk

Written by `python deploy/newcomers_walk.py`, which types what the [README](../README.md) says into a fresh
clone. What it printed is in `var/walk/` where it ran."""


if __name__ == "__main__":
    main()
