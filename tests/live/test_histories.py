"""Whatever happens to the messages between: a page that is back equals a freshly loaded one."""

import asyncio
import os
from contextlib import contextmanager

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, event, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from people.models import Membership
from runs import broadcast
from runs.models import Run
from runs.status import Status
from tests import factories
from tests.live.layer import installed
from tests.live.page import Page, parts_of

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

FEW, MANY = 15, int(os.environ.get("HISTORIES", 1000))
STATUSES = [Status.STARTING, Status.RUNNING, Status.WAITING, Status.UNKNOWN, Status.COMPLETED, Status.FAILED]

fates = st.sampled_from(["kept", "kept", "lost", "doubled", "held"])
which = st.integers(0, 5)
happenings = st.one_of(
    st.tuples(st.just("move"), which, st.sampled_from(STATUSES), fates),
    st.tuples(st.just("move"), which, st.sampled_from(STATUSES), fates),
    st.tuples(st.just("record"), which, fates),
    st.tuples(st.just("launch"), fates),
    st.tuples(st.just("burst"), fates),
    st.sampled_from([("let_go",), ("rest",), ("hear",), ("hear",), ("beat",), ("finish_fetch",)]),
    st.sampled_from([("cut",), ("swallow",), ("reconnect",), ("poll",), ("scroll",)]),
    st.sampled_from([("load_more",), ("finish_loading",)]),
    st.sampled_from([("role", "viewer"), ("role", "operator"), ("leave_team",), ("sign_out",), ("sign_in",)]),
)
addresses = st.sampled_from(
    ["run", "run", "/runs/", "/runs/", "/runs/?status=active", "/runs/?status=failed"]
)


class World:
    """A team with its runs, one reader with a page open, and what may befall them."""

    def __init__(self, loop, address: str, runs: int):
        self.loop = loop
        self.layer = installed()
        broadcast.use_server_loop(loop)
        self.workspace = factories.make_workspace()
        self.reader = factories.make_person(self.workspace)
        self.runs = [factories.make_run(self.workspace, Status.RUNNING) for _ in range(runs)]
        self.client = Client()
        self.client.force_login(self.reader)
        self.page = Page(self.client, self.address_of(address), self.layer)
        self.is_deaf = False

    def address_of(self, address: str) -> str:
        return f"/runs/{self.runs[0].pk}/" if address == "run" else address

    def wait(self, doing):
        return self.loop.run_until_complete(doing)

    def befall(self, history):
        for name, *details in history:
            newest = self.page.newest_event_shown
            getattr(self, name)(*details)
            assert self.page.newest_event_shown >= newest or self.page.status != 200, "the page went back"

    # What happens to runs

    def move(self, which: int, status: str, fate: str):
        self.change(which, fate, lambda run: run.move_to(status, why="So it went."))

    def record(self, which: int, fate: str):
        self.change(which, fate, lambda run: run.record("note", why="Something was noted."))

    def change(self, which: int, fate: str, change):
        if self.runs:
            self.layer.fate = fate
            change(Run.objects.get(pk=self.runs[which % len(self.runs)].pk))
            self.announced()

    def launch(self, fate: str):
        self.runs.append(factories.make_run(self.workspace, Status.QUEUED))
        self.change(len(self.runs) - 1, fate, lambda run: run.move_to(Status.SENDING))

    def burst(self, fate: str):
        for which in range(len(self.runs)):
            self.record(which, fate)

    def announced(self):
        """Let the announcement leave; nobody has dealt with it yet."""
        self.wait(asyncio.sleep(0))
        self.wait(asyncio.sleep(0))
        self.layer.fate = "kept"

    # What happens to messages, to the connection and to the reader

    def let_go(self):
        self.wait(self.layer.let_go())

    def rest(self):
        self.wait(self.layer.rest())

    def beat(self):
        self.wait(self.layer.beat())

    def hear(self):
        self.rest()
        if not self.is_deaf:
            self.page.receive()
            self.page.hear()

    def cut(self):
        self.rest()
        self.wait(self.page.cut())

    def swallow(self):
        """From now on nothing arrives, though the socket is open for both sides."""
        self.is_deaf = True

    def connect(self):
        if self.page.status == 200:
            self.cut()
            self.is_deaf = False
            self.wait(self.page.connect())
            self.hear()

    def reconnect(self):
        self.connect()
        self.page.start_fetch()

    def poll(self):
        self.page.start_fetch()

    def finish_fetch(self):
        self.page.finish_fetch()
        self.hear()

    def finish_loading(self):
        self.page.finish_loading()

    def scroll(self):
        self.page.is_at_top = not self.page.is_at_top

    def load_more(self):
        self.page.load_more()

    def role(self, role: str):
        Membership.objects.filter(user=self.reader).update(role=role)

    def leave_team(self):
        Membership.objects.filter(user=self.reader).delete()

    def sign_out(self):
        self.client.logout()

    def sign_in(self):
        self.client.force_login(self.reader)

    # What must be true

    def settle(self):
        """The page hears what there is, its heart beats, and its fetches are answered."""
        self.finish_loading()
        self.hear()
        self.beat()
        self.hear()
        for _ in range(10):
            if not self.page.fetching and not self.page.is_behind:
                return
            self.finish_fetch()
        raise AssertionError("the page does not come to rest")

    def come_back(self):
        self.reconnect()
        self.settle()
        if self.page.status == 200 and not self.page.socket:
            self.reconnect()  # closed for a reason that no longer holds, such as a new login
            self.settle()

    def close(self):
        self.wait(self.page.cut())
        broadcast.use_server_loop(None)


