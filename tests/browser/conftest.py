"""A real Chromium, a real `serve`, a real simulated Giga: one of each for all tests of a worker."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect
from playwright.sync_api._generated import Tracing

from simulator.app import Config
from simulator.server import start_in_thread
from tests.browser.driving import ARGUMENTS, Giga, sign_in
from tests.browser.teams import Team, Teams
from tests.frozen import Frozen, make_rows
from tests.prepared import copy_prepared, prepared_serve, static_files
from tests.served import KEY, Served

CHROMIUM = os.environ.get("CHROMIUM", "")
# What is awaited comes at once, but on a machine that others use.
PATIENCE_MS = 60_000
# Runs are soon over, unless a test holds them; what does not end by itself does not within any test.
GIGA = Config(speed=4, queued_s=1, booting_s=2, run_seconds=8, sandbox_s=360_000)
DESKTOP = {"width": 1440, "height": 900}
expect.set_options(timeout=PATIENCE_MS)


def pytest_itemcollected(item):
    item.add_marker(pytest.mark.browser)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Browsers come last: one that is open holds the loop that asynchronous tests need. Of these, what stays
    on one worker comes first, so that the others have something to do meanwhile."""

    def turn(item):
        is_browser = bool(item.get_closest_marker("browser"))
        return is_browser, is_browser and not item.get_closest_marker("xdist_group")

    items.sort(key=turn)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    if not CHROMIUM and not os.environ.get("CI"):
        pytest.skip("NO CHROMIUM was found, so nothing was tried in a browser; set CHROMIUM")
    assert CHROMIUM, "CI needs a Chromium: set CHROMIUM"
    return {
        **browser_type_launch_args,
        "executable_path": CHROMIUM,
        "args": ARGUMENTS,
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    """For a reader who asked for less motion: without a graphics card a dot that pulses takes half a core."""
    return {**browser_context_args, "reduced_motion": "reduce"}


@pytest.fixture(scope="session", autouse=True)
def plain_traces():
    """What is kept of a test that failed: what was done, asked for and said, without a film and without each
    page's whole content."""
    start = Tracing.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tracing, "start", lambda tracing, **_film: start(tracing))
        yield


@pytest.fixture
def context(new_context):
    """A script error or a violation of the content policy on any of its pages fails the test."""
    context = new_context(viewport=DESKTOP)
    context.set_default_timeout(PATIENCE_MS)
    problems = []

    def listen(message):
        # A desktop that is gone when its frame asks for it is answered by a page of ours: none may frame it.
        if "Content Security Policy" in message.text and "frame-ancestors 'none'" not in message.text:
            problems.append(message.text)

    context.on("weberror", lambda error: problems.append(f"{error.error}"))
    context.on("console", listen)
    yield context
    context.close()
    assert problems == []


@pytest.fixture(scope="session")
def simulator(browser):
    """A simulated Giga that lives four times as fast. Tests give each prompt its own scenario."""
    simulator = start_in_thread(GIGA)
    yield simulator
    simulator.stop()


@pytest.fixture
def giga(simulator):
    """What the simulated Giga does in this test, for tests of what would pass before a busy machine looks."""
    giga = Giga(simulator.url, GIGA)
    yield giga
    giga.hold_nothing()


@pytest.fixture(scope="session")
def serve(simulator, tmp_path_factory):
    """A function that starts a server: on this folder, or on a new one."""
    with ExitStack() as in_the_end:

        def start(data: Path | None = None, **env) -> Served:
            data = data or tmp_path_factory.mktemp("served") / "data"
            # It is killed in the end, and so has nothing to tell of what it ran.
            unmeasured = {"COVERAGE_PROCESS_CONFIG": ""}
            live = {"GIGA_API_KEY": KEY, "GIGA_API_URL": simulator.url}
            served = prepared_serve(data, **unmeasured, **live, **env)
            in_the_end.callback(served.kill)
            return served.start().ready()

        yield start


@pytest.fixture(scope="session")
def teams(serve):
    """On the server that tests share: each of its teams has a key, and so a budget, of its own."""
    teams = Teams(serve())
    yield teams
    teams.stop()
    teams.served.kill()


@pytest.fixture
def team(teams):
    with teams.team() as team:
        yield team


@pytest.fixture
def signed_in(page, team: Team):
    """A page that is signed in, on the runs list, and hears what is pressed and pushed."""
    sign_in(page, team)
    expect(page.locator("body")).to_have_attribute("data-live", "live")
    return page


@pytest.fixture(scope="session")
def frozen_rows(browser, tmp_path_factory):
    rows = make_rows(
        copy_prepared(tmp_path_factory.mktemp("frozen") / "rows"), STATIC_ROOT=str(static_files())
    )
    yield rows
    rows.simulator.stop()


@pytest.fixture(scope="module")
def frozen(frozen_rows, tmp_path_factory):
    """On a folder of its own: what one file presses, another does not see."""
    frozen = Frozen(tmp_path_factory.mktemp("frozen") / "data", frozen_rows)
    yield frozen
    frozen.freeze()
