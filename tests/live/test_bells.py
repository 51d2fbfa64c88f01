"""An announcement is only a bell: what a socket tells is what it has not told yet."""

import re

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from people.models import Membership
from runs.broadcast import workspace_group
from runs.models import Run
from runs.status import Status
from runs.views import run as views
from tests import factories
from tests.live.layer import installed
from tests.live.page import parts_of, plain
from tests.test_sockets import opened, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def layer():
    return installed()


@pytest.fixture
def team(layer):
    workspace = factories.make_workspace()
    reader = factories.make_person(workspace)
    runs = [factories.make_run(workspace) for _ in range(3)]
    return {"workspace": workspace, "reader": reader, "client": sign_in(reader), "runs": runs}


@sync_to_async
def move(run, status=Status.WAITING):
    assert Run.objects.get(pk=run.pk).move_to(status, why="test")


@sync_to_async
def newest_event(run):
    return run.events.first().pk


async def everything_said(live, layer) -> list[dict]:
    await layer.rest()
    said = []
    while not live.output_queue.empty():
        said.append(await live.receive_json())
    return said


async def test_a_lost_announcement_is_made_up_for_by_the_next_one(team, layer):
    live = await opened("/ws/runs/", team["client"])
    layer.fate = "lost"
    await move(team["runs"][0])
    layer.fate = "kept"
    await move(team["runs"][1])
    said = await everything_said(live, layer)
    assert {message["run"] for message in said} == {team["runs"][0].pk, team["runs"][1].pk}
    assert {message["event"] for message in said} == {await newest_event(team["runs"][1])}
    await live.disconnect()


async def test_a_lost_announcement_is_made_up_for_by_the_next_heartbeat(team, layer):
    live = await opened(f"/ws/runs/{team['runs'][0].pk}/", team["client"])
    layer.fate = "lost"
    await move(team["runs"][0])
    await layer.beat()
    change, beat = await everything_said(live, layer)
    assert (change["type"], change["status"], beat["type"]) == ("run.changed", "waiting", "heartbeat")
    assert change["event"] == beat["event"] == await newest_event(team["runs"][0])
    await live.disconnect()


async def test_a_doubled_announcement_is_told_once(team, layer):
    live = await opened("/ws/runs/", team["client"])
    layer.fate = "doubled"
    await move(team["runs"][0])
    assert [message["run"] for message in await everything_said(live, layer)] == [team["runs"][0].pk]
    await live.disconnect()


async def test_announcements_in_the_wrong_order_tell_the_newest_state_once(team, layer):
    live = await opened("/ws/runs/", team["client"])
    layer.fate = "held"
    await move(team["runs"][0])
    await move(team["runs"][0], Status.COMPLETED)
    layer.fate = "kept"
    await layer.let_go()
    assert [message["status"] for message in await everything_said(live, layer)] == ["completed"]
    await live.disconnect()


async def test_more_than_fits_a_push_is_said_to_be_missed(team, layer, monkeypatch):
    monkeypatch.setattr("runs.consumers.MOST_ROWS", 2)
    live = await opened("/ws/runs/", team["client"])
    layer.fate = "lost"
    for run in team["runs"][:2]:
        await move(run)
    layer.fate = "kept"
    await move(team["runs"][2])
    newest = await newest_event(team["runs"][2])
    assert await everything_said(live, layer) == [{"type": "behind", "event": newest}]
    await live.disconnect()


async def test_more_than_the_history_is_looked_back_is_said_to_be_missed(team, layer, monkeypatch):
    monkeypatch.setattr("runs.live.RECENT_EVENTS", 3)
    live = await opened("/ws/runs/", team["client"])
    layer.fate = "lost"
    await move(team["runs"][0])
    for status in (Status.RUNNING, Status.WAITING, Status.RUNNING):
        await move(team["runs"][1], status)
    layer.fate = "kept"
    await move(team["runs"][1])
    newest = await newest_event(team["runs"][1])
    assert await everything_said(live, layer) == [{"type": "behind", "event": newest}]
    await live.disconnect()


async def test_every_push_carries_the_counts_as_they_are(team, layer):
    live = await opened("/ws/runs/", team["client"])
    await move(team["runs"][0], Status.FAILED)
    (change,) = await everything_said(live, layer)
    badge = re.search(r'id="active-count">(\d+)', change["content"])
    assert badge[1] == "2" and "Failed<span>1</span>" in change["content"]
    await live.disconnect()


