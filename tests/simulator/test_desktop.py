"""The live desktop, over real websockets, seen by a viewer that shares no code with it."""

import time
from urllib.parse import urlsplit

import pytest
import requests
from PIL import ImageChops
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from simulator import scene
from simulator.story import tell
from tests.simulator.conftest import PROMPTS
from tests.simulator.viewer import RAW, TIGHT, ZLIB, Viewer

pytestmark = pytest.mark.long

BELOW_THE_CLOCK = (0, 128, 1024, 768)
FORM_565 = (16, 16, 0, 1, 31, 63, 31, 11, 5, 0)


def boot(giga, user_prompt=PROMPTS["userPrompt"], after=500.0) -> str:
    """Launch a run and give the address of its desktop's socket, `after` seconds later: by default the agent
    is done then, and only the clock moves."""
    thread_id, run_id = giga.launch(user_prompt)
    giga.advance(after)
    sandbox_id = giga.read_run(thread_id, run_id)["metadata"]["sandboxId"]
    return f"ws://{urlsplit(giga.url).netloc}/websockify/{sandbox_id}"


def expected(user_prompt=PROMPTS["userPrompt"], person=None):
    """What the desktop of a finished run looks like, apart from its clock."""
    drawn = scene.Scene(tell(user_prompt))
    return drawn.draw(120, clock=time.localtime(), is_over=True, person=person)


def differs(seen, wanted) -> bool:
    """Whether two pictures differ, apart from their clocks."""
    difference = ImageChops.difference(seen.crop(BELOW_THE_CLOCK), wanted.crop(BELOW_THE_CLOCK))
    return difference.getbbox() is not None


def watch_until(viewer: Viewer, condition) -> None:
    for _ in range(40):
        if condition(viewer.picture):
            return
        viewer.ask()
        viewer.update()
    pytest.fail("this never came to be seen")


@pytest.fixture
def watch():
    viewers = []

    def watch_one(url, **options) -> Viewer:
        viewer = Viewer(url, **options)
        viewers.append(viewer)
        return viewer

    yield watch_one
    for viewer in viewers:
        viewer.close()


@pytest.mark.parametrize("encodings", [(TIGHT,), (ZLIB,), (RAW,), ()])
def test_the_picture_arrives_without_loss(giga, watch, encodings):
    viewer = watch(boot(giga), encodings=encodings)
    viewer.ask(is_incremental=False)
    viewer.update()
    assert {encoding for _, encoding in viewer.rectangles} == {encodings[0] if encodings else RAW}
    assert not differs(viewer.picture, expected())


@pytest.mark.parametrize("version", ["003.003", "003.007", "003.008"])
def test_all_versions_are_spoken(giga, watch, version):
    viewer = watch(boot(giga), version=version)
    assert (viewer.name, viewer.picture.size) == ("simulated desktop", (1024, 768))
    viewer.ask(is_incremental=False)
    assert viewer.update()


