"""A page that loses the server says so, and shows the truth again when it is back."""

import pytest
from playwright.sync_api import expect

from tests.browser.driving import launch, sign_in, status
from tests.live.proxy import Proxy
from tests.served import KEY, Served, eventually, free_port

# The live parts of a page as they are now, without what the clock alone changes in them.
LIVE_PARTS = """() => {
    const ids = ['run-head', 'run-actions', 'run-flag', 'run-alert', 'run-strip', 'run-bar', 'desktop',
                 'run-verdict', 'run-activity', 'run-notes', 'run-details', 'run-follow-up',
                 'list', 'chips', 'active-count'];
    const shown = {};
    for (const id of ids) {
        const part = document.getElementById(id)?.cloneNode(true);
        if (!part) continue;
        // What is pushed carries no token: the page sends its own as a header.
        for (const token of part.querySelectorAll('[name=csrfmiddlewaretoken]')) token.remove();
        for (const element of [part, ...part.querySelectorAll('*')]) {
            element.removeAttribute('data-htmx-powered');
            if (element.matches('time[data-relative], [data-left-until] span')) element.textContent = '';
        }
        shown[id] = part.outerHTML.replace(/\\s+/g, ' ').replace(/> </g, '><');
    }
    return shown;
}"""


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


@pytest.fixture
def behind_proxy(simulator, tmp_path):
    """A server that is reached through a proxy."""
    port, upstream_port = free_port(), free_port()
    proxy = Proxy(port, upstream_port)
    env = {"GIGA_API_KEY": KEY, "GIGA_API_URL": simulator.url, "SITE_URL": f"http://127.0.0.1:{port}"}
    served = Served(tmp_path / "data", PORT=str(upstream_port), **env).start().ready()
    served.url = f"http://127.0.0.1:{port}"
    yield served, proxy
    served.kill()
    proxy.close()
    assert "Traceback" not in served.said


def test_a_killed_server_is_noticed_and_the_page_catches_up_by_itself(page, serve, giga):
    giga.hold_at_work()
    served = serve()
    sign_in(page, served)
    launch(page, "Survives a restart")
    expect(status(page)).to_have_attribute("data-status", "running", timeout=30_000)
    page.evaluate("window.mark = 'never loaded anew'")
    served.kill()
    giga.let_on()
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


def assert_equals_a_fresh_page(page):
    fresh = page.context.new_page()
    fresh.goto(page.url)
    assert page.evaluate(LIVE_PARTS) == fresh.evaluate(LIVE_PARTS)
    fresh.close()


def test_sockets_that_fall_silent_for_a_minute_are_noticed_and_made_up_for(page, behind_proxy, giga):
    """The worst kind: every connection looks open, no byte passes, and plain HTTP works."""
    served, proxy = behind_proxy
    giga.hold_at_work()
    sign_in(page, served)
    first = launch(page, "Runs on in silence")
    expect(status(page)).to_have_attribute("data-status", "running", timeout=30_000)
    runs = page.context.new_page()
    runs.goto(f"{served.url}/runs/")
    expect(runs.locator("[data-live]:visible").first).to_have_attribute("data-live", "live")
    for tab in (page, runs):
        tab.evaluate("window.mark = 'never loaded anew'")

    proxy.swallow()
    session = served.signed_in()
    second = served.launch(session, "Launched in silence")
    # Both end long before two heartbeats are missed, after 41 s.
    eventually(lambda: served.status_of(session, second) == "running")
    giga.let_on()
    eventually(lambda: served.status_of(session, first) == served.status_of(session, second) == "completed")
    assert status(page).get_attribute("data-status") == "running"
    for tab in (page, runs):
        expect(tab.get_by_text("Live updates paused since")).to_be_visible(timeout=50_000)
    # Still without a socket, by plain questions.
    expect(status(page)).to_have_attribute("data-status", "completed", timeout=15_000)
    for run in (first, second):
        expect(runs.locator(f"tr#run-{run}")).to_have_attribute("data-status", "completed", timeout=15_000)
    page.wait_for_timeout(12_000)

    proxy.work()
    for tab in (page, runs):
        # A socket that does not open is given up after 10 s, and up to 6 s later another one is tried.
        expect(tab.get_by_text("Live updates paused since")).to_be_hidden(timeout=40_000)
    page.wait_for_timeout(2_000)
    for tab in (page, runs):
        assert_equals_a_fresh_page(tab)
        assert tab.evaluate("window.mark") == "never loaded anew"


def test_what_changed_while_sockets_were_cut_is_there_two_seconds_after(page, behind_proxy, giga):
    served, proxy = behind_proxy
    giga.hold_at_work()
    sign_in(page, served)
    session = served.signed_in()
    page.evaluate("window.mark = 'never loaded anew'")
    proxy.cut()
    expect(page.get_by_text("Live updates paused since")).to_be_visible()
    run = served.launch(session, "Launched while the list was away")
    eventually(lambda: served.status_of(session, run) == "running")
    giga.let_on()
    eventually(lambda: served.status_of(session, run) == "completed")
    proxy.work()
    # By then a socket is tried every 1 to 19 s.
    expect(page.get_by_text("Live updates paused since")).to_be_hidden(timeout=40_000)
    page.wait_for_timeout(2_000)
    expect(page.locator(f"tr#run-{run}")).to_have_attribute("data-status", "completed")
    assert_equals_a_fresh_page(page)
    assert page.evaluate("window.mark") == "never loaded anew"


def test_a_page_whose_reader_has_signed_out_elsewhere_asks_for_a_sign_in(page, behind_proxy):
    served, proxy = behind_proxy
    sign_in(page, served)
    launch(page, "Not for everybody")
    expect(page.locator("[data-live]:visible").first).to_have_attribute("data-live", "live")
    page.context.clear_cookies(name="gigawatch")
    proxy.cut()
    proxy.work()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_text("Not for everybody")).to_have_count(0)


def test_a_page_too_many_says_so_and_is_live_when_others_are_closed(signed_in):
    many = signed_in.context.new_page()
    many.goto(signed_in.url)
    expect(many.locator("[data-live]:visible").first).to_have_attribute("data-live", "live")
    signed_in.goto("about:blank")
    # With that of its page all twenty that one may have, however late the server notices who left.
    many.evaluate(
        """() => Promise.all(Array.from({length: 19}, () => new Promise((said) => {
            const open = () => {
                const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws/runs/");
                socket.onmessage = said;
                socket.onclose = () => setTimeout(open, 100);
            };
            open();
        })))"""
    )
    signed_in.goto(many.url)
    banner = signed_in.get_by_text("close some to see this one live")
    expect(banner).to_be_visible()
    many.close()
    expect(banner).to_be_hidden(timeout=40_000)
    expect(signed_in.locator("[data-live]").first).to_have_attribute("data-live", "live")
