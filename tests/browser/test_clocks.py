"""The clock of the machine a page is read on may be wrong, and may be set while the page is open."""

import re

from playwright.sync_api import expect

SHIFT = """([name, hours]) => {
    const clock = window[name];
    const then = clock.now.bind(clock);
    clock.now = () => then() + hours * 3600000;
}"""


def test_a_clock_that_is_set_while_a_page_is_open_changes_no_duration(page, frozen):
    """marein/php-gaming-website #285, gearpump #1479, m-lab/ndt-server #379, newrelic-browser-agent #1739."""
    frozen.sign_in(page.context, "every")
    page.goto(frozen.address("/runs/{running}/"))
    body, warning = page.locator("body"), page.locator("#time-warning")
    expect(body).to_have_attribute("data-live", "live")
    minutes = re.compile(r"^● Running \d+:\d\d · ")
    for hours in (2, -5, 0.93):
        with page.expect_websocket():
            page.evaluate(SHIFT, ["Date", hours])
            page.wait_for_function("() => new Promise((done) => setTimeout(done, 1100, true))")
            expect(page).to_have_title(minutes)
        expect(warning).to_be_hidden()
        expect(page.locator("#banner")).to_be_hidden()
        expect(body).to_have_attribute("data-live", "live")
    # A page that slept counts on where it stopped, another one has counted too far: until it is told.
    for hours in (-2, 4):
        page.evaluate(SHIFT, ["performance", hours])
        page.evaluate("document.querySelector('[data-reconnect]').click()")
        expect(page).to_have_title(minutes)
        expect(body).to_have_attribute("data-live", "live")
    expect(page.locator("[data-warn] [data-left-until]")).to_contain_text("min")


def test_a_zone_that_the_browser_does_not_know_stops_nothing_on_the_page(frozen, context):
    """A chosen zone may be younger than the browser, or no name of the world's."""
    page = context.new_page()
    frozen.sign_in(context, "every")
    page.goto(frozen.address("/wall/"))
    own = page.evaluate("new Date().toLocaleString('en-GB', { timeZoneName: 'short' }).split(' ').at(-1)")
    page.evaluate("document.documentElement.dataset.zone = 'Mars/Olympus'")
    page.evaluate("document.querySelector('#wall-date').textContent = ''")
    expect(page.locator("#wall-date")).to_contain_text(own)
