"""The runs list open in a real Chromium while 200 of its rows change a second: the longest time the page is
deaf (a long task), how many there are over 100 ms, and whether it shows the truth a second after.

The ASGI application under uvicorn in this process, changes made on worker threads as the watcher makes them.
Usage: `CHROMIUM=... python benchmarks/list_pushes.py [seconds]`."""

import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("GIGAWATCH_DATA", tempfile.mkdtemp(prefix="gigawatch-pushes-"))
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"

import django  # noqa: E402

django.setup()

import uvicorn  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from runs.models import Run  # noqa: E402
from runs.status import Status  # noqa: E402
from tests import factories  # noqa: E402

RUNS, THREADS, PER_SECOND = 50, 4, 200
WATCH = """() => {
    window.long = [];
    new PerformanceObserver((list) => window.long.push(...list.getEntries().map((task) => task.duration)))
        .observe({ type: 'longtask' });
}"""
SHOWN = """() => Object.fromEntries(
    [...document.querySelectorAll('#rows tr[id]')].map((row) => [row.id, row.dataset.status]))"""


def main(seconds: float) -> None:
    call_command("migrate", verbosity=0)
    call_command("collect")
    workspace = factories.make_workspace()
    client = Client()
    client.force_login(factories.make_person(workspace))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    runs = [factories.make_run(workspace, sandbox_id="box") for _ in range(RUNS)]
    server = uvicorn.Server(
        uvicorn.Config("dashboard.asgi:application", port=settings.PORT, log_level="error")
    )
    server.config.ws, server.config.ws_per_message_deflate = "websockets-sansio", False
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ["CHROMIUM"], args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        origin = settings.SITE_ORIGINS[0]
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": origin}])
        page = context.new_page()
        page.goto(f"{origin}/runs/")
        page.wait_for_selector('[data-live="live"]')
        page.wait_for_timeout(1000)
        page.evaluate(WATCH)
        changed = change_all(runs, seconds, page)
        page.wait_for_timeout(1500)
        long = page.evaluate("window.long")
        # On a thread of its own: Playwright's loop runs on this one.
        with ThreadPoolExecutor(1) as reader:
            truth = reader.submit(statuses).result()
        is_true = page.evaluate(SHOWN) == truth
        browser.close()
    server.should_exit = True
    over = sum(duration > 100 for duration in long)
    print("| changes a second | long tasks | over 100 ms | longest | shows the truth 1.5 s after |")
    print("|---|---|---|---|---|")
    print(
        f"| {changed / seconds:.0f} | {len(long)} | {over} | {max(long, default=0):.0f} ms "
        f"| {'yes' if is_true else 'NO'} |"
    )


def statuses() -> dict[str, str]:
    return {f"run-{pk}": status for pk, status in Run.objects.values_list("pk", "status")}


def change_all(runs: list[Run], seconds: float, page) -> int:
    """Move the runs from several threads, at an even pace together; how often."""
    counts = [0] * THREADS
    threads = [
        threading.Thread(target=change, args=(runs[number::THREADS], seconds, counts, number))
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    page.wait_for_timeout(seconds * 1000)
    for thread in threads:
        thread.join()
    return sum(counts)


def change(runs: list[Run], seconds: float, counts: list[int], number: int) -> None:
    started, pause = time.monotonic(), THREADS / PER_SECOND
    while (now := time.monotonic()) < started + seconds:
        run = runs[counts[number] % len(runs)]
        run.move_to(Status.WAITING if run.status == Status.RUNNING else Status.RUNNING)
        counts[number] += 1
        time.sleep(max(0.0, started + counts[number] * pause - now))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 20)
