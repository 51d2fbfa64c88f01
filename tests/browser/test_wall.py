"""The wall in a browser: six frames at most, none loaded twice, kiosk, keys, a flag answered from a tile."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from simulator.app import Config
from simulator.server import start_in_thread
from tests.browser.driving import sign_in
from tests.served import KEY, ROOT, Served, eventually


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A dashboard of its own with eight runs that do not end: they would slow down everybody else's."""
    simulator = start_in_thread(Config(speed=4, sandbox_s=360_000))
    served = Served(tmp_path_factory.mktemp("wall") / "data", GIGA_API_KEY=KEY, GIGA_API_URL=simulator.url)
    session = served.start().ready().signed_in()
    runs = [served.launch(session, f"Stays {number} [scenario:never-ends]") for number in range(8)]
    for run in runs:
        eventually(lambda run=run: served.status_of(session, run) == "running", within_s=90)
    yield served
    served.kill()
    simulator.stop()
    assert "Traceback" not in served.said


@pytest.fixture
def wall(page, served):
    """A wall of eight active runs, whose clock stands still: its tiles would change places two minutes after
    their runs began. Notes how often each frame is loaded."""
    page.clock.set_fixed_time(datetime.now(UTC))
    sign_in(page, served)
    loads = {}

    def note(frame):
        if match := re.search(r"/runs/(\d+)/desktop/$", frame.url):
            loads[int(match[1])] = loads.get(int(match[1]), 0) + 1

    page.on("framenavigated", note)
    page.goto(f"{served.url}/wall/")
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


def colleague(served):
    """What a colleague does elsewhere: asks for extra time, which every page is told of."""
    session = served.signed_in()

    def extend(run):
        page = session.get(f"{served.url}/wall/{run}/extend/", timeout=10).text
        token = page.split('name="token" value="')[1].split('"')[0]
        form = {"token": token, "csrfmiddlewaretoken": session.cookies["gigawatch-csrf"]}
        answer = session.post(
            f"{served.url}/runs/{run}/extend/", form, headers={"Referer": served.url}, timeout=10
        )
        assert answer.ok

    return extend


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


def test_a_push_and_a_new_order_reload_no_frame(wall, served):
    loads, document = dict(wall.loads), in_document(wall)
    last = [run for run in places(wall) if run in live_runs(wall)][-1]
    wall.evaluate("window.mark = 'never loaded anew'")
    # A flag brings the last of the live tiles to the first place.
    flag(served, last)
    tile = wall.locator(f"#tile-{last}")
    # Another process's announcement rings no bell here; the next heartbeat tells of it.
    expect(wall.locator(f"#tile-{last}.needs")).to_have_count(1, timeout=30_000)
    eventually(lambda: wall.wait_for_timeout(50) or places(wall)[0] == last)
    left = minutes_left(tile)
    colleague(served)(last)
    eventually(lambda: wall.wait_for_timeout(50) or minutes_left(tile) == left + 15)
    assert in_document(wall) == document
    assert wall.loads == loads and frames(wall).count() == 6
    assert wall.evaluate("window.mark") == "never loaded anew"

    # And it is answered from the tile.
    tile.get_by_role("button", name="I take it").click()
    expect(tile).to_contain_text("admin sees to it")
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


def test_a_wall_on_a_screen_is_one_link(wall, served):
    wall.goto(f"{served.url}/wall/?kiosk=1&layout=2x2&live=3")
    expect(wall.locator(".kiosk-line")).to_contain_text("3 live of 8 active")
    expect(wall.locator(".place:visible")).to_have_count(3)
    expect(frames(wall)).to_have_count(3)


def test_keys_move_jump_open_and_ask_before_they_extend(wall, served):
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
    wall.wait_for_url(f"{served.url}/runs/{run}/")


def test_a_phone_shows_one_column_and_no_frame_until_one_is_tapped(wall):
    wall.set_viewport_size({"width": 390, "height": 844})
    expect(frames(wall)).to_have_count(0)
    tile = wall.locator(f"#tile-{places(wall)[1]}")
    tile.locator("[data-watch]").click()
    expect(frames(wall)).to_have_count(1)
    assert len({round(box.bounding_box()["x"]) for box in wall.locator(".tile").all()}) == 1


def flag(served, run: int) -> None:
    """A colleague flags a run. There is no form for it on the wall: by the verb, in a process of its own."""
    program = (
        "from runs.models import Run; from django.contrib.auth.models import User;"
        f"Run.objects.get(pk={run}).call_for_somebody('it asks for the code', by=User.objects.get())"
    )
    command = [sys.executable, "manage.py", "shell", "-c", program]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **served.env}, check=True, capture_output=True)
