"""Many want the same thing at the same moment, and one gets it: real threads, each on a connection of its
own."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from runs.models import GigaAccount, Run
from runs.status import Status
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 8


def at_once(job) -> list:
    """What `job(number)` gave on each of eight threads that began together."""
    start = threading.Barrier(THREADS)

    def one(number: int):
        try:
            start.wait(10)
            return job(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def test_one_of_eight_claims_a_run(workspace):
    for _ in range(10):
        run = factories.make_run(workspace, Status.QUEUED)
        now = timezone.now()
        assert sorted(at_once(lambda number, run=run, now=now: run.claim(now))) == [False] * 7 + [True]


def test_one_of_eight_moves_a_run_and_one_event_says_so(workspace):
    run = factories.make_run(workspace, Status.STARTING)
    copies = [Run.objects.get(pk=run.pk) for _ in range(THREADS)]
    assert sum(at_once(lambda number: copies[number].move_to(Status.RUNNING))) == 1
    assert run.events.filter(now=Status.RUNNING).count() == 1


def test_one_of_eight_leases_a_key(workspace):
    account = workspace.giga_account
    taken = at_once(lambda number: GigaAccount.objects.take(f"holder {number}", [account.pk], at_most=9))
    assert len([fences for fences in taken if fences]) == 1


def test_eight_together_spend_one_budget(workspace):
    account = workspace.giga_account
    assert sum(at_once(lambda number: account.take_for_people())) <= 5
