"""What a person does in the browser, as functions."""

import re
from collections.abc import Callable

import requests
from playwright.sync_api import Page, Route

from simulator.app import Config
from tests.browser.teams import Team
from tests.served import PASSWORD, Served, eventually

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# What the cookie of a login is called.
LOGIN = re.compile(r"^gigawatch-\d+$")

DRAWN = """() => {
    const canvas = document.querySelector('canvas');
    if (!canvas || !canvas.width) return false;
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const colours = new Set();
    for (let i = 0; i < data.length; i += 3988) colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
    return colours.size > 4;
}"""


# In simulated seconds, and longer than any test.
LONG_S = 2400


class Giga:
    """A simulated Giga whose runs go on when they are told to."""

    def __init__(self, url: str, config: Config):
        self.url, self.config = url, config

    def hold_in_queue(self) -> None:
        """The runs that are launched next get no computer until they are let on."""
        self._set(queued_s=LONG_S)

    def hold_at_work(self) -> None:
        """The runs that are launched next work until they are let on."""
        self._set(run_seconds=LONG_S, sandbox_s=9 * LONG_S)

    def show(self, desktop_url: str) -> None:
        """The runs that are launched next have their desktop there."""
        self._set(desktop_url=desktop_url)

    def let_on(self, share: float = 1) -> None:
        """Runs that are held so come to the end of it, or a share of it passes."""
        self._tell("/_advance", {"seconds": share * LONG_S / self.config.speed})

    def hold_nothing(self) -> None:
        """The runs that are launched next go on by themselves."""
        names = ("queued_s", "run_seconds", "sandbox_s", "desktop_url")
        self._set(**{name: getattr(self.config, name) for name in names})

    def _set(self, **fields) -> None:
        self._tell("/_scenario", fields)

    def _tell(self, path: str, what: dict) -> None:
        requests.post(f"{self.url}{path}", json=what, timeout=10).raise_for_status()


def intercept(page: Page, address: str | re.Pattern, handler: Callable[[Route], object]) -> None:
    """Give this handler all requests to such addresses. Chromium says that it intercepts before an open page
    knows, whose next request could pass unseen: so this waits until one of the page's is caught."""
    page.route(address, handler)
    if page.url == "about:blank":
        return
    caught: list[Route] = []

    def catch(route: Route) -> None:
        caught.append(route)
        route.abort()

    page.route("**/healthz", catch)
    while not caught:
        page.evaluate("fetch('/healthz').catch(() => null)")
    page.unroute("**/healthz", catch)


class Held:
    """Requests to such addresses wait until they are let go."""

    def __init__(self, page: Page, address: str | re.Pattern):
        self.page = page
        self.routes: list[Route] = []
        self.is_open = False
        intercept(page, address, self._take)

    def _take(self, route: Route) -> None:
        if self.is_open:
            route.continue_()
        else:
            self.routes.append(route)

    def let_go(self) -> None:
        """Waits until there is one."""
        eventually(lambda: self.routes or self.page.wait_for_timeout(10))
        self.is_open = True
        for route in self.routes:
            route.continue_()


def sign_in(page: Page, served: Served | Team) -> None:
    """Signed in, on the runs list. By the form once, then by the same login: few tries a minute are let
    through."""
    page.context.add_cookies(served.login)
    page.goto(f"{served.url}/runs/")
    if page.url != f"{served.url}/runs/":
        sign_in_by_form(page, served)
        served.login = page.context.cookies()


def sign_in_by_form(page: Page, served: Served | Team) -> None:
    page.goto(f"{served.url}/accounts/login/")
    give_password(page, served.username)
    page.wait_for_url(f"{served.url}/runs/")


def give_password(page: Page, username: str) -> None:
    page.get_by_label("Name or e-mail").fill(username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def launch(page: Page, prompt: str, goal: str = "It is done.") -> int:
    """Launch by the form, as a person would; the new run's id."""
    page.get_by_role("link", name="Runs").first.click()
    page.get_by_role("link", name="New run").first.click()
    page.get_by_label("Task").fill(prompt)
    page.get_by_label("Done means").fill(goal)
    page.get_by_role("button", name="Launch", exact=False).first.click()
    page.wait_for_url(re.compile(r"/runs/\d+/$"))
    return int(page.url.rstrip("/").rsplit("/", 1)[-1])


def status(page: Page):
    return page.locator("#run-status")


def watch_statuses(page: Page) -> None:
    """Note in the page every status it shows, and whether it was ever loaded anew."""
    page.evaluate(
        """() => {
        window.seen = [];
        const look = () => {
            const now = document.querySelector('#run-status')?.dataset.status;
            if (now && window.seen.at(-1) !== now) window.seen.push(now);
        };
        look();
        new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
    }"""
    )


def wait_for_pixels(page: Page) -> None:
    page.locator("#desktop iframe").wait_for()
    for _ in range(100):
        for frame in page.frames[1:]:
            if frame.evaluate(DRAWN):
                return
        page.wait_for_timeout(100)
    raise AssertionError("the desktop shows no picture")
