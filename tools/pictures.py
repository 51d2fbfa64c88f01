"""Renders every page in every state and width, in light, dark and forced colours, into var/pictures/, with an
index.html to look at them.

python tools/pictures.py            all of them
python tools/pictures.py me palette those whose name begins so
"""

import os
import sys
import tempfile
from html import escape
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.driving import ARGUMENTS  # noqa: E402
from tests.frozen import Frozen  # noqa: E402
from tests.sights import OFFLINE, SIGHTS, Sight, look  # noqa: E402

TARGET = ROOT / "var" / "pictures"
SIZES = {1440: 900, 1024: 768, 768: 1024, 390: 844, 320: 568}
COLOURS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
}


def main() -> None:
    wanted = tuple(sys.argv[1:]) or ("",)
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        frozen = Frozen(Path(folder) / "data")
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"] or None, args=ARGUMENTS)
        try:
            for sight in SIGHTS:
                if sight.name.startswith(wanted):
                    picture(browser, frozen, sight)
            picture_offline(browser, frozen, [sight for sight in OFFLINE if sight.name.startswith(wanted)])
        finally:
            browser.close()
            frozen.stop()
    write_index()


def picture(browser: Browser, frozen: Frozen, sight: Sight) -> None:
    for width in SIZES:
        page = look(sight, frozen, browser, viewport=of_width(width))
        take(page, sight, width)
        page.context.close()
    print(sight.name, flush=True)


def picture_offline(browser: Browser, frozen: Frozen, sights: list[Sight]) -> None:
    """All pages are opened first: then their server goes."""
    opened = [
        (sight, width, look(sight, frozen, browser, viewport=of_width(width)))
        for sight in sights
        for width in SIZES
    ]
    frozen.freeze()
    for sight, width, page in opened:
        page.locator('[data-live="offline"] #banner').wait_for()
        take(page, sight, width)
        page.context.close()


def of_width(width: int) -> dict:
    return {"width": width, "height": SIZES[width]}


def take(page: Page, sight: Sight, width: int) -> None:
    page.locator("#desktop:has(iframe) .panel").wait_for(state="hidden")
    page.wait_for_timeout(600 if page.locator("iframe").count() else 250)  # pictures in frames, the socket
    for colours, media in COLOURS.items():
        page.emulate_media(**{"color_scheme": "light", "forced_colors": "none", **media})
        page.screenshot(path=TARGET / f"{sight.name}-{colours}-{width}.png")


def write_index() -> None:
    shown = []
    for sight in [*SIGHTS, *OFFLINE]:
        names = [f"{sight.name}-{colours}-{width}.png" for width in SIZES for colours in COLOURS]
        pictures = "".join(
            f'<a href="{name}"><img src="{name}" height="300" loading="lazy" alt="{name}"></a>'
            for name in names
            if (TARGET / name).exists()
        )
        if pictures:
            shown.append(f"<h2>{escape(sight.name)}</h2><p>{pictures}</p>")
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Pictures</title>{"".join(shown)}</html>'
    )
    (TARGET / "index.html").write_text(page)


if __name__ == "__main__":
    main()
