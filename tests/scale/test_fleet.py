"""Web processes and workers beside each other, on Postgres and Redis: what one does the others show, and
what dies is made good."""

import json
import signal
import time

import pytest

from tests.served import eventually

# On one worker: its servers and its prepared database are made once, and no two tests use them at a time.
pytestmark = [pytest.mark.process, pytest.mark.xdist_group("fleet")]

ACCEPTED = ("starting", "running", "completed")


def changes(socket, run: int, *, within_s: float = 180):
    """The statuses of a run as its page is told them, until the run has ended."""
    deadline = time.monotonic() + within_s
    while True:
        message = json.loads(socket.recv(timeout=deadline - time.monotonic()))
        if message["type"] == "run.changed" and message["run"] == run:
            yield message["status"]
            if message["status"] == "completed":
                return


def test_pages_see_what_workers_do_and_a_killed_one_is_replaced_by_another(fleet):
    fleet.start("work")
    with fleet.page("/ws/runs/") as socket:
        runs = [fleet.launch("Number 0"), fleet.launch("Number 1")]
        eventually(fleet.holder)
        eventually(lambda: all(fleet.status_of(run) in ACCEPTED for run in runs))
        fleet.start("work")
        assert fleet.health()["watcher"] == "ok"
        fleet.workers[0].kill()
        fleet.end_lease()
        fleet.let_people_ask_again()
        runs.append(fleet.launch("Number 2"))
        told = list(changes(socket, runs[2]))
    # What is told is how it stands by then: a step may be over before it is told.
    assert {"sending", "starting", "running"} & set(told)
    eventually(lambda: fleet.all_ended(runs))
    assert {fleet.status_of(run) for run in runs} == {"completed"}
    assert sorted(fleet.started) == ["Number 0", "Number 1", "Number 2"]


def test_a_worker_that_is_told_to_end_gives_its_keys_back(fleet):
    worker = fleet.start_as_somebody_would("work")
    run = fleet.launch("Anything [scenario:never-ends]")
    eventually(lambda: fleet.status_of(run) in ("starting", "running"))
    eventually(fleet.holder)
    assert worker.end(signal.SIGTERM) == 0
    assert fleet.holder() == ""
    assert "Traceback" not in worker.said


def test_launches_go_on_without_redis_and_pages_are_told_again_when_it_is_back(fleet, redis):
    fleet.start("work")
    with fleet.page("/ws/runs/") as socket:
        redis.kill()
        meanwhile = fleet.launch("Meanwhile")
        eventually(lambda: fleet.status_of(meanwhile) in ACCEPTED)
        assert fleet.web.signed_in()
        redis.start()
        afterwards = fleet.launch("Afterwards")
        assert "completed" in changes(socket, afterwards)
    eventually(lambda: fleet.all_ended([meanwhile, afterwards]))
    assert fleet.started == ["Meanwhile", "Afterwards"]


def test_everything_goes_on_when_postgres_is_back(fleet, postgres):
    fleet.start("work")
    first = fleet.launch("Before")
    eventually(lambda: fleet.status_of(first) in ("starting", "running"))
    postgres.kill()
    postgres.start()
    second = eventually(lambda: fleet.try_to_launch("After"))
    eventually(lambda: fleet.all_ended([first, second]))
    assert sorted(fleet.started) == ["After", "Before"]
