"""A real Chromium, a real `serve`, a real simulated Giga."""

import os

import pytest
from playwright.sync_api import expect, sync_playwright

from simulator.app import Config
from simulator.server import start_in_thread
from tests.browser.driving import ARGUMENTS, Giga, sign_in
from tests.frozen import Frozen
from tests.served import KEY, Served

CHROMIUM = os.environ.get("CHROMIUM", "")
# What is awaited comes at once, but on a machine that others use.
PATIENCE_MS = 60_000
GIGA = Config(speed=4, run_seconds=60)
expect.set_options(timeout=PATIENCE_MS)


def pytest_itemcollected(item):
    item.add_marker(pytest.mark.browser)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Browsers come last: one that is open holds the loop that asynchronous tests need."""
    items.sort(key=lambda item: bool(item.get_closest_marker("browser")))


@pytest.fixture(scope="session")
def chromium():
    if not CHROMIUM and not os.environ.get("CI"):
        pytest.skip("NO CHROMIUM was found, so nothing was tried in a browser; set CHROMIUM")
    assert CHROMIUM, "CI needs a Chromium: set CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page of its own context. A script error or a violation of the content policy fails the test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    problems = []
    page.on("pageerror", lambda error: problems.append(f"{error}"))
    page.on(
        "console",
        lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None,
    )
    yield page
    context.close()
    assert problems == []


@pytest.fixture(scope="module")
def simulator():
    """A simulated Giga that lives four times as fast. Tests give each prompt its own scenario.

    Each file has its own, and its own dashboard: all launches of one key share its 60 requests a minute, and
    runs of another file would wait in their queue."""
    simulator = start_in_thread(GIGA)
    yield simulator
    simulator.stop()


@pytest.fixture
def giga(simulator):
    """What the simulated Giga does in this test, for tests of what would pass before a busy machine looks."""
    giga = Giga(simulator.url, GIGA)
    yield giga
    giga.hold_nothing()


@pytest.fixture(scope="module")
def served(simulator, tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("served") / "data", GIGA_API_KEY=KEY, GIGA_API_URL=simulator.url)
    served.start().ready()
    yield served
    served.kill()
    assert "Traceback" not in served.said
    assert KEY not in served.said


@pytest.fixture
def signed_in(page, served):
    """A page that is signed in, on the runs list."""
    sign_in(page, served)
    return page


@pytest.fixture(scope="module")
def frozen(chromium, tmp_path_factory):
    """Started after Chromium was asked for: without one nothing is tried."""
    frozen = Frozen(tmp_path_factory.mktemp("frozen") / "data")
    yield frozen
    frozen.stop()
