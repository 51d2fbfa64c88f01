"""Makes the pictures in docs/screenshots/: a real `serve` in demo mode with its made-up history, real runs, a
real Chromium."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.driving import ARGUMENTS, launch, sign_in, wait_for_pixels  # noqa: E402
from tests.served import Served  # noqa: E402

TARGET = ROOT / "docs" / "screenshots"
EARLIER = ["Collect the opening hours of all branches", "Update the price list in the web shop"]
PROMPT = "Download the October invoices from the supplier portal and add up their amounts"


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        served = Served(Path(folder) / "data", SIMULATOR_SPEED="1").start().ready()
        history = [sys.executable, "manage.py", "demo_history"]
        subprocess.run(history, cwd=ROOT, env=served.env, check=True)
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"] or None, args=ARGUMENTS)
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            sign_in(page, served)
            for prompt in (*EARLIER, "Sort the shared inbox [scenario:fails]"):
                launch(page, prompt)
            launch(page, PROMPT, goal="All PDFs are in ~/invoices and totals.txt holds their sum.")
            wait_for_pixels(page)
            page.wait_for_timeout(15_000)
            take(page, "run")
            page.goto(f"{served.url}/runs/")
            take(page, "runs")
            page.goto(f"{served.url}/runs/new/")
            take(page, "launch")
        finally:
            browser.close()
            served.kill()


def take(page: Page, name: str) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(400)
        page.screenshot(path=TARGET / f"{name}-{scheme}.png")


if __name__ == "__main__":
    main()
