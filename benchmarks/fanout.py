"""From commit to frame: how long until an open page has a change, for one viewer and for 200 viewers on 50
runs.

The whole ASGI application under uvicorn in this process, changes made on a worker's thread as the watcher
makes them, the viewers' sockets in a process of their own; one clock. Usage: `python
benchmarks/fanout.py`."""

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

CHANGES, PAUSE_S, RUNS = 200, 0.05, 50


def main() -> None:
    call_command("migrate", verbosity=0)
    call_command("collect")
    workspace = factories.make_workspace()
    client = Client()
    client.force_login(factories.make_person(workspace))
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    runs = [factories.make_run(workspace) for _ in range(RUNS)]
    server = uvicorn.Server(
        uvicorn.Config("dashboard.asgi:application", port=settings.PORT, log_level="error")
    )
    server.config.ws, server.config.ws_per_message_deflate = "websockets-sansio", False
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    print("| viewers | median | p95 | worst | frames |\n|---|---|---|---|---|")
    for viewers in (1, 200):
        paths = [f"/ws/runs/{runs[number % RUNS].pk}/" for number in range(viewers)]
        measure(viewers, cookie, paths, runs[: min(viewers, RUNS)])
    server.should_exit = True


def measure(viewers: int, cookie: str, paths: list[str], runs: list[Run]) -> None:
    program = [sys.executable, __file__, "viewers", str(settings.PORT), cookie, *paths]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "open\n"
        committed: dict[int, float] = {}
        for number in range(CHANGES):
            run = runs[number % len(runs)]
            run.move_to(Status.WAITING if run.status == Status.RUNNING else Status.RUNNING)
            committed[run.events.values_list("pk", flat=True).first()] = time.time()
            time.sleep(PAUSE_S)
        time.sleep(1)
        seen = json.loads(process.communicate("")[0])
    delays = sorted((at - committed[event]) * 1000 for event, at in seen if event in committed)
    p95 = delays[int(len(delays) * 0.95)]
    median = statistics.median(delays)
    print(f"| {viewers} | {median:.0f} ms | {p95:.0f} ms | {delays[-1]:.0f} ms | {len(delays)} |", flush=True)


async def view(url: str, cookie: str, seen: list) -> None:
    headers = {"Cookie": cookie, "Origin": settings.SITE_ORIGINS[0]}
    async with websockets.connect(url, additional_headers=headers, compression=None, max_size=None) as socket:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "hello":
                seen.append((0, 0.0))
            elif message["type"] == "run.changed":
                seen.append((message["event"], time.time()))


async def view_all(port: int, cookie: str, paths: list[str]) -> None:
    """Open all sockets, say so, and tell what arrived once the other side closes our input."""
    seen: list = []
    tasks = [asyncio.create_task(view(f"ws://127.0.0.1:{port}{path}", cookie, seen)) for path in paths]
    while len(seen) < len(paths):
        await asyncio.sleep(0.05)
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    print(json.dumps(seen[len(paths) :]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["viewers"]:
        asyncio.run(view_all(int(sys.argv[2]), sys.argv[3], sys.argv[4:]))
    else:
        main()
