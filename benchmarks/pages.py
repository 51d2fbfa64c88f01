"""Times the first paint of the pages and weighs what they fetch.

The real web process over 5,000 runs, a real Chromium on the same machine, sizes as they pass the wire. What
stands in the desktop's frame is not ours and not counted. Fails when a page is heavier than it may be without
the font, for which nothing waits, or when its scripts are."""

import gzip
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dashboard.static_files import small  # noqa: E402
from tests.browser.driving import ARGUMENTS  # noqa: E402
from tests.frozen import Frozen  # noqa: E402

TIMES = 5
# Address, who looks, and the most kilobytes it may fetch; None where nothing was promised.
PAGES = [
    ("/accounts/login/", "", None),
    ("/runs/", "many", 90),
    ("/runs/{running}/", "every", 95),
    ("/runs/new/", "every", None),
    ("/sessions/", "many", None),
    ("/me/", "every", None),
]
MAX_OWN_SCRIPTS_KB = 12  # of one page
FIRST_PAINT = """async () => {
    const seen = () => performance.getEntriesByName('first-contentful-paint')[0];
    if (seen()) return seen().startTime;
    return new Promise((done) => new PerformanceObserver((list) => {
        const entry = list.getEntriesByName('first-contentful-paint')[0];
        if (entry) done(entry.startTime);
    }).observe({type: 'paint', buffered: true}));
}"""


def main() -> None:
    too_heavy = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        frozen = Frozen(Path(folder) / "data")
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"] or None, args=ARGUMENTS)
        try:
            print(
                "| page | first paint, cold | worst | warm | requests | fetched | with the font | scripts |\n"
                "|---|---|---|---|---|---|---|---|"
            )
            for path, who, most_kb in PAGES:
                kb, scripts_kb = measure(browser, frozen, path, who)
                if most_kb and kb > most_kb:
                    too_heavy.append(f"{path} fetches {kb:.1f} KB, more than {most_kb}")
                if scripts_kb > MAX_OWN_SCRIPTS_KB:
                    too_heavy.append(
                        f"{path} fetches {scripts_kb:.1f} KB of our scripts, more than {MAX_OWN_SCRIPTS_KB}"
                    )
        finally:
            browser.close()
            frozen.stop()
    names = [path.stem for path in (ROOT / "static" / "js").glob("*.js")]
    print(f"\nOur scripts of all pages, each compressed by itself: {scripts_kb_of(names):.2f} KB.")
    if too_heavy:
        raise SystemExit("\n".join(too_heavy))


def measure(browser: Browser, frozen: Frozen, path: str, who: str) -> tuple[float, float]:
    """Prints the page's line; what it fetches cold without the font, and our scripts in it, in KB of 1024
    bytes."""
    looks = [look(browser, frozen, path, who) for _ in range(TIMES)]
    cold, warm, requests, fetched, font, scripts = (list(values) for values in zip(*looks, strict=True))
    scripts_kb = scripts_kb_of(scripts[0])
    kb, with_font_kb = (
        statistics.median(fetched) / 1024,
        statistics.median(map(sum, zip(fetched, font, strict=True))) / 1024,
    )
    print(
        f"| `{path}` | {statistics.median(cold):.0f} ms | {max(cold):.0f} ms "
        f"| {statistics.median(warm):.0f} ms | {requests[0]} | {kb:.1f} KB | {with_font_kb:.1f} KB "
        f"| {scripts_kb:.1f} KB |",
        flush=True,
    )
    return kb, scripts_kb


def look(
    browser: Browser, frozen: Frozen, path: str, who: str
) -> tuple[float, float, int, int, int, set[str]]:
    """First paint with an empty and with a filled cache in ms; with the empty one requests, their bytes
    without the font, the font's, and the names of our scripts."""
    page = frozen.context(browser, who, viewport={"width": 1440, "height": 900}).new_page()
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    ours, font, scripts, weighed = set(), set(), set(), {}

    def answered(event: dict) -> None:
        url = event["response"]["url"]
        if url.startswith(frozen.url) and "/desktop/" not in url:
            (font if "/vendor/inter/" in url else ours).add(event["requestId"])
            scripts.update(re.findall(r"/static/js/([\w-]+)\.", url))

    wire.on("Network.responseReceived", answered)
    wire.on(
        "Network.loadingFinished",
        lambda event: weighed.update({event["requestId"]: event["encodedDataLength"]}),
    )
    page.goto(frozen.address(path))
    cold = page.evaluate(FIRST_PAINT)
    page.wait_for_load_state("networkidle")
    fetched, of_font = ([weighed[key] for key in keys if key in weighed] for keys in (ours, font))
    page.goto(frozen.address(path))
    warm = page.evaluate(FIRST_PAINT)
    page.context.close()
    return cold, warm, len(fetched) + len(of_font), sum(fetched), sum(of_font), scripts


def scripts_kb_of(names: Iterable[str]) -> float:
    """What our scripts of these names weigh as they travel."""
    scripts = [(ROOT / "static" / "js" / f"{name}.js").read_text() for name in names]
    return sum(len(gzip.compress(small("js", script).encode(), 9)) for script in scripts) / 1024


if __name__ == "__main__":
    main()
