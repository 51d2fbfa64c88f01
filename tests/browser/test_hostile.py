"""Markup in every field, with templates that escape nothing: the content policy alone keeps it from doing
anything. With templates as they are it never becomes markup, so that the policy has nothing to stop."""

import json
import os
import subprocess
import sys

import pytest
from playwright.sync_api import Request, Route

from tests.browser.walking import Console
from tests.frozen import NOT_PASSED_ON
from tests.prepared import copy_prepared
from tests.served import KEY, ROOT, Served, cookie_of

# On one worker: its servers are started once.
pytestmark = pytest.mark.xdist_group("hostile")

# Noted in each page before anything of it is read.
LISTEN = """
    window.stopped = [];
    const note = (event) => window.stopped.push(event.effectiveDirective);
    document.addEventListener('securitypolicyviolation', note);
"""
# Whatever an attribute waits for happens, and each link that is a program is followed.
PROVOKE = """() => {
    for (const element of document.querySelectorAll('*')) {
        for (const name of element.getAttributeNames().filter((name) => name.startsWith('on')))
            element.dispatchEvent(new Event(name.slice(2), {bubbles: true}));
    }
    const programs = [...document.querySelectorAll('a')].filter((link) => link.protocol === 'javascript:');
    for (const link of programs) link.click();
}"""

SUBMIT = """() => {
    for (const form of document.querySelectorAll('form[action^="//"]')) form.submit();
}"""


class Seen:
    """What happened on a page: whether a script ran, dialogs, requests to elsewhere, which addresses it
    opened, and what the policy stopped."""

    def __init__(self):
        self.ran = False
        self.dialogs, self.elsewhere, self.addresses = [], [], []
        self.stopped: set[str] = set()

    @property
    def harm(self) -> tuple:
        return self.ran, self.dialogs, self.elsewhere


class Eyes:
    """A browser's page, signed in to a served Gigawatch."""

    def __init__(self, new_context, served: Served, login: str, **options):
        self.served, self.seen = served, Seen()
        known = (served.url, served.env["GIGA_API_URL"])  # where desktops are
        self.context = new_context(**options)
        self.context.add_cookies([{"name": cookie_of(served.url), "value": login, "url": served.url}])
        self.context.add_init_script(LISTEN)
        self.context.route(lambda url: not url.startswith(known), self._refuse)
        self.page = self.context.new_page()
        self.console = Console(self.page, served.url)
        self.page.on("dialog", lambda dialog: self.seen.dialogs.append(dialog.message))
        self.page.on("request", self._note)

    def look(self, path: str) -> Seen:
        """Open a page, let happen whatever may, and say what did."""
        self.seen = seen = Seen()
        self.page.goto(self.served.url + path)
        self.page.evaluate(PROVOKE)
        self.console.settle()
        seen.ran = self.page.evaluate("'pwned' in window")
        seen.stopped = set(self.page.evaluate("window.stopped"))
        return seen

    def send_forms(self) -> set[str]:
        """Send each form that goes elsewhere, until the policy stops one; what it stopped by then."""
        self.page.evaluate(SUBMIT)
        self.page.wait_for_function("() => window.stopped.includes('form-action')")
        return set(self.page.evaluate("window.stopped"))

    def _refuse(self, route: Route) -> None:
        self.seen.elsewhere.append(route.request.url)
        route.abort()

    def _note(self, request: Request) -> None:
        if request.is_navigation_request() and request.frame.parent_frame is None:
            self.seen.addresses.append(request.url.removeprefix(self.served.url))


@pytest.fixture(scope="module")
def filled(serve, simulator, tmp_path_factory):
    """A function that starts a Gigawatch full of markup under other settings; the rows are made once, and a
    server under the same settings is started once."""
    data = copy_prepared(tmp_path_factory.mktemp("hostile") / "data")
    giga = {"GIGA_API_KEY": KEY, "GIGA_API_URL": simulator.url}
    plain = {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)}
    made = subprocess.run(
        [sys.executable, "-m", "tests.hostile_rows", simulator.url],
        cwd=ROOT,
        env={**plain, **giga, "GIGAWATCH_DATA": str(data)},
        check=True,
        capture_output=True,
        text=True,
    )
    login, paths, apart = json.loads(made.stdout.splitlines()[-1]).values()
    served = {}

    def start(**env) -> tuple[Served, str, list[str], str]:
        settings = tuple(env.items())
        if settings not in served:
            for before in served.values():
                before.kill()
            served.clear()
            served[settings] = serve(data, **env)
        return served[settings], login, paths, apart

    return start


UNESCAPED = {"DJANGO_SETTINGS_MODULE": "tests.unescaped"}
# What the markup tries, and each of these is stopped somewhere.
STOPPED = {"base-uri", "form-action", "img-src", "object-src", "script-src-attr", "script-src-elem"}


def test_the_policy_alone_keeps_markup_from_doing_anything(new_context, filled):
    served, login, paths, _apart = filled(**UNESCAPED)
    eyes, stopped = Eyes(new_context, served, login), set()
    for path in paths:
        seen = eyes.look(path)
        stopped |= seen.stopped
        assert (path, seen.harm, seen.addresses) == (path, (False, [], []), [path])
        assert seen.stopped, path
    eyes.look(paths[2])
    assert stopped | eyes.send_forms() >= STOPPED


def test_without_the_policy_it_does(new_context, filled):
    """What the other tests look for can be seen."""
    served, login, paths, _apart = filled(**UNESCAPED)
    eyes = Eyes(new_context, served, login, bypass_csp=True)
    seen = [eyes.look(path) for path in paths[2:4]]
    assert all(one.ran and one.dialogs and one.elsewhere for one in seen)


def test_attributes_of_htmx_in_markup_run_no_script_and_ask_nobody_else(new_context, filled):
    served, login, _paths, apart = filled(**UNESCAPED)
    eyes = Eyes(new_context, served, login)
    seen = eyes.look(apart)
    assert seen.harm == (False, [], []) and "connect-src" in seen.stopped


def test_templates_leave_the_policy_nothing_to_stop(new_context, filled):
    served, login, paths, apart = filled()
    eyes = Eyes(new_context, served, login)
    for path in [*paths, apart]:
        seen = eyes.look(path)
        assert (path, seen.harm, seen.addresses, seen.stopped) == (path, (False, [], []), [path], set())
