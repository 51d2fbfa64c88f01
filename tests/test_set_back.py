"""A clock that was ahead and is set back leaves moments that do not come in time. Nothing waits for them."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from runs import set_back, tasks
from runs.models import GigaAccount, Run
from runs.status import Status
from tests import factories

AN_HOUR = timedelta(hours=1)


@pytest.fixture
def in_an_hour(workspace):
    """What was written while the clock was an hour ahead."""
    ahead = timezone.now() + AN_HOUR
    GigaAccount.objects.update(
        not_before=ahead,
        probe_after=ahead,
        lease_until=ahead,
        free_at=ahead.timestamp(),
        launches_first_until=ahead.timestamp(),
    )
    queued = factories.make_run(workspace, Status.QUEUED, due_at=ahead, claimed_until=ahead)
    running = factories.make_run(workspace, Status.RUNNING, due_at=ahead, asked_at=ahead)
    return queued, running


@pytest.fixture
def clock(monkeypatch):
    """How far the wall's clock is ahead of the steady one, for this process."""
    ahead = {"s": 0.0}
    monkeypatch.setattr(set_back, "_ahead_s", None)
    monkeypatch.setattr(set_back, "time", lambda: time.monotonic() + ahead["s"])
    return ahead


def test_what_giga_says_is_believed_again(in_an_hour):
    _, running = in_an_hour
    assert not running.move_to(Status.COMPLETED, asked_at=timezone.now())
    set_back.heal()
    running.refresh_from_db()
    assert running.move_to(Status.COMPLETED, asked_at=timezone.now())


def test_nothing_waits_longer_than_it_ever_would(in_an_hour):
    set_back.heal()
    now, account = timezone.now(), GigaAccount.objects.get()
    queued, running = Run.objects.order_by("pk")
    assert max(queued.due_at, running.due_at) <= now + timedelta(minutes=5)
    assert queued.claimed_until <= now + timedelta(seconds=45)
    assert account.not_before <= now + timedelta(days=1)
    assert account.probe_after <= now + timedelta(seconds=15)
    assert account.lease_until <= now + timedelta(seconds=15)
    assert account.free_at <= now.timestamp() + 5
    assert account.launches_first_until <= now.timestamp() + 5


def test_what_is_usual_is_left_alone(workspace):
    soon = timezone.now() + timedelta(seconds=3)
    GigaAccount.objects.update(not_before=soon, probe_after=soon, free_at=soon.timestamp())
    run = factories.make_run(workspace, Status.QUEUED, due_at=soon, claimed_until=soon)
    before = list(GigaAccount.objects.values()), list(Run.objects.values())
    set_back.heal()
    assert (list(GigaAccount.objects.values()), list(Run.objects.values())) == before
    assert run.due_at == soon


def test_the_tick_heals_at_the_start_and_when_the_clock_was_set_back(workspace, clock, monkeypatch):
    healed = []
    monkeypatch.setattr(set_back, "heal", lambda: healed.append(clock["s"]))
    for ahead_s in (0.0, 0.0, 3600.0, 3600.0, 0.0, 0.0, -0.5):
        clock["s"] = ahead_s
        tasks.tick()
    assert healed == [0.0, 0.0]
