"""Many want the same thing at the same moment, and one gets it: real threads, each on a connection of its
own."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from runs import pace
from runs.models import GigaAccount, Run
from runs.status import Status
from runs.watcher import Slice
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 8


def at_once(job) -> list:
    """What `job(number)` gave on each of eight threads that began together."""
    start = threading.Barrier(THREADS)

    def one(number: int):
        try:
            if connection.vendor == "sqlite":
                # It lets wait in no order: one of eight that all go on writing may be last again and again.
                with connection.cursor() as cursor:
                    cursor.execute("PRAGMA busy_timeout = 300000")
            start.wait(60)
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


@pytest.mark.long
def test_eight_that_take_keep_and_give_back_many_keys_hold_none_of_them_twice(db):
    """Nor do they wait for each other in a circle: the database would end one of them."""
    keys = [factories.make_workspace(f"Team {number}").giga_account.pk for number in range(40)]
    held_by: dict[int, int] = {}
    fences = dict.fromkeys(keys, 0)

    def take_and_give_back(number: int) -> int:
        holder, taken_in_all = f"holder {number}", 0
        for _ in range(15):
            taken = GigaAccount.objects.take(holder, random.sample(keys, len(keys)), at_most=12)
            for key, fence in taken.items():
                assert held_by.setdefault(key, number) == number and fence > fences[key]
                fences[key] = fence
            assert GigaAccount.objects.renew(holder) == taken
            for key in taken:
                del held_by[key]
            GigaAccount.objects.release(holder, random.sample(list(taken), len(taken)))
            taken_in_all += len(taken)
        return taken_in_all

    assert sum(at_once(take_and_give_back)) >= len(keys)
    assert held_by == {} and not GigaAccount.objects.exclude(lease_until=None).exists()


def test_eight_write_times_of_contact_of_the_same_runs_without_waiting_in_a_circle(workspace):
    """As when a key passes from one process to another while both still have something to write."""
    runs = [factories.make_run(workspace).pk for _ in range(40)]
    at = timezone.now()

    def write(number: int) -> None:
        a_slice = Slice(lambda *args: None)
        for _ in range(10):
            a_slice.contacts = dict.fromkeys(random.sample(runs, len(runs)), at)
            a_slice.flush()

    at_once(write)
    assert set(Run.objects.values_list("contact_at", flat=True)) == {at}


def test_eight_together_spend_one_budget(workspace, budget_clock):
    account = workspace.giga_account
    assert sum(at_once(lambda number: account.take_for_launch())) == pace.BUCKET
