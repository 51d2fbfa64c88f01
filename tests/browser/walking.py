"""Opening pages and pressing what is on them, with the console open: no script error, nothing that the
content policy had to stop, no request that failed, no look-up of an empty id."""

import time
from collections import deque
from collections.abc import Callable, Iterable

from playwright.sync_api import Download, Error, Page, Request, Response

# All controls that can be seen, or that a menu or a dialog holds, each with its kind: what it looks like,
# where its form goes, what it is called; but no numbers and no texts of rows.
CONTROLS = r"""() => {
    const plain = (text) => text.replace(/\s+/g, ' ').trim().replace(/[0-9]+/g, '0');
    const says = (one) => {
        if (one.matches('a')) return one.pathname;
        if (one.matches('[type=radio], [type=checkbox]')) return one.value.slice(0, 20);
        const isNamed = one.matches('button, summary, [role=tab]');
        return isNamed ? plain(one.textContent || one.ariaLabel || '').slice(0, 20) : '';
    };
    const fields = 'button, select, input, textarea';
    const links = 'a[data-key], a[hx-get], a[data-kiosk], a[href="#"]';
    const all = document.querySelectorAll(`${fields}, ${links}, summary, [role=option]`);
    const isHeld = (one) => one.closest('details:not([open]), dialog, [popover], #bulk, .row-actions, .tile');
    window.controls = [...all].filter((one) => !one.disabled && (one.checkVisibility() || isHeld(one)));
    return window.controls.map((one) => {
        const action = one.form && (one.form.getAttribute('action') ?? location.pathname).split('?')[0];
        const form = one.form?.method === 'dialog' ? 'dialog' : action && `${action} form`;
        const parts = [one.localName, one.type, one.className, one.name, form, says(one)];
        return plain(parts.filter(Boolean).join(' '));
    });
}"""
PRESS = """(number) => {
    const one = window.controls[number];
    for (let menu = one; (menu = menu.parentElement.closest('details:not([open])')); ) menu.open = true;
    const row = one.form?.id === 'bulk' && document.querySelector('#rows [name=run]');
    if (row && !row.checked && row !== one) row.click();
    if (one.matches('select')) {
        one.selectedIndex = (one.selectedIndex + 1) % one.options.length;
        return one.dispatchEvent(new Event('change', {bubbles: true}));
    }
    if (one.matches('textarea, input:not([type=checkbox], [type=radio])')) return one.focus();
    for (const field of one.form?.querySelectorAll(':invalid') ?? []) field.value = 'Tried';
    one.click();
}"""
# How often this page has set out for another one. That is known here before anything is asked for.
COUNT_DEPARTURES = """
    window.departures = 0;
    if (window === top) {
        navigation.addEventListener('navigate', ({destination}) => (departures += !destination.sameDocument));
        navigation.addEventListener('navigateerror', () => (departures -= departures > 0));
    }
"""
# Firefox warns of it, where no test hears it.
HEAR_EMPTY_IDS = """
    const lookUp = Document.prototype.getElementById;
    Document.prototype.getElementById = function (id) {
        if (!id) console.error('an empty id was looked up');
        return lookUp.call(this, id);
    };
"""
TWO_FRAMES = """async () => {
    for (let i = 0; i < 2; i++) await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const departures = window.departures;
    window.departures = 0;
    return departures;
}"""
SETTLES_WITHIN_S = 30
LINKS = "() => [...document.links].map((link) => link.href)"


class Console:
    """What goes wrong in a browser, and what is under way."""

    def __init__(self, page: Page, url: str):
        self.page, self.url = page, url
        self.wrong: list[str] = []
        self.under_way: set[Request] = set()
        self.downloads: list[Download] = []
        self.departures = self.pages_asked_for = 0  # since it settled last
        self.where = ""
        page.add_init_script(COUNT_DEPARTURES)
        page.add_init_script(HEAR_EMPTY_IDS)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._note(f"script: {error}"))
        page.on("dialog", lambda dialog: dialog.dismiss())
        page.on("request", self._asked)
        page.on("requestfinished", lambda request: self.under_way.discard(request))
        page.on("requestfailed", lambda request: self.under_way.discard(request))
        page.on("response", self._answered)
        page.on("download", lambda download: self.downloads.append(download))

    def _note(self, what: str) -> None:
        self.wrong.append(f"{self.where}: {what}")

    def _said(self, message) -> None:
        # That an answer was not 200 is said below, with its address.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self._note(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        self.under_way.add(request)
        if request.is_navigation_request() and request.frame == self.page.main_frame:
            self.pages_asked_for += 1

    def _answered(self, response: Response) -> None:
        # 422 is how a form is refused, 429 how a second export while the first is on its way.
        is_refused = response.status == 422 or (response.status == 429 and "/runs/bulk/" in response.url)
        if response.url.startswith(self.url) and response.status >= 400 and not is_refused:
            self._note(f"{response.status} {response.request.method} {response.url}")

    def _note_broken(self, download: Download) -> None:
        """Waits for its end, which is later than what its request says."""
        if failure := download.failure():
            self._note(f"{failure}: {download.url}")

    def settle(self) -> None:
        """Wait until nothing is under way any more, nor set off by what has just come."""
        deadline = time.monotonic() + SETTLES_WITHIN_S
        while not self._is_settled():
            is_late = time.monotonic() > deadline
            assert not is_late, (self.where, self.departures, [request.url for request in self.under_way])
            self.page.wait_for_timeout(10)
        self.departures = self.pages_asked_for = 0

    def _is_settled(self) -> bool:
        if self.under_way:
            return False
        self.page.wait_for_load_state()
        while self.downloads:
            self._note_broken(self.downloads.pop())
        try:
            self.departures += self.page.evaluate(TWO_FRAMES)
        except Error:
            return False  # the page is gone already: another one is on its way
        return not self.under_way and self.departures <= self.pages_asked_for


def walk(
    page: Page, console: Console, addresses: Iterable[str], kind_of, at_each: Callable[[str], None]
) -> set:
    """From these addresses on, every page that links lead to, one of each kind: `kind_of` says which kind an
    address is of, None for what is not to be opened. Returns the kinds that were visited."""
    paths, visited = deque(addresses), set()
    while paths:
        address = paths.popleft()
        visited.add(kind_of(address))
        console.where = address
        page.goto(address)
        console.settle()
        at_each(address)
        for link in page.evaluate(LINKS):
            kind = kind_of(link) if link.startswith(console.url) else None
            if kind and kind not in visited:
                visited.add(kind)
                paths.append(link)
    return visited


def press_all(
    page: Page, console: Console, pressed: set[str], is_left: Callable[[str], object], read=lambda: None
) -> None:
    """Press each kind of control of this page that was not pressed before and is not to be left alone, and
    read what comes of it."""
    address = page.url
    while True:
        kinds = page.evaluate(CONTROLS)
        new = (kind for kind in kinds if kind not in pressed and not is_left(kind))
        chosen = next(new, None)
        if chosen is None:
            return
        pressed.add(chosen)
        console.where = f"{address} {chosen}"
        page.evaluate(PRESS, kinds.index(chosen))
        console.settle()
        read()
        if page.url.split("#")[0] != address.split("#")[0]:
            page.goto(address)
            console.settle()
