"""A page that loses the server says so, and shows the truth again when it is back."""

import pytest
from playwright.sync_api import expect

from tests.browser.driving import launch, sign_in, status
from tests.served import KEY, Served


@pytest.fixture
def serve(simulator, tmp_path):
    started = []

    def start(port="") -> Served:
        live = {"GIGA_API_KEY": KEY, "GIGA_API_URL": simulator.url}
        started.append(Served(tmp_path / "data", PORT=str(port), **live).start().ready())
        return started[-1]

    yield start
    for served in started:
        served.kill()


def test_a_killed_server_is_noticed_and_the_page_catches_up_by_itself(page, serve):
    served = serve()
    sign_in(page, served)
    launch(page, "Survives a restart")
    expect(status(page)).to_have_attribute("data-status", "running", timeout=30_000)
    page.evaluate("window.mark = 'never loaded anew'")
    served.kill()
    banner = page.get_by_text("Live updates paused since")
    expect(banner).to_be_visible()
    serve(served.port)
    expect(banner).to_be_hidden(timeout=40_000)
    expect(status(page)).to_have_attribute("data-status", "completed", timeout=40_000)
    assert page.evaluate("window.mark") == "never loaded anew"


def test_the_list_catches_up_too(page, serve):
    served = serve()
    sign_in(page, served)
    run = launch(page, "Seen after a restart")
    page.goto(f"{served.url}/runs/")
    row = page.locator(f"tr#run-{run}")
    expect(row).to_be_visible()
    served.kill()
    expect(page.get_by_text("Live updates paused since")).to_be_visible()
    serve(served.port)
    expect(row).to_have_attribute("data-status", "completed", timeout=60_000)
