"""A page that loses the server says so, and shows the truth again when it is back."""

import pytest
from playwright.sync_api import expect

from tests.browser.driving import LOGIN, launch, sign_in, status
from tests.live.proxy import Proxy
from tests.served import eventually, free_port

# On one worker: its server is started once.
pytestmark = pytest.mark.xdist_group("away and back")

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
            // Where a push made one element of another, its attributes stand in another order.
            for (const {name, value} of [...element.attributes].sort((a, b) => (a.name < b.name ? -1 : 1))) {
                element.removeAttribute(name);
                element.setAttribute(name, value);
            }
            if (element.matches('time[data-relative], [data-left-until] span')) element.textContent = '';
        }
        shown[id] = part.outerHTML.replace(/\\s+/g, ' ').replace(/> </g, '><');
    }
    return shown;
}"""


@pytest.fixture(scope="module")
def behind_proxy(serve):
    """A server that is reached through a proxy."""
    port, upstream_port = free_port(), free_port()
    proxy = Proxy(port, upstream_port)
    served = serve(PORT=str(upstream_port), SITE_URL=f"http://127.0.0.1:{port}")
    served.url = f"http://127.0.0.1:{port}"
    yield served, proxy
    served.kill()
    proxy.close()
    assert "Traceback" not in served.said


@pytest.fixture
def page(page):
    """A page whose clock a test moves on, as that of all pages beside it."""
    page.clock.install()
    return page


def paused(page):
    return page.get_by_text("Live updates paused since")


def expect_live(page):
    expect(page.locator("[data-live]:visible").first).to_have_attribute("data-live", "live")


def assert_equals_a_fresh_page(page):
    """Soon: what was pushed while a page was fetched comes after it."""
    fresh = page.context.new_page()

    def is_equal():
        fresh.goto(page.url)
        return page.evaluate(LIVE_PARTS) == fresh.evaluate(LIVE_PARTS)

    eventually(is_equal)
    fresh.close()


def open_list_and_run(page, served, prompt: str):
    """A run that works, and the list beside it; both would tell if they were loaded anew."""
    sign_in(page, served)
    run = launch(page, prompt)
    expect(status(page)).to_have_attribute("data-status", "running")
    runs = page.context.new_page()
    runs.goto(f"{served.url}/runs/")
    for tab in (page, runs):
        expect_live(tab)
        tab.evaluate("window.mark = 'never loaded anew'")
    return run, runs


def expect_row(page, run: int, word: str):
    expect(page.locator(f"tr#run-{run}")).to_have_attribute("data-status", word)


def test_a_killed_server_is_noticed_and_its_pages_catch_up_by_themselves(page, behind_proxy, giga):
    served, _proxy = behind_proxy
    giga.hold_at_work()
    run, runs = open_list_and_run(page, served, "Survives a restart")
    served.kill()
    giga.let_on()
    for tab in (page, runs):
        expect(paused(tab)).to_be_visible()
    served.start().ready()
    # By then a socket is tried every 1 to 19 s.
    page.clock.fast_forward(20_000)
    for tab in (page, runs):
        expect(paused(tab)).to_be_hidden()
    expect(status(page)).to_have_attribute("data-status", "completed")
    expect_row(runs, run, "completed")
    for tab in (page, runs):
        assert tab.evaluate("window.mark") == "never loaded anew"


def test_sockets_that_fall_silent_for_a_minute_are_noticed_and_made_up_for(page, behind_proxy, giga):
    """The worst kind: every connection looks open, no byte passes, and plain HTTP works."""
    served, proxy = behind_proxy
    giga.hold_at_work()
    first, runs = open_list_and_run(page, served, "Runs on in silence")

    proxy.swallow()
    session = served.signed_in()
    second = served.launch(session, "Launched in silence")
    eventually(lambda: served.status_of(session, second) == "running")
    giga.let_on()
    eventually(lambda: served.status_of(session, first) == served.status_of(session, second) == "completed")
    assert status(page).get_attribute("data-status") == "running"
    # Two heartbeats are missed, which come every 20 s.
    page.clock.fast_forward(42_000)
    for tab in (page, runs):
        expect(paused(tab)).to_be_visible()
    # Still without a socket, by plain questions.
    expect(status(page)).to_have_attribute("data-status", "completed")
    for run in (first, second):
        expect_row(runs, run, "completed")
    # The next sockets fall silent, too.
    page.clock.fast_forward(12_000)
    page.clock.fast_forward(6_000)
    for tab in (page, runs):
        expect(paused(tab)).to_be_visible()

    proxy.work()
    # A socket that does not open is given up after 10 s, and up to 6 s later another one is tried.
    page.clock.fast_forward(11_000)
    page.clock.fast_forward(6_000)
    for tab in (page, runs):
        expect(paused(tab)).to_be_hidden()
        expect_live(tab)
        assert_equals_a_fresh_page(tab)
        assert tab.evaluate("window.mark") == "never loaded anew"


def test_what_changed_while_sockets_were_cut_is_there_when_they_are_back(page, behind_proxy, giga):
    served, proxy = behind_proxy
    giga.hold_at_work()
    sign_in(page, served)
    expect_live(page)
    session = served.signed_in()
    page.evaluate("window.mark = 'never loaded anew'")
    proxy.cut()
    expect(paused(page)).to_be_visible()
    run = served.launch(session, "Launched while the list was away")
    eventually(lambda: served.status_of(session, run) == "running")
    giga.let_on()
    eventually(lambda: served.status_of(session, run) == "completed")
    proxy.work()
    # By then a socket is tried every 1 to 19 s.
    page.clock.fast_forward(20_000)
    expect(paused(page)).to_be_hidden()
    expect_live(page)
    expect_row(page, run, "completed")
    assert_equals_a_fresh_page(page)
    assert page.evaluate("window.mark") == "never loaded anew"


def test_a_page_whose_reader_has_signed_out_elsewhere_asks_for_a_sign_in(page, behind_proxy):
    served, proxy = behind_proxy
    sign_in(page, served)
    launch(page, "Not for everybody")
    expect_live(page)
    page.context.clear_cookies(name=LOGIN)
    proxy.cut()
    proxy.work()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_text("Not for everybody")).to_have_count(0)


def test_a_page_too_many_says_so_and_is_live_when_others_are_closed(signed_in):
    many = signed_in.context.new_page()
    many.goto(signed_in.url)
    expect_live(many)
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
    # A socket is tried every 10 s, and the server notices who left when it does.
    eventually(lambda: signed_in.clock.fast_forward(10_000) or not banner.is_visible(), every_s=0.5)
    expect_live(signed_in)
