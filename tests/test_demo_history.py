"""The made-up month of runs: believable, the same for the same seed, and never beside real runs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from people.models import Membership, Workspace
from runs.demo_history import ODD_TASKS, PATHS, RUNS, NotForThis, fill
from runs.models import AgentSession, GigaAccount, Run, RunEvent, RunText
from runs.search import words_to_find
from runs.status import ACTIVE, FINAL, Status, Verdict
from tests import factories

pytestmark = pytest.mark.long

NOW = datetime(2026, 3, 17, 11, tzinfo=UTC)


@pytest.fixture
def demo(db):
    """The first workspace of an instance in demo mode."""
    return factories.make_workspace("Demo", is_simulated=True)


@pytest.fixture(scope="class")
def history(django_db_setup, django_db_blocker):
    """Made once for all that only look at it."""
    with django_db_blocker.unblock(), transaction.atomic():
        workspace = factories.make_workspace("Demo", is_simulated=True)
        fill(workspace)
        yield workspace
        transaction.set_rollback(True)


@pytest.fixture
def filled(history, db):
    return history


def told(workspace) -> list[tuple]:
    runs = Run.objects.filter(workspace=workspace).select_related("agent_session", "created_by")
    return [
        (run.title, run.status, run.verdict, run.queued_at, run.ended_at, run.created_by.username)
        for run in runs
    ]


class TestWhatThereIs:
    def test_runs_of_each_status_and_verdict_by_six_people_within_thirty_days(self, filled):
        runs = list(Run.objects.all())
        assert len(runs) == RUNS == 300
        assert {run.status for run in runs} == set(Status.values)
        assert {run.verdict for run in runs} == {"", *Verdict.values}
        assert {run.created_by_id for run in runs} == {one.user_id for one in filled.memberships.all()}
        assert filled.memberships.count() == 6
        times = [run.queued_at for run in runs]
        assert times == sorted(times, reverse=True)
        assert 25 <= (times[0] - times[-1]).days <= 30

    def test_what_people_did_is_among_it(self, filled):
        kinds = set(RunEvent.objects.values_list("kind", flat=True))
        expected = {"status", "session", "wait", "extend", "verdict", "tag", "note", "flag"}
        assert kinds == expected | {"relaunch", "follow_up"}
        assert AgentSession.objects.exclude(relaunched_from=None).exists()
        assert Run.objects.exclude(message="").exists()

    def test_nobody_waits_behind_it(self, filled):
        assert not Run.objects.waiting_for_computer(filled.pk).exists()
        new = factories.make_run(filled, Status.QUEUED)
        assert not Run.objects.in_line_before(new).exists()

    def test_nobody_of_it_can_sign_in(self, filled):
        assert not any(one.user.has_usable_password() for one in filled.memberships.all())


@pytest.mark.any_database
class TestItsTruth:
    def test_events_lead_from_queued_to_where_a_run_is(self, filled):
        for run in Run.objects.prefetch_related("events"):
            moves = [event for event in reversed(run.events.all()) if event.kind == "status"]
            assert [event.now for event in moves] == ["queued", *PATHS[run.status]]
            assert [event.was for event in moves] == ["", *[event.now for event in moves[:-1]]]
            status = ""
            for event in reversed(run.events.all()):
                if event.kind == "status":
                    status = event.now
                else:
                    assert (event.was, event.now) == (status, status), (run.pk, event.kind)

    def test_ids_of_events_grow_with_their_times(self, filled):
        times = list(RunEvent.objects.order_by("id").values_list("at", flat=True))
        assert times == sorted(times)

    def test_times_stand_in_order_and_nothing_is_yet_to_come(self, filled):
        for run in Run.objects.all():
            times = [
                run.queued_at,
                run.session_at,
                run.sent_at,
                run.accepted_at,
                run.started_at,
                run.ended_at,
            ]
            known = [at for at in times if at]
            assert known == sorted(known)
            assert (run.ended_at is None) == run.is_active and (run.due_at is None) == run.is_final
        assert not RunEvent.objects.filter(at__gt=timezone.now()).exists()

    def test_words_are_found_as_if_each_run_had_been_kept_by_itself(self, filled):
        texts = RunText.objects.select_related("run__agent_session")
        for text in texts:
            assert text.words == words_to_find(text.run, text.run.tags.all(), text.run.notes.all())
        found = Run.objects.matching("supplier portal", workspace=filled.pk)
        wanted = {"supplier", "portal"}
        assert (
            {run.pk for run in found}
            == {text.run_id for text in texts if wanted <= set(text.words.split())}
            != set()
        )

    def test_pages_show_it(self, filled, client):
        client.force_login(factories.make_person(filled, role="manager"))
        for page in ("/runs/", "/sessions/", "/wall/"):
            assert client.get(page).status_code == 200
        for status in Status.values:
            run = Run.objects.filter(status=status).first()
            assert client.get(f"/runs/{run.pk}/").status_code == 200
        assert client.get(f"/sessions/{run.agent_session_id}/").status_code == 200


@pytest.mark.parametrize("hours", range(0, 24, 6))
def test_titles_that_are_hard_to_show_are_among_it_whenever_it_is_made(demo, hours):
    fill(demo, now=NOW + timedelta(hours=hours))
    prompts = set(AgentSession.objects.values_list("user_prompt", flat=True))
    assert {task.strip() for task in ODD_TASKS} <= prompts


@pytest.mark.any_database
class TestTheCommand:
    def test_says_what_it_did_and_does_it_once(self, demo, capsys):
        call_command("demo_history", runs=40)
        assert capsys.readouterr().out == "Demo has 40 made-up runs more.\n"
        with pytest.raises(CommandError, match="has its made-up history already"):
            call_command("demo_history", seed=2)
        assert Run.objects.count() == 40

    def test_the_same_seed_makes_the_same_history(self, demo):
        other, third = (factories.make_workspace(name, is_simulated=True) for name in ("B", "C"))
        fill(demo, now=NOW)
        fill(other, now=NOW)
        fill(third, now=NOW, seed=2)
        assert told(demo) == told(other) != told(third)

    @pytest.mark.parametrize("runs", [1, 5, 12, 60])
    def test_fewer_are_the_newest_of_them(self, demo, runs):
        fill(demo, runs=runs)
        assert Run.objects.count() == runs
        assert Run.objects.first().status == Status.QUEUED

    def test_even_one_run_is_made_once(self, demo):
        fill(demo, runs=1)
        with pytest.raises(NotForThis):
            fill(demo, runs=1)

    def test_is_refused_beside_a_real_key_of_the_workspace(self, db):
        factories.make_workspace("Real")
        with pytest.raises(CommandError, match="Real has a real Giga key"):
            call_command("demo_history")
        assert not Run.objects.exists() and not Membership.objects.exists()

    @pytest.mark.parametrize(
        "meet", [lambda demo: factories.make_workspace("Real"), lambda demo: factories.make_run(demo)]
    )
    def test_is_refused_where_a_real_giga_was_met(self, demo, meet):
        """By another workspace, or by this one before the demo's key stood in its place."""
        meet(demo)
        before = list(Run.objects.values())
        with pytest.raises(CommandError, match="a real Giga has been used here"):
            call_command("demo_history")
        assert list(Run.objects.values()) == before and not Membership.objects.exists()

    def test_is_refused_beside_a_real_key_of_the_environment(self, demo, settings):
        settings.GIGA_API_KEY = factories.KEY
        with pytest.raises(CommandError, match="GIGA_API_KEY is set"):
            call_command("demo_history")
        assert not Run.objects.exists()

    def test_is_refused_before_there_is_a_giga(self, db):
        with pytest.raises(CommandError, match=r"start `manage\.py serve` once"):
            call_command("demo_history")
        Workspace.objects.create(name="New")
        with pytest.raises(CommandError, match="New has no Giga yet"):
            call_command("demo_history")

    @pytest.mark.parametrize("runs", [0, -1, 10_001])
    def test_a_number_that_makes_no_sense_is_refused(self, demo, runs):
        with pytest.raises(CommandError, match="--runs must be from 1 to 10000"):
            call_command("demo_history", runs=runs)

    def test_takes_fewer_statements_than_it_makes_runs(self, demo, django_assert_max_num_queries):
        with django_assert_max_num_queries(RUNS - 1):
            fill(demo)
        assert GigaAccount.objects.get().is_simulated and set(ACTIVE) | set(FINAL) == set(Status)
