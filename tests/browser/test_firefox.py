"""The main job once in a real Firefox: what only another browser finds."""

import os

import pytest

from tests.browser.driving import DRAWN
from tests.browser.firefox import Firefox, find_firefox
from tests.served import PASSWORD, PATIENCE_S, csrf_token_of, eventually

# On one worker: there is one Firefox.
pytestmark = pytest.mark.xdist_group("firefox")

STATUS_IS = "(selector, status) => document.querySelector(selector)?.dataset.status === status"
COUNT_IS = "(selector, count) => document.querySelectorAll(selector).length === count"
IS_LIVE = "() => document.body.dataset.live === 'live'"

GO_WRONG = """() => {
    document.body.append(Object.assign(document.createElement('script'), {textContent: 'nothing.there'}));
    setTimeout(() => nothing.here);
}"""


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    program = find_firefox()
    if not program and not os.environ.get("CI"):
        pytest.skip("NO FIREFOX was found, so nothing was tried in one; set FIREFOX")
    assert program, "CI needs a Firefox: set FIREFOX"
    firefox = Firefox(program, tmp_path_factory.mktemp("firefox") / "profile")
    yield firefox
    firefox.close()


# The tiles in the order of the document, which must be the seen one.
ORDER = """() => {
    const places = [...document.querySelectorAll('.place')];
    const isSeen = places.every((place, i) => !i || +places[i - 1].style.order < +place.style.order);
    return isSeen ? places.map((place) => +place.firstElementChild.id.slice(5)) : [];
}"""
COUNT_LOADS = """() => {
    window.loads = 0;
    const count = () => loads++;
    for (const frame of document.querySelectorAll('.tile iframe')) frame.addEventListener('load', count);
}"""


def flag(team, run: int) -> None:
    session = team.signed_in()
    session.get(f"{team.url}/runs/{run}/", timeout=PATIENCE_S)
    form = {"needs": "it asks for the code", "csrfmiddlewaretoken": csrf_token_of(session)}
    address = f"{team.url}/runs/{run}/flag/"
    session.post(address, form, headers={"Referer": team.url}, timeout=PATIENCE_S).raise_for_status()


def launch(firefox: Firefox, url: str, prompt: str) -> str:
    """Launches by keys; the path of the new run, once it runs and its desktop shows a picture."""
    firefox.open(f"{url}/runs/")
    firefox.until(IS_LIVE)
    firefox.press("n")
    firefox.until_path("/runs/new/")
    firefox.write("[name=user_prompt]", prompt)
    firefox.write("[name=goal_prompt]", "There is a number.")
    firefox.press("Control", "Enter")
    firefox.until_path(r"/runs/\d+/")
    firefox.until(STATUS_IS, "#run-status", "running")
    firefox.until(DRAWN, in_a_frame=True)
    return firefox.evaluate("() => location.pathname")


def test_runs_are_launched_watched_and_found_in_firefox(firefox, team, giga):
    giga.hold_at_work()
    firefox.open(f"{team.url}/accounts/login/")
    firefox.write("[name=login]", team.username)
    firefox.write("[name=password]", PASSWORD)
    firefox.press("Enter")
    firefox.until_path("/runs/")

    a_page = launch(firefox, team.url, "Count the zebras")
    a_stream = launch(firefox, team.url, "Count the giraffes [scenario:vnc-ws]")

    firefox.open(f"{team.url}/wall/")
    firefox.until(COUNT_IS, ".tile iframe", 2)
    firefox.until(DRAWN, in_a_frame=True)
    firefox.click(".wall-head h1")  # nothing moves under the pointer
    firefox.evaluate(COUNT_LOADS)
    # What needs somebody comes first, also for Tab, and no frame is loaded for it anew.
    last = firefox.evaluate(ORDER)[-1]
    flag(team, last)
    firefox.until(f"() => ({ORDER})()[0] === {last}")
    assert firefox.evaluate("() => window.loads") == 0

    firefox.press("Control", "k")
    firefox.write("#palette [name=q]", "zebras")
    firefox.until(
        "(path) => document.querySelector('#found [aria-selected=true]')?.pathname === path", a_page
    )
    firefox.press("Enter")
    firefox.until_path(a_page)

    firefox.open(f"{team.url}/runs/")
    firefox.until(IS_LIVE)
    firefox.evaluate("() => (window.isTheSame = true)")
    giga.let_on()
    for path in (a_page, a_stream):
        firefox.until(STATUS_IS, f"tr#run-{path.split('/')[2]}", "completed")
    assert firefox.evaluate("() => window.isTheSame")
    assert firefox.problems == []


def test_what_goes_wrong_in_firefox_is_heard(firefox, team):
    firefox.problems.clear()
    firefox.open(f"{team.url}/accounts/login/")
    firefox.evaluate(GO_WRONG)
    eventually(lambda: firefox.evaluate("() => true") and len(firefox.problems) == 2)
    violation, error = sorted(firefox.problems)
    assert violation.startswith("Content-Security-Policy") and "inline script" in violation
    assert error == "ReferenceError: nothing is not defined"
