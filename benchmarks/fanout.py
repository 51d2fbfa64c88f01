"""From commit to frame: how long until an open page has a change, for one viewer and for 200 viewers on 50
runs.

The whole ASGI application under uvicorn in this process, changes made on a worker's thread as the watcher
makes them, the viewers' sockets in a process of their own; one clock. What a page shows grows with its run's
history, so one viewer is measured twice: on runs that come to 25 events each, one after the other (a run has
about ten in its life), and on a single run that comes to 200, the most a page shows.
Usage: `python benchmarks/fanout.py`."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("GIGAWATCH_DATA", tempfile.mkdtemp(prefix="gigawatch-fanout-"))
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"

import django  # noqa: E402

django.setup()

import uvicorn  # noqa: E402
import websockets  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

from runs.models import Run  # noqa: E402
from runs.status import Status  # noqa: E402
from tests import factories  # noqa: E402

PAUSE_S = 0.05


def main() -> None:
    call_command("migrate", verbosity=0)
    call_command("collect")
    workspace = factories.make_workspace()
    cookies = [login_of(factories.make_person(workspace)) for _ in range(10)]
    server = uvicorn.Server(
        uvicorn.Config("dashboard.asgi:application", port=settings.PORT, log_level="error")
    )
    server.config.ws, server.config.ws_per_message_deflate = "websockets-sansio", False
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    print("| viewers | median | p95 | worst | frames |\n|---|---|---|---|---|")
    short: list[float] = []
    for _ in range(8):
        short += measure(cookies, make_runs(workspace, 1), viewers=1, changes=25)
    line("1, runs of up to 25 events", short)
    line("1, a run of up to 200 events", measure(cookies, make_runs(workspace, 1), viewers=1, changes=200))
    line("200 on 50 runs", measure(cookies, make_runs(workspace, 50), viewers=200, changes=200))
    server.should_exit = True


def login_of(person) -> str:
    """A cookie. A person has twenty sockets at most, so many viewers are several people."""
    client = Client()
    client.force_login(person)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def make_runs(workspace, count: int) -> list[Run]:
    return [factories.make_run(workspace) for _ in range(count)]


def measure(cookies: list[str], runs: list[Run], *, viewers: int, changes: int) -> list[float]:
    """Milliseconds from commit to frame, for each frame, while these runs change in turn."""
    paths = [f"/ws/runs/{runs[number % len(runs)].pk}/" for number in range(viewers)]
    pages = [f"{cookies[number % len(cookies)]} {path}" for number, path in enumerate(paths)]
    program = [sys.executable, __file__, "viewers", str(settings.PORT), *pages]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "open\n"
        committed: dict[int, float] = {}
        for number in range(changes):
            run = runs[number % len(runs)]
            run.move_to(Status.WAITING if run.status == Status.RUNNING else Status.RUNNING)
            committed[run.events.values_list("pk", flat=True).first()] = time.time()
            time.sleep(PAUSE_S)
        time.sleep(1)
        seen = json.loads(process.communicate("")[0])
    return [(at - committed[event]) * 1000 for event, at in seen if event in committed]


def line(name: str, delays: list[float]) -> None:
    delays.sort()
    p95, median = delays[int(len(delays) * 0.95)], statistics.median(delays)
    print(f"| {name} | {median:.0f} ms | {p95:.0f} ms | {delays[-1]:.0f} ms | {len(delays)} |", flush=True)


async def view(url: str, cookie: str, seen: list) -> None:
    headers = {"Cookie": cookie, "Origin": settings.SITE_ORIGINS[0]}
    async with websockets.connect(url, additional_headers=headers, compression=None, max_size=None) as socket:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "hello":
                seen.append((0, 0.0))
            elif message["type"] == "run.changed":
                seen.append((message["event"], time.time()))


async def view_all(port: int, pages: list[str]) -> None:
    """Open all sockets, each a login and a path; say so, and tell what arrived once the other side closes our
    input."""
    seen: list = []
    sockets = [page.split(" ") for page in pages]
    tasks = [
        asyncio.create_task(view(f"ws://127.0.0.1:{port}{path}", login, seen)) for login, path in sockets
    ]
    while len(seen) < len(pages):
        await asyncio.sleep(0.05)
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    print(json.dumps(seen[len(pages) :]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["viewers"]:
        asyncio.run(view_all(int(sys.argv[2]), sys.argv[3:]))
    else:
        main()
