"""The wall: which tiles it shows, in which order, to whom; its socket; what is done from it."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from runs import tiles
from runs.models import Run
from runs.status import ACTIVE, FINAL, Status
from runs.tiles import Need
from tests import factories
from tests.test_sockets import opened, sign_in, socket

DESKTOP = "https://6080-abc.e2b.app/vnc.html"


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def with_desktop(run, **fields):
    run.keep(sealed_desktop_url=run.sealed("desktop_url", DESKTOP), desktop_kind="page", **fields)
    return run


def titles(answer) -> list[str]:
    return [run.title for run in answer.context["runs"]]


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def needs_now(run) -> Need:
    return Need(tiles.place_at(run, timezone.now())[0])


@pytest.mark.django_db
class TestPlaces:
    def test_the_newest_need_comes_first(self, signed_in, workspace, operator):
        now = timezone.now()
        long_ago = {"queued_at": now - minutes(50), "started_at": now - minutes(49)}
        at_work = {**long_ago, "desktop_at": now - minutes(30)}
        factories.make_run(workspace, prompt="young", **at_work | {"queued_at": now - minutes(40)})
        factories.make_run(workspace, prompt="old", **at_work)
        factories.make_run(workspace, prompt="just started")
        factories.make_run(workspace, prompt="no contact", failed_reads=2, **at_work)
        factories.make_run(workspace, prompt="soon over", **long_ago | {"desktop_at": now - minutes(50)})
        factories.make_run(workspace, prompt="sooner over", **long_ago | {"desktop_at": now - minutes(58)})
        first, second = (factories.make_run(workspace, prompt=name, **at_work) for name in ("asked", "asks"))
        for run in (first, second):
            run.call_for_somebody("the code", by=operator)
        first.keep(needs_at=now - minutes(5))
        assert titles(signed_in.get("/wall/")) == [
            "asks",
            "asked",
            "sooner over",
            "soon over",
            "no contact",
            "just started",
            "old",
            "young",
        ]

    def test_a_flag_that_somebody_took_is_no_need(self, workspace, operator):
        run = factories.make_run(workspace)
        run.call_for_somebody("the code", by=operator)
        assert needs_now(run) == Need.NEEDS_YOU
        run.take_on(by=operator)
        assert needs_now(run) == Need.JUST

    def test_a_tile_moves_by_the_clock_alone(self, workspace):
        now = timezone.now()
        run = factories.make_run(workspace, started_at=now, desktop_at=now)
        at = {
            minutes: Need(tiles.place_at(run, now + timedelta(minutes=minutes))[0]) for minutes in (1, 3, 46)
        }
        assert at == {1: Need.JUST, 3: Need.REST, 46: Need.LITTLE_LEFT}

    def test_the_end_of_its_time_counts_more_than_that_it_just_started(self, workspace):
        now = timezone.now()
        run = factories.make_run(workspace, started_at=now - minutes(1), desktop_at=now - minutes(55))
        assert [place[1] for place in tiles.places(run)] == [Need.JUST, Need.LITTLE_LEFT]
        assert needs_now(run) == Need.LITTLE_LEFT

    def test_an_unknown_run_counts_as_one_without_contact(self, workspace):
        assert needs_now(factories.make_run(workspace, Status.UNKNOWN)) == Need.NO_CONTACT


@pytest.mark.django_db
class TestPage:
    def test_active_runs_are_shown_and_ended_ones_for_a_minute(self, signed_in, workspace):
        for status in Status:
            factories.make_run(workspace, status, prompt=status)
        assert sorted(titles(signed_in.get("/wall/"))) == sorted(Status)
        Run.objects.filter(status__in=FINAL).update(ended_at=timezone.now() - timedelta(seconds=61))
        assert sorted(titles(signed_in.get("/wall/"))) == sorted(ACTIVE)

    def test_another_teams_runs_are_not_on_it(self, signed_in, stranger):
        factories.make_run(stranger.memberships.get().workspace)
        answer = signed_in.get("/wall/")
        assert titles(answer) == [] and "Nothing is running" in answer.content.decode()

    def test_the_state_is_in_the_address(self, signed_in, workspace, operator):
        mine = factories.make_session(workspace, user_prompt="mine", sandbox_template="giga-pro", by=operator)
        factories.make_run(workspace, agent_session=mine, by=operator)
        factories.make_run(workspace, prompt="another's")
        assert titles(signed_in.get(f"/wall/?who={operator.pk}")) == ["mine"]
        assert titles(signed_in.get("/wall/?template=giga-pro")) == ["mine"]
        assert titles(signed_in.get("/wall/?template=giga-max")) == []
        context = signed_in.get("/wall/?layout=3x3&live=2&kiosk=1").context
        assert (context["slots"], context["most_live"], context["is_kiosk"]) == (9, 2, True)

    @pytest.mark.parametrize(
        "query",
        ["live=7", "live=x", "live=-1", "layout=9x9", "who=x", f"who={10**30}", "kiosk=", "template="],
    )
    def test_what_cannot_be_read_is_left_out(self, signed_in, query):
        answer = signed_in.get(f"/wall/?{query}")
        assert answer.status_code == 200
        assert (answer.context["most_live"], answer.context["layout"]) == (6, "3x2")

    def test_nothing_live_is_a_state_too(self, signed_in):
        assert signed_in.get("/wall/?live=0").context["most_live"] == 0

    def test_a_viewer_is_told_why_there_is_no_picture_and_gets_no_address(self, client, workspace, viewer):
        run = with_desktop(factories.make_run(workspace))
        client.force_login(viewer)
        page = client.get("/wall/").content.decode()
        assert "your role does not open them" in page
        assert f"/runs/{run.pk}/desktop/" not in page and "data-watch" not in page

    def test_an_operator_gets_our_own_address_of_the_frame_and_never_gigas(self, signed_in, workspace):
        run = with_desktop(factories.make_run(workspace))
        page = signed_in.get("/wall/").content.decode()
        assert f'data-src="/runs/{run.pk}/desktop/"' in page and ".e2b." not in page

    def test_only_our_own_pages_may_be_framed(self, signed_in):
        assert "frame-src 'self';" in signed_in.get("/wall/").headers["Content-Security-Policy"] + ";"

    def test_a_page_that_was_away_gets_its_tiles(self, signed_in, workspace):
        run = factories.make_run(workspace)
        answer = signed_in.get("/wall/", headers={"X-Live-Parts": "1"})
        assert int(answer.headers["X-Newest-Event"]) == run.events.first().pk
        assert answer.content.decode().startswith(
            f'<hx-partial hx-target="#tile-{run.pk}" hx-swap="outerMorph">'
        )

    @pytest.mark.parametrize("count", [1, 3])
    def test_more_tiles_cost_no_more_queries(
        self, signed_in, workspace, operator, django_assert_num_queries, count
    ):
        for _ in range(count):
            run = with_desktop(factories.make_run(workspace, by=operator))
            run.call_for_somebody("look", by=operator)
            run.take_on(by=operator)
        with django_assert_num_queries(11):
            signed_in.get("/wall/")

    def test_desktops_are_large_first_and_others_while_there_is_room(self, signed_in, workspace):
        booting = [factories.make_run(workspace, Status.STARTING).pk for _ in range(3)]
        running = [with_desktop(factories.make_run(workspace)).pk for _ in range(5)]
        large = signed_in.get("/wall/").context["large"]
        assert large >= {*running} and len(large & {*booting}) == 1
        assert len(signed_in.get("/wall/?layout=2x2").context["large"] & {*running}) == 4
        assert signed_in.get("/wall/?live=0").context["large"] == {*booting}

    def test_a_run_without_a_computer_takes_no_large_place(self, signed_in, workspace):
        for status in (Status.QUEUED, Status.SENDING):
            factories.make_run(workspace, status)
        starting = factories.make_run(workspace, Status.STARTING).pk
        assert signed_in.get("/wall/").context["large"] == {starting}

    def test_the_layout_is_automatic_until_one_is_chosen(self, signed_in):
        assert 'data-layout="auto"' in signed_in.get("/wall/").content.decode()
        assert 'data-layout="3x2"' in signed_in.get("/wall/?layout=3x2").content.decode()


@pytest.mark.django_db
class TestActing:
    def test_a_flag_is_taken_from_the_wall(self, signed_in, workspace, operator, viewer):
        run = factories.make_run(workspace)
        run.call_for_somebody("the code", by=viewer)
        answer = signed_in.post(f"/wall/{run.pk}/take/", headers={"HX-Request": "true"})
        run.refresh_from_db()
        assert answer.status_code == 204 and run.taken_by == operator

    def test_who_comes_second_takes_nothing(self, signed_in, workspace, viewer):
        run = factories.make_run(workspace)
        run.call_for_somebody("the code", by=viewer)
        run.take_on(by=viewer)
        answer = signed_in.post(f"/wall/{run.pk}/take/")
        run.refresh_from_db()
        assert answer.status_code == 302 and run.taken_by == viewer

    def test_viewers_take_nothing_and_extend_nothing(self, client, workspace, viewer):
        run = factories.make_run(workspace)
        run.call_for_somebody("the code", by=viewer)
        client.force_login(viewer)
        assert client.post(f"/wall/{run.pk}/take/").status_code == 403
        assert client.get(f"/runs/{run.pk}/extend/question/").status_code == 403
        run.refresh_from_db()
        assert run.taken_at is None

    def test_another_teams_run_is_not_there(self, client, workspace, stranger):
        run = factories.make_run(workspace)
        client.force_login(stranger)
        assert client.post(f"/wall/{run.pk}/take/").status_code == 404
        assert client.get(f"/runs/{run.pk}/extend/question/").status_code == 404

    def test_extending_is_asked_first(self, signed_in, workspace):
        run = factories.make_run(workspace, sandbox_id="sbx")
        page = signed_in.get(f"/runs/{run.pk}/extend/question/").content.decode()
        assert "15 more minutes?" in page and f'action="/runs/{run.pk}/extend/"' in page

    def test_without_a_computer_there_is_nothing_to_extend(self, signed_in, workspace):
        run = factories.make_run(workspace, Status.QUEUED)
        page = signed_in.get(f"/runs/{run.pk}/extend/question/").content.decode()
        assert "Only a run with a computer" in page and '<form method="post"' not in page


@sync_to_async
def cast_of_two_teams():
    workspace, other = factories.make_workspace(), factories.make_workspace("Other team")
    person = factories.make_person(workspace)
    return factories.make_run(workspace), factories.make_run(other), sign_in(person)


@pytest.mark.django_db(transaction=True)
class TestSocket:
    async def test_a_change_arrives_with_its_tile(self):
        run, _, client = await cast_of_two_teams()
        live = await opened("/ws/wall/", client)
        await sync_to_async(run.move_to)(Status.WAITING)
        change = await live.receive_json()
        assert (change["type"], change["run"], change["matches"]) == ("run.changed", run.pk, True)
        assert f'hx-target="#tile-{run.pk}"' in change["content"]
        assert 'id="active-count"' in change["content"]
        await live.disconnect()

    async def test_an_ended_run_still_comes_and_says_until_when(self):
        run, _, client = await cast_of_two_teams()
        live = await opened("/ws/wall/", client)
        await sync_to_async(run.move_to)(Status.COMPLETED)
        change = await live.receive_json()
        until = (run.ended_at + timedelta(seconds=60)).isoformat()
        assert change["matches"] is True and f'data-until="{until}"' in change["content"]
        await live.disconnect()

    async def test_what_happens_to_a_run_long_over_brings_no_tile(self):
        run, _, client = await cast_of_two_teams()
        past = timezone.now() - timedelta(hours=1)
        await sync_to_async(run.move_to)(Status.COMPLETED, ended_at=past)
        live = await opened("/ws/wall/", client)
        await sync_to_async(run.judge)("achieved", by=None)
        change = await live.receive_json()
        assert (change["run"], change["matches"]) == (run.pk, False)
        assert "tile" not in change["content"]
        await live.disconnect()

    async def test_what_the_filters_leave_out_does_not_match(self):
        run, _, client = await cast_of_two_teams()
        live = await opened("/ws/wall/?template=giga-max", client)
        await sync_to_async(run.move_to)(Status.WAITING)
        assert (await live.receive_json())["matches"] is False
        await live.disconnect()

    async def test_another_teams_change_does_not_arrive(self):
        _, others_run, client = await cast_of_two_teams()
        live = await opened("/ws/wall/", client)
        await sync_to_async(others_run.move_to)(Status.WAITING)
        assert await live.receive_nothing(timeout=0.3)
        await live.disconnect()

    async def test_more_than_a_handful_is_fetched(self):
        run, _, client = await cast_of_two_teams()
        live = await opened("/ws/wall/", client)
        make = sync_to_async(lambda: [factories.make_run(run.workspace) for _ in range(11)])
        await make()
        await sync_to_async(run.move_to)(Status.WAITING)
        assert (await live.receive_json())["type"] == "behind"
        await live.disconnect()

    async def test_a_stranger_is_turned_away(self):
        live = socket("/ws/wall/")
        await live.connect()
        assert await live.closed_with() == 4401
