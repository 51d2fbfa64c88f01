"""Which runs are asked about, and how many requests a key makes."""

from datetime import datetime, timedelta, timezone

import pytest
from django.utils import timezone as clock

from runs import pace
from runs.following import refresh
from runs.models import GigaAccount, Run
from runs.settling import settle
from runs.status import Status
from runs.watcher import watch_round
from tests import factories


@pytest.fixture
def asked():
    return []


@pytest.fixture
def submit(asked):
    return lambda job, run_id: asked.append((job, run_id))


def test_a_due_run_is_asked_about_and_is_due_again_later(workspace, submit, asked):
    run = factories.make_run(workspace)
    assert watch_round(submit) == 1
    assert asked == [(refresh, run.pk)]
    run.refresh_from_db()
    assert run.due_at > clock.now()


def test_an_unknown_run_is_settled_instead(workspace, submit, asked):
    run = factories.make_run(workspace, Status.UNKNOWN)
    watch_round(submit)
    assert asked == [(settle, run.pk)]


@pytest.mark.parametrize("status", [Status.QUEUED, Status.SENDING, Status.COMPLETED, Status.LOST])
def test_other_runs_are_left_alone(workspace, submit, asked, status):
    factories.make_run(workspace, status)
    assert watch_round(submit) == 0 and asked == []


def test_what_is_not_due_is_not_asked(workspace, submit):
    factories.make_run(workspace, due_at=clock.now() + timedelta(seconds=5))
    assert watch_round(submit) == 0


def test_a_paused_key_asks_nothing(workspace, submit):
    factories.make_run(workspace)
    workspace.giga_account.pause("No.")
    assert watch_round(submit) == 0


def test_the_longest_waiting_is_asked_first(workspace, submit, asked):
    late = factories.make_run(workspace, due_at=clock.now() - timedelta(seconds=1))
    later = factories.make_run(workspace, due_at=clock.now() - timedelta(seconds=9))
    watch_round(submit)
    GigaAccount.objects.update(polls_free_at=0)
    watch_round(submit)
    assert [run_id for _, run_id in asked] == [later.pk, late.pk]


@pytest.mark.django_db
def test_one_key_is_asked_at_its_pace_and_each_key_has_its_own(submit):
    for name in ("one", "two"):
        workspace = factories.make_workspace(name)
        for _ in range(5):
            factories.make_run(workspace)
    assert watch_round(submit) == 2
    assert watch_round(submit) == 0


def test_two_watchers_do_not_take_the_same_reading(workspace):
    run = factories.make_run(workspace)
    twin = Run.objects.get(pk=run.pk)
    again_at = clock.now() + timedelta(seconds=5)
    assert run.claim_reading(again_at=again_at)
    assert not twin.claim_reading(again_at=again_at)


def test_the_worst_minute_of_a_key_stays_under_sixty(workspace, monkeypatch):
    """Everybody asks as often as they can, ten times a second, for three minutes."""
    account, now, taken = workspace.giga_account, datetime(2026, 1, 1, tzinfo=timezone.utc), []
    monkeypatch.setattr("runs.accounts.timezone.now", lambda: now)
    for step in range(1800):
        now = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=step / 10)
        for take in (account.take_for_poll, account.take_for_people):
            if take():
                taken.append(step / 10)
    worst = max(sum(start <= at < start + 60 for at in taken) for start in taken)
    assert 50 <= worst <= 60


def test_intervals_share_the_budget():
    assert pace.poll_interval_s(1) == pace.FASTEST_POLL_S
    assert pace.poll_interval_s(70) == pytest.approx(100)


def test_waiting_after_failures_grows_and_ends():
    delays = [pace.retry_delay_s(failures) for failures in range(12)]
    assert delays == sorted(delays) and delays[1] == 2 and delays[-1] == pace.SLOWEST_RETRY_S