def test_a_viewer_may_want_fewer_colours(giga, watch):
    def from_565(data: bytes) -> bytes:
        values = memoryview(data).cast("H")
        return bytes(
            part
            for v in values
            for part in ((v >> 11) * 255 // 31, (v >> 5 & 63) * 255 // 63, (v & 31) * 255 // 31)
        )

    viewer = watch(boot(giga), encodings=(RAW,))
    viewer.set_pixel_format(*FORM_565)
    viewer.ask(is_incremental=False)
    viewer.update(decode=from_565)
    difference = ImageChops.difference(viewer.picture, expected()).crop(BELOW_THE_CLOCK)
    assert max(high for _, high in difference.getextrema()) <= 8


def test_the_subprotocol_is_taken_when_it_is_offered(giga, watch):
    url = boot(giga)
    assert watch(url).socket.subprotocol == "binary"
    assert watch(url, subprotocols=()).socket.subprotocol is None


def test_the_sandbox_may_be_named_by_a_token(giga, watch):
    url = boot(giga)
    viewer = watch(url.replace("/websockify/", "/websockify?token="))
    viewer.ask(is_incremental=False)
    assert viewer.update()


def test_only_what_changed_is_sent_again(giga, watch):
    viewer = watch(boot(giga))
    viewer.ask(is_incremental=False)
    assert sum(width * height for _, _, width, height in viewer.update()) == 1024 * 768
    viewer.ask()
    areas = viewer.update()
    assert {y for _, y, _, _ in areas} == {0}, "only the clock moves"
    assert len(areas) <= 3


def test_nothing_is_sent_unasked(giga, watch):
    viewer = watch(boot(giga))
    with pytest.raises(TimeoutError):
        viewer.socket.recv(timeout=0.5)


def test_an_area_can_be_asked_for(giga, watch):
    viewer = watch(boot(giga))
    viewer.ask(is_incremental=False, area=(300, 300, 10, 10))
    assert viewer.update() == [(256, 256, 128, 128)]


def test_every_viewer_sees_the_same(giga, watch):
    url = boot(giga)
    viewers = [watch(url) for _ in range(4)]
    for viewer in viewers:
        viewer.ask(is_incremental=False)
        viewer.update()
        assert not differs(viewer.picture, expected())
    assert list(giga.ledger()["watched"].values()) == [4]


def test_a_desktop_is_forgotten_when_the_last_viewer_leaves(giga, watch):
    viewer = watch(boot(giga))
    viewer.close()
    while giga.ledger()["watched"]:
        time.sleep(0.01)


def test_the_agent_works_before_the_viewers_eyes(giga, watch):
    viewer = watch(boot(giga, after=30))
    viewer.ask(is_incremental=False)
    viewer.update()
    before = viewer.picture.copy()
    giga.advance(10)
    watch_until(viewer, lambda picture: differs(before, picture))


def test_somebody_at_the_controls_moves_the_pointer_and_types(giga, watch):
    url = boot(giga)
    viewer, onlooker = watch(url), watch(url)
    viewer.point(700, 300, buttons=1)
    viewer.press("Hi é")
    person = scene.typed(scene.moved(None, x=700, y=300, is_pressed=True, at=0), "Hi é", at=0)
    for each in (viewer, onlooker):
        each.ask(is_incremental=False)
        each.update()
        watch_until(each, lambda picture: not differs(picture, expected(person=person)))


def test_the_screen_may_grow(giga, watch):
    viewer = watch(boot(giga, "Look around [scenario:resizes]", after=12))
    viewer.ask(is_incremental=False)
    viewer.update()
    giga.advance(500)
    watch_until(viewer, lambda picture: viewer.has_new_size)
    assert viewer.picture.size == (1280, 800)
    viewer.ask(is_incremental=False)
    viewer.update()
    assert not differs(viewer.picture, expected("Look around"))


def test_a_viewer_that_cannot_follow_a_new_size_is_let_go(giga, watch):
    viewer = watch(boot(giga, "Look around [scenario:resizes]", after=12), encodings=(TIGHT,))
    giga.advance(500)
    with pytest.raises(ConnectionClosed):
        for _ in range(20):
            viewer.ask()
            viewer.update()


def test_a_dead_computer_hangs_up(giga, watch):
    viewer = watch(boot(giga))
    giga.advance(3600)
    with pytest.raises(ConnectionClosed):
        for _ in range(20):
            viewer.ask()
            viewer.update()


def test_a_dead_computer_cannot_be_watched(giga):
    url = boot(giga)
    giga.advance(3600)
    for address in (url, url.rpartition("/")[0], url.rpartition("/")[0] + "/none"):
        with pytest.raises(InvalidStatus) as refused:
            connect(address)
        assert refused.value.response.status_code == 502
        assert b"<html>" in refused.value.response.body


def test_nonsense_is_hung_up_on_and_hurts_nobody(giga, watch):
    url = boot(giga)
    onlooker = watch(url)
    for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"RFB 003.008\n\x07", b"RFB 003.008\n\x01\x01\xff"):
        with connect(url) as socket, pytest.raises(ConnectionClosed):
            socket.send(nonsense)
            while True:
                socket.recv(timeout=60)
    with connect(url) as socket, pytest.raises(ConnectionClosed):
        socket.send("text")
        while True:
            socket.recv(timeout=60)
    onlooker.ask(is_incremental=False)
    assert onlooker.update()


def test_the_page_is_there_while_the_computer_is(giga):
    thread_id, run_id = giga.launch()
    giga.advance(20)
    url = giga.read_run(thread_id, run_id)["metadata"]["vncUrl"]
    page = requests.get(url, timeout=60)
    assert page.status_code == 200
    assert "novnc/novnc.min.js" in page.text
    assert not {"X-Frame-Options", "Content-Security-Policy"} & set(page.headers)
    assert requests.head(url, timeout=60).status_code == 200
    giga.advance(3600)
    dead = requests.get(url, timeout=60)
    assert dead.status_code == 502
    assert dead.headers["Content-Type"].startswith("text/html")


def test_the_page_gets_the_viewer_it_needs(giga, tmp_path):
    (tmp_path / "novnc.min.js").write_text("window.noVNC = {}")
    giga.switch("default", novnc_path=str(tmp_path))
    assert giga.get("/novnc/novnc.min.js").text == "window.noVNC = {}"
    assert giga.get("/novnc/none.js").status_code == 404
    assert giga.get("/novnc/..%2fsecret").status_code == 404


def test_a_password_may_be_asked_for(giga):
    giga.switch("default", desktop_password="s3cret")
    thread_id, run_id = giga.launch()
    giga.advance(20)
    assert "password=s3cret" in giga.read_run(thread_id, run_id)["metadata"]["vncUrl"]