def assert_equals_a_fresh_page(world: World, *, exactly: bool):
    page, client = world.page, world.client
    if page.status != 200:
        event("the page was refused")
        assert page.parts == {}
        return
    down_to = {"X-Down-To": str(page.rows[-1])} if page.rows else {}
    answer = client.get(page.address, headers={"X-Live-Parts": "1", **down_to})
    assert answer.status_code == 200, "the page still shows what its reader may not see"
    assert page.standing == answer.headers["X-Standing"]
    fresh = parts_of(answer)
    shown = dict(page.parts)
    shown.pop("notices", None)  # of no run: they come with each greeting and heartbeat
    if "list" in fresh:
        fresh_list = Page.__new__(Page)
        fresh_list.parts = {"list": fresh["list"]}
        fresh_rows = fresh_list.rows
        waiting = [pk for pk in fresh_rows if page.rows and pk > page.rows[0]]
        assert sorted(page.new_rows) == sorted(waiting)
        if waiting or not exactly:
            # New rows wait behind their button, and rows that went leave the page a little shorter.
            end = page.rows[-1] if page.rows else 0
            assert page.rows == [pk for pk in fresh_rows if end <= pk and pk not in waiting]
            assert page.rows or not fresh_rows
            for pk in page.rows:
                assert row_of(shown["list"], pk) == row_of(fresh["list"], pk)
            shown.pop("list"), fresh.pop("list")
    assert shown == fresh


def row_of(listed: str, pk: int) -> str:
    return listed.split(f'<tr id="run-{pk}"')[1].split("</tr>")[0]


async def end_what_is_left():
    """A consumer that was left in the middle would be heard of in whatever test comes later."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@contextmanager
def a_world(address: str, runs: int):
    loop = asyncio.new_event_loop()
    world = World(loop, address, runs)
    try:
        yield world
    finally:
        world.close()
        loop.run_until_complete(end_what_is_left())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


@pytest.fixture
def little_pages(monkeypatch):
    """Short pages and short memories, so that a short history reaches their ends; and a clock that stands,
    so that two renderings of the same can be compared."""
    now = timezone.now()
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    monkeypatch.setattr("runs.listing.PAGE_SIZE", 3)
    monkeypatch.setattr("runs.live.RECENT_EVENTS", 8)
    monkeypatch.setattr("runs.consumers.MOST_ROWS", 3)


def check_history(address, runs, early, history):
    with a_world(address, runs) as world:
        world.befall(early)  # between the loading of the page and the opening of its socket
        world.connect()
        world.befall(history)
        if not world.is_deaf and world.page.socket:
            # Never away: its next heartbeat makes up for whatever was lost.
            world.let_go()
            world.settle()
            assert_equals_a_fresh_page(world, exactly=False)
        world.come_back()
        assert_equals_a_fresh_page(world, exactly=True)


any_history = given(
    address=addresses,
    runs=st.integers(1, 6),
    early=st.lists(happenings, max_size=2),
    history=st.lists(happenings, max_size=25),
)
no_hurry = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@hypothesis_settings(max_examples=FEW, deadline=None, suppress_health_check=no_hurry)
@example(
    # Rows that were rendered before a change, and put in place after it.
    address="/runs/",
    runs=6,
    early=[],
    history=[("load_more",), ("move", 0, Status.WAITING, "kept"), ("hear",), ("finish_loading",)],
)
@example(
    # A run that came while its reader looked further down.
    address="/runs/",
    runs=2,
    early=[],
    history=[("scroll",), ("launch", "kept"), ("hear",)],
)
@any_history
def test_a_page_that_is_back_equals_a_fresh_page(little_pages, address, runs, early, history):
    check_history(address, runs, early, history)


@pytest.mark.soak
@hypothesis_settings(max_examples=MANY, deadline=None, suppress_health_check=no_hurry)
@any_history
def test_it_does_so_after_many_more_histories(little_pages, address, runs, early, history):
    check_history(address, runs, early, history)
