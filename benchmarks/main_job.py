"""Times the main job: start to first page, click to run page, click to POST, commit to screen.

A real `serve`, a real simulated Giga, a real Chromium, all on one machine and so on one clock. Prints a
table; run it with `make bench`."""

import os
import sqlite3
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import requests
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from simulator.app import Config  # noqa: E402
from simulator.server import start_in_thread  # noqa: E402
from tests.browser.driving import ARGUMENTS, sign_in, status  # noqa: E402
from tests.served import KEY, Served  # noqa: E402

LAUNCHES = 8
# Notes when each event that the page shows appeared, in milliseconds since 1970.
WATCH = """() => {
    window.shown = {};
    new MutationObserver(() => {
        const status = document.querySelector('#run-status')?.dataset.status;
        if (status && !(status in window.shown)) window.shown[status] = Date.now();
    }).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""


def main() -> None:
    simulator = start_in_thread(Config(speed=8, run_seconds=16))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"] or None, args=ARGUMENTS)
        try:
            first = [first_page(Path(folder) / "first", simulator)]
            first += [first_page(Path(folder) / "first", simulator) for _ in range(2)]
            served = (
                Served(Path(folder) / "data", GIGA_API_KEY=KEY, GIGA_API_URL=simulator.url).start().ready()
            )
            page = browser.new_page()
            sign_in(page, served)
            rows = [one_launch(page, served, number, simulator) for number in range(LAUNCHES)]
            served.kill()
        finally:
            browser.close()
            simulator.stop()
    clicks, posts, shown = zip(*rows, strict=True)
    print("| figure | median | worst | n |\n|---|---|---|---|")
    print(f"| start of `serve` to first page, nothing there yet | {first[0]:.2f} s | | 1 |")
    print(f"| start of `serve` to first page, again | {max(first[1:]):.2f} s | | 2 |")
    row("click on Launch to run page shown", [value * 1000 for value in clicks])
    row("click on Launch to Giga's receipt of POST /api/sessions", [value * 1000 for value in posts])
    row("commit of a status to its pill on the screen", [value for values in shown for value in values])


def live(simulator) -> dict[str, str]:
    return {"GIGA_API_KEY": KEY, "GIGA_API_URL": simulator.url}


def row(name: str, values: list[float]) -> None:
    print(f"| {name} | {statistics.median(values):.0f} ms | {max(values):.0f} ms | {len(values)} |")


def first_page(data: Path, simulator) -> float:
    """Seconds from the start of the process to the sign-in page."""
    served = Served(data, **live(simulator))
    started = time.monotonic()
    served.start()
    while True:
        try:
            requests.get(f"{served.url}/accounts/login/", timeout=10).raise_for_status()
            break
        except requests.RequestException:
            time.sleep(0.01)
    took = time.monotonic() - started
    served.end()
    return took


def one_launch(page: Page, served: Served, number: int, simulator) -> tuple[float, float, list[float]]:
    page.goto(f"{served.url}/runs/new/")
    page.get_by_label("Task").fill(f"Measured run {number}")
    page.get_by_label("Done means").fill("Measured")
    clicked_at, clicked = time.time(), time.monotonic()
    page.get_by_role("button", name="Launch").first.click()
    status(page).wait_for()
    took = time.monotonic() - clicked
    page.evaluate(WATCH)
    page.wait_for_function(
        "() => document.querySelector('#run-status').dataset.status === 'completed'", timeout=120_000
    )
    ledger = requests.get(f"{simulator.url}/_ledger", timeout=5).json()
    asked = [
        entry
        for entry in ledger["requests"]
        if entry["method"] == "POST" and entry["path"] == "/api/sessions"
    ]
    run = int(page.url.rstrip("/").rsplit("/", 1)[-1])
    with sqlite3.connect(served.data / "gigawatch.sqlite3") as database:
        events = database.execute(
            "SELECT now, at FROM runs_runevent WHERE run_id = ? AND kind = 'status'", [run]
        )
        committed = {word: datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() for word, at in events}
    shown = page.evaluate("window.shown")
    delays = [shown[word] - committed[word] * 1000 for word in shown if word in ("running", "completed")]
    time.sleep(8)  # leave the key's budget time to recover, so that the next launch does not wait for it
    return took, asked[-1]["at"] - clicked_at, delays


if __name__ == "__main__":
    main()
