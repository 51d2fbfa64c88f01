"""`manage.py serve`, started for real: first start, refusals, restarts."""

import re
import signal
import sqlite3
import stat
import subprocess
import sys

import pytest
import requests

from simulator.app import Config
from simulator.server import start_in_thread
from tests.served import KEY, PATIENCE_S, ROOT, STARTS_WITHIN_S, Served, eventually

pytestmark = pytest.mark.process


@pytest.fixture
def serve(tmp_path):
    started = []

    def start(**env) -> Served:
        served = Served(tmp_path / "data", **env).start()
        started.append(served)
        return served

    yield start
    for served in started:
        served.kill()


@pytest.fixture
def giga():
    simulators = []

    def start(**config):
        simulators.append(start_in_thread(Config(**config)))
        return simulators[-1]

    yield start
    for simulator in simulators:
        simulator.stop()


def live(simulator) -> dict:
    return {"GIGA_API_KEY": KEY, "GIGA_API_URL": simulator.url}


def ledger(simulator) -> dict:
    return requests.get(f"{simulator.url}/_ledger", timeout=PATIENCE_S).json()


def test_a_first_start_makes_everything_and_prints_a_link_that_works_once(serve):
    served = serve(DJANGO_SUPERUSER_PASSWORD="").ready()
    link = re.search(r"http://\S+/enter/\S+", served.said)[0]
    session = requests.Session()
    assert session.get(link, timeout=PATIENCE_S).url == f"{served.url}/runs/"
    assert "Demo: simulated Giga" in session.get(f"{served.url}/runs/", timeout=PATIENCE_S).text
    assert requests.get(link, timeout=PATIENCE_S).status_code == 410
    for name in ("secret_key", "encryption_keys", "gigawatch.sqlite3", "simulator.jsonl"):
        file = served.data / name
        assert not file.exists() or stat.S_IMODE(file.stat().st_mode) == 0o600, name
    assert stat.S_IMODE(served.data.stat().st_mode) == 0o700
    health = {"database": "ok", "watcher": "ok", "giga": "ok"}
    eventually(lambda: requests.get(f"{served.url}/healthz", timeout=PATIENCE_S).json() == health)


def test_ctrl_c_ends_it_cleanly(serve):
    served = serve().ready()
    assert served.end(signal.SIGINT, within_s=30) == 0
    assert "Traceback" not in served.said
    assert served.said.endswith("Stopped.\n")


def test_a_second_one_on_the_same_folder_is_refused_in_one_line(serve):
    first = serve().ready()
    second = serve()
    assert second.process.wait(STARTS_WITHIN_S) == 1
    assert second.said == (
        f"CommandError: another serve is running on {first.data}; set GIGAWATCH_DATA for a second one\n"
    )


def test_a_taken_port_is_refused_in_one_line(serve, tmp_path):
    first = serve().ready()
    second = Served(tmp_path / "other", PORT=str(first.port)).start()
    assert second.process.wait(STARTS_WITHIN_S) == 1
    where = f"127.0.0.1:{first.port}"
    assert (
        second.said == f"CommandError: cannot listen on {where}: Address already in use; set HOST or PORT\n"
    )


@pytest.mark.parametrize(
    "env, words",
    [
        ({"PORT": "eighty"}, "PORT"),
        ({"SITE_URL": "watch.example.com"}, "SITE_URL must look like"),
        ({"GIGA_API_KEY": KEY, "GIGA_API_URL": "ftp://x"}, "GIGA_API_URL must look like"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
        ({"DEBUG": "perhaps"}, "DEBUG"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY must be at least 50"),
        ({"GIGAWATCH_DATA": "/proc/nothing"}, "the data folder /proc/nothing cannot be used"),
        ({"TIME_ZONE": "Mars/Olympus"}, "TIME_ZONE"),
        ({"ENCRYPTION_KEYS": "rubbish"}, "ENCRYPTION_KEYS"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(tmp_path, env, words):
    served = Served(tmp_path / "data")
    program = [sys.executable, "manage.py", "serve"]
    ended = subprocess.run(
        program, cwd=ROOT, env={**served.env, **env}, capture_output=True, text=True, timeout=STARTS_WITHIN_S
    )
    assert ended.returncode == 1
    assert words in ended.stderr and ended.stderr.count("\n") == 1, ended.stderr


def test_a_restart_in_the_middle_of_ten_runs_goes_on_with_all_ten(serve, giga):
    simulator = giga(speed=4, run_seconds=60)
    served = serve(**live(simulator)).ready()
    session = served.signed_in()
    runs = [served.launch(session, f"Task number {number}") for number in range(10)]
    eventually(lambda: len(ledger(simulator)["runs_started"]) >= 2, within_s=180)
    served.end(signal.SIGKILL)
    again = serve(PORT=str(served.port), **live(simulator)).ready()
    session = again.signed_in()
    requests.post(f"{simulator.url}/_scenario", json={"name": "default", "speed": 1000}, timeout=PATIENCE_S)
    eventually(
        lambda: all(again.status_of(session, run) in ("completed", "not_started", "unknown") for run in runs),
        within_s=150,
        every_s=1,
    )
    started = [run["user_prompt"] for run in ledger(simulator)["runs_started"]]
    assert len(started) == len(set(started)), "a run was started twice"
    with sqlite3.connect(again.data / "gigawatch.sqlite3") as database:
        statuses = dict(database.execute("SELECT status, count(*) FROM runs_run GROUP BY status"))
    assert statuses.get("completed", 0) >= 9, statuses


def test_a_refused_key_is_rejected_with_what_giga_said(serve, giga):
    simulator = giga(scenario="key-refused")
    served = serve(**live(simulator)).ready()
    session = served.signed_in()
    run = served.launch(session, "Anything")
    eventually(lambda: served.status_of(session, run) == "rejected")
    page = session.get(f"{served.url}/runs/{run}/", timeout=PATIENCE_S).text
    refused = [request for request in ledger(simulator)["requests"] if request["status"] == 401]
    assert len(refused) == 1, "a refused key is asked with once"
    assert "INVALID_API_KEY" in page and "refuses this workspace" in page
    assert re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", page), "no request id"
    assert KEY not in page and KEY not in served.said


def test_an_unreachable_giga_is_waited_for(serve, giga):
    simulator = giga()
    port = simulator.port
    simulator.stop()
    served = serve(GIGA_API_KEY=KEY, GIGA_API_URL=f"http://127.0.0.1:{port}").ready()
    session = served.signed_in()
    run = served.launch(session, "Anything")
    eventually(
        lambda: "cannot be reached" in session.get(f"{served.url}/runs/{run}/", timeout=PATIENCE_S).text
    )
    assert served.status_of(session, run) == "queued"
    back = start_in_thread(Config(speed=10), port=port)
    try:
        eventually(lambda: served.status_of(session, run) in ("starting", "running"), within_s=180)
    finally:
        back.stop()
