"""The whole `manage.py serve`, killed in the middle of a launch or of a reading, and started again. Several
side by side: most of this is waiting."""

import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from simulator.config import Config
from simulator.server import start_in_thread
from tests.faults.proxy import Proxy
from tests.faults.table import HELD
from tests.served import KEY, Served, eventually

pytestmark = pytest.mark.process


@dataclass(frozen=True)
class Case:
    words: str
    point: str
    scenario: str = "default"
    is_known_by_its_id: bool = True


CASES = [
    Case("after the session was made", "session_answered"),
    Case("while Giga's answer to the start is under way", HELD, is_known_by_its_id=False),
    Case("after the start was answered", "start_answered", is_known_by_its_id=False),
    Case("after a start that was answered with 500", "start_answered", "start-500-created", False),
    Case("after a reading", "poll_read"),
]


def play(case: Case, folder: Path) -> tuple[list[dict], tuple[str, str, str]]:
    """Launch, be killed, start again, wait until the run is seen to run: the ledger's runs and our row."""
    simulator = start_in_thread(Config(speed=20, start_delay=0, run_seconds=100))
    network = Proxy(simulator.port)
    crash_at = case.point if case.point != HELD else ""
    folder.mkdir()
    served = Served(folder / "data", GIGA_API_KEY=KEY, GIGA_API_URL=network.url, CRASH_AT=crash_at)
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
        eventually(lambda: row(served)[0] in ("running", "completed"), within_s=180)
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


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    with ThreadPoolExecutor(len(CASES)) as pool:
        playing = {case: pool.submit(play, case, folder / str(number)) for number, case in enumerate(CASES)}
    return playing


@pytest.mark.parametrize("case", CASES, ids=[case.words for case in CASES])
def test_a_serve_that_was_killed_goes_on_and_starts_nothing_twice(played, case):
    started, (_, remote_id, thread_id) = played[case].result()
    assert len(started) == 1
    assert thread_id == started[0]["thread_id"]
    assert remote_id == (started[0]["run_id"] if case.is_known_by_its_id else "")
