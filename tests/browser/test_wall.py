"""The wall in a browser: six frames at most, none loaded twice, kiosk, keys, a flag answered from a tile."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.driving import sign_in
from tests.browser.teams import Team
from tests.served import PATIENCE_S, csrf_token_of, eventually

# On one worker: its runs are started once.
pytestmark = pytest.mark.xdist_group("wall")


@pytest.fixture(scope="module")
def team(teams):
    """With eight runs that do not end."""
    with teams.team(working=8) as team:
        yield team


@pytest.fixture
def wall(page, team):
    """A wall of eight active runs. Notes how often each frame is loaded."""
    sign_in(page, team)
    loads = {}

    def note(frame):
        if match := re.search(r"/runs/(\d+)/desktop/$", frame.url):
            loads[int(match[1])] = loads.get(int(match[1]), 0) + 1

    page.on("framenavigated", note)
    page.goto(f"{team.url}/wall/")
    expect(page.locator(".tile")).to_have_count(8)
    expect(frames(page)).to_have_count(6)
    eventually(lambda: page.wait_for_timeout(50) or len(loads) == 6)
    page.loads = loads
    return page


def frames(page):
    return page.locator(".wall iframe")


def live_runs(page) -> set[int]:
    return set(page.eval_on_selector_all(".place:has(iframe) .tile", "all => all.map(t => +t.id.slice(5))"))


def places(page) -> list[int]:
    """The tiles as a person sees them."""
    script = """all => all.sort((a, b) => a.style.order - b.style.order)
        .map((place) => +place.firstElementChild.id.slice(5))"""
    return page.eval_on_selector_all(".place", script)


def in_document(page) -> list[int]:
    return page.eval_on_selector_all(".tile", "all => all.map(t => +t.id.slice(5))")


def minutes_left(tile) -> int:
    said = re.search(r"~(?:(\d+) h)? ?(?:(\d+) min)?", tile.locator("[data-left-until]").inner_text())
    hours, minutes = (int(number or 0) for number in said.groups())
    return 60 * hours + minutes


class Colleague:
    """What somebody does elsewhere, which every page is told of."""

    def __init__(self, team: Team):
        self.url, self.session = team.url, team.signed_in()

    def extend(self, run: int) -> None:
        page = self.session.get(f"{self.url}/runs/{run}/extend/question/", timeout=PATIENCE_S).text
        self._send(f"/runs/{run}/extend/", token=page.split('name="token" value="')[1].split('"')[0])

    def flag(self, run: int) -> None:
        self.session.get(f"{self.url}/runs/{run}/", timeout=PATIENCE_S)
        self._send(f"/runs/{run}/flag/", needs="it asks for the code")

    def _send(self, path: str, **form) -> None:
        form["csrfmiddlewaretoken"] = csrf_token_of(self.session)
        answer = self.session.post(
            self.url + path, form, headers={"Referer": self.url}, timeout=PATIENCE_S, allow_redirects=False
        )
        assert answer.status_code == 302, answer.text


def test_six_frames_at_most_and_a_chosen_one_takes_the_place_of_the_least_needed(wall):
    expect(wall.locator("[data-wall-count]").first).to_have_text("6 live of 8 active")
    before, order = live_runs(wall), places(wall)
    resting = next(run for run in order if run not in before)
    wall.locator(f"#tile-{resting} [data-watch]").click()
    expect(wall.locator(f"#tile-{resting} iframe")).to_have_count(1)
    assert frames(wall).count() == 6
    assert before - live_runs(wall) == {[run for run in order if run in before][-1]}
    expect(wall.locator(f"#tile-{resting} .tile-link")).to_be_focused()


def test_frames_are_sandboxed_and_nobody_reaches_into_them(wall):
    for frame in frames(wall).all():
        assert frame.get_attribute("sandbox") == "allow-scripts allow-same-origin"
        assert frame.get_attribute("inert") is not None and frame.get_attribute("loading") == "lazy"
        assert re.fullmatch(r"/runs/\d+/desktop/", frame.get_attribute("src"))
    assert ":6080" not in wall.content() and "vnc.html" not in wall.content()


def test_a_push_and_a_new_order_reload_no_frame(wall, team):
    loads, document = dict(wall.loads), in_document(wall)
    last = [run for run in places(wall) if run in live_runs(wall)][-1]
    wall.evaluate("window.mark = 'never loaded anew'")
    # A flag brings the last of the live tiles to the first place.
    colleague = Colleague(team)
    colleague.flag(last)
    tile = wall.locator(f"#tile-{last}")
    expect(wall.locator(f"#tile-{last}.needs")).to_have_count(1)
    eventually(lambda: wall.wait_for_timeout(50) or places(wall)[0] == last)
    left = minutes_left(tile)
    colleague.extend(last)
    eventually(lambda: wall.wait_for_timeout(50) or minutes_left(tile) == left + 15)
    assert in_document(wall) == document
    assert wall.loads == loads and frames(wall).count() == 6
    assert wall.evaluate("window.mark") == "never loaded anew"

    # And it is answered from the tile.
    tile.get_by_role("button", name="I take it").click()
    expect(tile).to_contain_text(f"{team.username} sees to it")
    expect(wall.locator(".tile.needs")).to_have_count(0)
    assert wall.loads == loads


def test_kiosk_hides_the_controls_and_reloads_nothing(wall):
    loads = dict(wall.loads)
    wall.keyboard.press("f")
    line = wall.locator(".kiosk-line")
    expect(line).to_be_visible()
    expect(line).to_contain_text("6 live of 8 active")
    expect(line.locator("#wall-clock")).to_have_text(re.compile(r"\d\d:\d\d$"))
    for hidden in (".side", ".wall-head"):
        expect(wall.locator(hidden)).to_be_hidden()
    assert "kiosk=1" in wall.url and round(line.bounding_box()["height"]) == 36
    wall.keyboard.press("Escape")
    expect(wall.locator(".wall-head")).to_be_visible()
    assert "kiosk" not in wall.url and wall.loads == loads


def test_a_wall_on_a_screen_is_one_link(wall, team):
    wall.goto(f"{team.url}/wall/?kiosk=1&layout=2x2&live=3")
    expect(wall.locator(".kiosk-line")).to_contain_text("3 live of 8 active")
    expect(wall.locator(".place:visible")).to_have_count(3)
    expect(frames(wall)).to_have_count(3)


def test_a_wall_has_as_many_columns_as_it_has_large_tiles_for(wall, team):
    for live, columns in ((6, 3), (4, 2), (3, 2), (2, 2), (1, 1)):
        wall.goto(f"{team.url}/wall/?live={live}")
        expect(frames(wall)).to_have_count(live)
        edges = wall.eval_on_selector_all(".is-large", "all => all.map(place => place.offsetLeft)")
        assert len({*edges}) == columns


def test_keys_move_jump_open_and_ask_before_they_extend(wall, team):
    focused = "+document.activeElement.closest('.tile')?.id.slice(5) || 0"

    def press(key: str) -> int:
        """The place of the tile that has the focus then."""
        wall.keyboard.press(key)
        return places(wall).index(wall.evaluate(focused))

    assert [press(key) for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp", "3")] == [
        0,
        1,
        4,
        1,
        2,
    ]
    wall.keyboard.press("e")
    dialog = wall.get_by_role("dialog", name="15 more minutes?")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert press("7") == 6
    run = wall.evaluate(focused)
    expect(wall.locator(f"#tile-{run} iframe")).to_have_count(0)
    wall.keyboard.press("Enter")
    expect(wall.locator(f"#tile-{run} iframe")).to_have_count(1)
    wall.keyboard.press("Enter")
    wall.wait_for_url(f"{team.url}/runs/{run}/")


def test_a_phone_shows_one_column_and_no_frame_until_one_is_tapped(wall):
    wall.set_viewport_size({"width": 390, "height": 844})
    expect(frames(wall)).to_have_count(0)
    tile = wall.locator(f"#tile-{places(wall)[1]}")
    tile.locator("[data-watch]").click()
    expect(frames(wall)).to_have_count(1)
    assert len({round(box.bounding_box()["x"]) for box in wall.locator(".tile").all()}) == 1
