"""What may go wrong with the database under a launch, on real processes: locked, full, its writer killed.
What Giga started is found again, and nothing is started twice."""

import random
import sqlite3
import time
from contextlib import closing

import pytest

from tests.faults.stage import CLAIM_S, KILLED, judge

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("stage")]
RUNS = "/runs HTTP"
SENDS = "/api/sessions HTTP"


@pytest.fixture
def lock(stage):
    """Another program's write lock on the database."""
    with closing(sqlite3.connect(stage.database, isolation_level=None, timeout=5)) as other:
        yield other
        if other.in_transaction:
            other.execute("ROLLBACK")


def while_held(stage, do):
    """Something to do beside a process: wait until Giga's answer is held, do this, let the answer go."""

    def act() -> None:
        assert stage.network.is_holding.wait(90)
        do()
        stage.network.release()

    return act


def end_well(stage):
    """Go on after a restart; what the ledger and the one row say then."""
    stage.network.works()
    stage.work(skip_s=CLAIM_S, to_the_end=True)
    ledger, [row] = stage.ledger, stage.rows()
    assert judge(ledger, [row]).is_clean
    assert stage.is_sound()
    return ledger["runs_started"], row


def test_a_lock_that_outlasts_the_answer_loses_no_run(stage, lock):
    stage.network.does(hold=RUNS)
    stage.work(
        accept=["locked for long"],
        meanwhile=while_held(stage, lambda: lock.execute("BEGIN IMMEDIATE")),
    )
    lock.execute("ROLLBACK")
    [started], row = end_well(stage)
    assert row.status == "completed" and row.thread_id == started["thread_id"]
    assert f"was started at Giga as {started['run_id']} in session {started['thread_id']}" in stage.said


def test_a_lock_before_the_start_is_claimed_lets_nothing_be_sent(stage, lock):
    stage.network.does(hold=SENDS)
    stage.work(
        accept=["locked before"],
        meanwhile=while_held(stage, lambda: lock.execute("BEGIN IMMEDIATE")),
    )
    lock.execute("ROLLBACK")
    assert stage.ledger["runs_started"] == []
    [_], row = end_well(stage)
    assert row.status == "completed"


def test_a_short_lock_is_waited_for(stage, lock):
    def lock_shortly():
        lock.execute("BEGIN IMMEDIATE")
        stage.network.release()
        time.sleep(0.05)
        lock.execute("ROLLBACK")

    stage.network.does(hold=RUNS)
    # Longer than this machine may take over the 50 ms.
    stage.work(accept=["locked shortly"], locked_for_s=60, meanwhile=while_held(stage, lock_shortly))
    [row] = stage.rows()
    assert row.status == "starting" and row.remote_id == stage.ledger["runs_started"][0]["run_id"]


@pytest.mark.parametrize("point", ["session_answered", "session_stored", "sending_stored", "start_answered"])
def test_a_disk_that_fills_up_in_the_middle_of_a_launch_loses_no_run(stage, point):
    stage.work(accept=[f"full at {point}"], disk_full_at=point)
    started, row = end_well(stage)
    if point == "start_answered":
        assert row.thread_id == started[0]["thread_id"]
        assert f"was started at Giga as {started[0]['run_id']}" in stage.said
    assert row.status == "completed"


@pytest.mark.parametrize("seed", range(4))
def test_a_process_killed_in_the_middle_of_its_commits_keeps_what_it_took_on(stage, seed):
    notes = stage.folder / f"notes-{seed}"
    enough = random.Random(seed).randrange(5, 60)

    def in_the_middle() -> bool:
        return notes.exists() and notes.read_text().count("\n") >= enough

    assert (
        stage.work(
            accept=[f"task {number}" for number in range(5000)], noted_in=str(notes), kill_when=in_the_middle
        )
        == KILLED
    )
    assert stage.is_sound()
    kept = [row.prompt for row in stage.rows()]
    noted = notes.read_text().splitlines()
    assert kept[: len(noted)] == noted
    assert len(kept) - len(noted) in (0, 1)