@pytest.mark.parametrize(("undo", "code"), [("logout", 4401), ("removal", 4404), ("demotion", 4403)])
async def test_the_next_heartbeat_closes_a_page_that_is_not_its_readers_any_longer(team, layer, undo, code):
    live = await opened(f"/ws/runs/{team['runs'][0].pk}/", team["client"])
    memberships = Membership.objects.filter(user=team["reader"])
    undoing = {
        "logout": team["client"].logout,
        "removal": memberships.delete,
        "demotion": lambda: memberships.update(role="viewer"),
    }
    await sync_to_async(undoing[undo])()
    await layer.beat()
    assert await live.receive_output() == {"type": "websocket.close", "code": code}
    await live.disconnect()


async def test_a_socket_that_cannot_read_asks_its_page_to_come_back(team, layer, monkeypatch, caplog):
    live = await opened("/ws/runs/", team["client"])

    def locked(**concerns):
        raise OperationalError("database is locked")

    monkeypatch.setattr("runs.live.recent_events", locked)
    await layer.beat()
    assert await live.receive_output() == {"type": "websocket.close", "code": 1013}
    assert "its page is asked to come back" in caplog.text
    await live.disconnect()


async def test_a_socket_the_layer_has_forgotten_joins_again_with_its_next_heartbeat(team, layer):
    live = await opened("/ws/runs/", team["client"])
    (channel,) = layer.groups[workspace_group(team["workspace"].pk)]
    layer.groups.clear()
    await layer.send(channel, {"type": "heart.beat"})
    assert (await live.receive_json())["type"] == "heartbeat"
    await move(team["runs"][0])
    assert (await live.receive_json())["type"] == "run.changed"
    await live.disconnect()


async def test_a_run_is_watched_while_its_page_is_open(team, layer):
    run = team["runs"][0]
    live = await opened(f"/ws/runs/{run.pk}/", team["client"])
    assert (await Run.objects.aget(pk=run.pk)).is_watched
    await Run.objects.filter(pk=run.pk).aupdate(watched_until=None)
    await layer.beat()
    await layer.rest()
    assert (await Run.objects.aget(pk=run.pk)).is_watched
    await live.disconnect()


async def test_a_list_makes_nobody_watched(team, layer):
    live = await opened("/ws/runs/", team["client"])
    assert not any([run.is_watched async for run in Run.objects.all()])
    await live.disconnect()


@pytest.mark.long
def test_the_live_parts_stand_in_the_page_as_they_are(team, monkeypatch):
    """Of a run in every status there is, and of lists of them all."""
    runs = [factories.make_run(team["workspace"], status) for status in Status]
    clock = runs[-1].queued_at.replace(microsecond=0)
    monkeypatch.setattr("django.utils.timezone.now", lambda: clock)
    for address in (*(f"/runs/{run.pk}/" for run in runs), "/runs/", "/runs/?status=active"):
        page = team["client"].get(address).content.decode()
        page = plain(re.sub(r'<input type="hidden" name="csrfmiddlewaretoken"[^>]*>', "", page))
        parts = parts_of(team["client"].get(address, headers={"X-Live-Parts": "1"}))
        assert [part for part, html in parts.items() if html not in page] == [], address
        assert parts


def test_a_refused_form_leaves_a_page_that_asks_at_the_runs_address(team):
    run = factories.make_run(team["workspace"], Status.UNKNOWN)
    answer = team["client"].post(f"/runs/{run.pk}/settle/", {"decision": "running", "remote_id": ""})
    assert answer.status_code == 422 and f'data-page="/runs/{run.pk}/"' in answer.content.decode()


def test_an_answer_does_not_claim_to_be_newer_than_what_it_shows(team, monkeypatch):
    """A change that is committed while the page is rendered is one the page has yet to hear of."""
    run = team["runs"][0]
    before = run.events.first().pk
    visible_run = views.visible_run

    def slowly(*args):
        found = visible_run(*args)
        run.record("note", why="Meanwhile.")
        return found

    monkeypatch.setattr(views, "visible_run", slowly)
    for headers in ({}, {"X-Live-Parts": "1"}):
        answer = team["client"].get(f"/runs/{run.pk}/", headers=headers)
        told = (
            answer.headers.get("X-Newest-Event")
            or answer.content.decode().split('data-event="')[1].split('"')[0]
        )
        assert int(told) == before
        before = run.events.first().pk
