"""The whole `manage.py serve`, killed in the middle of a launch or of a reading, and started again. Several
side by side: most of this is waiting."""

import signal
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from simulator.config import Config
from simulator.server import start_in_thread
from tests.faults.proxy import Proxy
from tests.faults.table import HELD
from tests.prepared import prepared_serve
from tests.served import KEY, Served, eventually

pytestmark = pytest.mark.process


@dataclass(frozen=True)
class Case:
    words: str
    point: str
    scenario: str = "default"
    is_known_by_its_id: bool = True


CASES = [
    Case("while Giga's answer to the start is under way", HELD, is_known_by_its_id=False),
    Case("after the start was answered", "start_answered", is_known_by_its_id=False),
]
# The crash table has these with a smaller process.
MORE_CASES = [
    Case("after the session was made", "session_answered"),
    Case("after a start that was answered with 500", "start_answered", "start-500-created", False),
    Case("after a reading", "poll_read"),
]


def play(case: Case, folder: Path) -> tuple[list[dict], tuple[str, str, str]]:
    """Launch, be killed, start again, wait until the run is seen to run: the ledger's runs and our row."""
    simulator = start_in_thread(Config(speed=20, start_delay=0, run_seconds=100))
    network = Proxy(simulator.port)
    crash_at = case.point if case.point != HELD else ""
    served = prepared_serve(folder / "data", GIGA_API_KEY=KEY, GIGA_API_URL=network.url, CRASH_AT=crash_at)
    try:
        served.start().ready()
        if case.point == HELD:
            network.does(hold="/runs HTTP")
        served.launch(served.signed_in(), f"[scenario:{case.scenario}] Download the invoices")
        if case.point == HELD:
            assert network.is_holding.wait(90)
            served.kill()
        assert served.process.wait(90) == -signal.SIGKILL
        network.release()
        network.works()
        served.env["CRASH_AT"] = ""
        served.start().ready()
        eventually(lambda: is_seen_to_run(served), within_s=180)
        ledger = requests.get(f"{simulator.url}/_ledger", timeout=60).json()
        return ledger["runs_started"], row(served)
    finally:
        served.kill()
        network.stop()
        simulator.stop()


def row(served: Served) -> tuple[str, str, str]:
    """Status, Giga's id and session of the only run."""
    with closing(sqlite3.connect(served.data / "gigawatch.sqlite3", timeout=5)) as database:
        return database.execute(
            "SELECT status, coalesce(remote_id, ''), thread_id"
            " FROM runs_run r JOIN runs_agentsession s ON s.id = r.agent_session_id"
        ).fetchone()


def is_seen_to_run(served: Served) -> bool:
    """It is, or becomes due at once: how long is waited between two readings is for other tests."""
    with closing(sqlite3.connect(served.data / "gigawatch.sqlite3", timeout=30)) as database, database:
        database.execute("UPDATE runs_run SET due_at = datetime('now') WHERE status = 'unknown'")
    return row(served)[0] in ("running", "completed")


def play_all(cases: list[Case], folder: Path) -> dict[str, str]:
    """What went wrong, by case."""
    for number in range(len(cases)):
        (folder / str(number)).mkdir()
    with ThreadPoolExecutor(len(cases)) as pool:
        played = [pool.submit(play, case, folder / str(number)) for number, case in enumerate(cases)]
    return {
        case.words: flaw
        for case, future in zip(cases, played, strict=True)
        if (flaw := flaw_of(case, future))
    }


def flaw_of(case: Case, playing: Future) -> str:
    if error := playing.exception():
        return repr(error)
    started, (_, remote_id, thread_id) = playing.result()
    if len(started) != 1:
        return f"started {len(started)} times"
    if thread_id != started[0]["thread_id"]:
        return "it is not the run that was started"
    if remote_id != (started[0]["run_id"] if case.is_known_by_its_id else ""):
        return f"its id is {remote_id!r}"
    return ""


def test_a_serve_that_was_killed_goes_on_and_starts_nothing_twice(tmp_path):
    assert play_all(CASES, tmp_path) == {}


@pytest.mark.soak
def test_it_does_so_wherever_it_was_killed(tmp_path):
    assert play_all(MORE_CASES, tmp_path) == {}
