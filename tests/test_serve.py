"""`manage.py serve`, started for real: first start, refusals, restarts."""

import re
import signal
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from io import StringIO

import pytest
import requests

from runs.management.commands.serve import Command
from simulator.app import Config
from simulator.server import start_in_thread
from tests.prepared import prepared_serve
from tests.served import KEY, PATIENCE_S, ROOT, STARTS_WITHIN_S, Served, csrf_token_of, eventually

pytestmark = pytest.mark.process
# On one worker: it is started once.
with_the_first = pytest.mark.xdist_group("first serve")


@pytest.fixture
def serve(tmp_path):
    """Starts one on a folder that is prepared."""
    with ExitStack() as in_the_end:

        def start(**env) -> Served:
            served = prepared_serve(tmp_path / "data", **env)
            in_the_end.callback(served.kill)
            return served.start()

        yield start


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The demo, started for the first time."""
    served = Served(tmp_path_factory.mktemp("first") / "data", DJANGO_SUPERUSER_PASSWORD="").start()
    yield served.ready()
    served.kill()


@pytest.fixture
def giga():
    with ExitStack() as in_the_end:

        def start(**config):
            simulator = start_in_thread(Config(**config))
            in_the_end.callback(simulator.stop)
            return simulator

        yield start


def live(simulator) -> dict:
    return {"GIGA_API_KEY": KEY, "GIGA_API_URL": simulator.url}


def ledger(simulator) -> dict:
    return requests.get(f"{simulator.url}/_ledger", timeout=PATIENCE_S).json()


def tell(simulator, route: str, /, **changes) -> None:
    requests.post(f"{simulator.url}/_{route}", json=changes, timeout=PATIENCE_S).raise_for_status()


@with_the_first
def test_two_instances_on_one_host_name_leave_each_others_cookies_alone(first, serve):
    """Typed into one browser, which sends both of them all it has for their host name (OctoPrint #1479,
    elastic/kibana #189311)."""
    other = serve().ready()
    browser = other.signed_in()
    of_the_other = {cookie.name: cookie.value for cookie in browser.cookies}
    browser.post(f"{first.url}/accounts/login/", timeout=PATIENCE_S)  # refused, and given cookies of its own
    browser.get(f"{first.url}/accounts/login/", timeout=PATIENCE_S)
    kept = {cookie.name: cookie.value for cookie in browser.cookies}
    assert of_the_other.items() < kept.items()
    assert browser.get(f"{other.url}/runs/", timeout=PATIENCE_S).url == f"{other.url}/runs/"


@with_the_first
def test_a_first_start_makes_everything_and_prints_a_link_that_works_once(first):
    served = first
    link = re.search(r"http://\S+/enter/\S+", served.said)[0]
    session = requests.Session()
    assert session.get(link, timeout=PATIENCE_S).status_code == 200  # as programs do that read along, too
    pressed = {"csrfmiddlewaretoken": csrf_token_of(session)}
    entered = session.post(link, data=pressed, headers={"Referer": link}, timeout=PATIENCE_S)
    assert entered.url == f"{served.url}/accounts/password/set/?next=/"
    assert "Demo: simulated Giga" in session.get(f"{served.url}/runs/", timeout=PATIENCE_S).text
    assert requests.get(link, timeout=PATIENCE_S).status_code == 410
    for name in ("secret_key", "encryption_keys", "gigawatch.sqlite3", "simulator.jsonl"):
        file = served.data / name
        assert not file.exists() or stat.S_IMODE(file.stat().st_mode) == 0o600, name
    assert stat.S_IMODE(served.data.stat().st_mode) == 0o700
    eventually(lambda: requests.get(f"{served.url}/readyz", timeout=PATIENCE_S).ok)


@pytest.mark.parametrize(
    "host, site, address",
    [
        ("::1", "", "http://[::1]:8000"),
        ("::", "", "http://127.0.0.1:8000"),
        ("127.0.0.1", "", "http://127.0.0.1:8000"),
        ("::", "https://[2001:DB8::1]/", "https://[2001:db8::1]"),
    ],
)
def test_the_greeting_says_an_address_that_a_browser_takes(settings, monkeypatch, host, site, address):
    settings.HOST, settings.PORT, settings.SITE_URL = host, 8000, site
    settings.SITE_ORIGINS = [address]
    monkeypatch.setattr("runs.management.commands.serve.say_sign_in_links", lambda *args: None)
    said = StringIO()
    Command(stdout=said).greet(None)
    assert said.getvalue().startswith(f"Gigawatch is at {address}/\n")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_what_stops_a_container_end_it_cleanly(serve, how):
    """However often it is said: who is impatient says it twice."""
    served = serve().ready()
    served.process.send_signal(how)
    assert served.end(how, within_s=30) == 0
    assert "Traceback" not in served.said
    assert served.said.endswith("Stopped.\n")


@with_the_first
def test_a_second_one_on_the_same_folder_is_refused_in_one_line(first):
    second = Served(first.data).start()
    assert second.process.wait(STARTS_WITHIN_S) == 1
    assert second.said == (
        f"CommandError: another serve is running on {first.data}; set GIGAWATCH_DATA for a second one\n"
    )


@with_the_first
def test_a_taken_port_is_refused_in_one_line(first, tmp_path):
    second = Served(tmp_path / "other", PORT=str(first.port)).start()
    assert second.process.wait(STARTS_WITHIN_S) == 1
    where = f"127.0.0.1:{first.port}"
    assert (
        second.said == f"CommandError: cannot listen on {where}: Address already in use; set HOST or PORT\n"
    )


WRONG = {
    "PORT": ({"PORT": "eighty"}, "PORT"),
    "SITE_URL": ({"SITE_URL": "watch.example.com"}, "SITE_URL must look like"),
    "SITE_URL with no port": ({"SITE_URL": "https://watch.example.com:x"}, "SITE_URL must look like"),
    "DESKTOP_NETWORKS": ({"DESKTOP_NETWORKS": "10.0.0.5/8"}, "DESKTOP_NETWORKS must look like"),
    "GIGA_API_URL": ({"GIGA_API_KEY": KEY, "GIGA_API_URL": "ftp://x"}, "GIGA_API_URL must look like"),
    "LOG_LEVEL": ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
    "DEBUG": ({"DEBUG": "perhaps"}, "DEBUG"),
    "SECRET_KEY": ({"SECRET_KEY": "short"}, "SECRET_KEY must be at least 50"),
    "GIGAWATCH_DATA": ({"GIGAWATCH_DATA": "/proc/nothing"}, "the data folder /proc/nothing cannot be used"),
    "TIME_ZONE": ({"TIME_ZONE": "Mars/Olympus"}, "TIME_ZONE"),
    "ENCRYPTION_KEYS": ({"ENCRYPTION_KEYS": "rubbish"}, "ENCRYPTION_KEYS"),
}


def test_a_wrong_setting_is_refused_in_one_line(tmp_path):
    def refuses(name: str) -> str:
        env, words = WRONG[name]
        env = Served(tmp_path / name).env | env
        program = [sys.executable, "manage.py", "serve"]
        ended = subprocess.run(
            program, cwd=ROOT, env=env, capture_output=True, text=True, timeout=STARTS_WITHIN_S
        )
        is_right = ended.returncode == 1 and words in ended.stderr and ended.stderr.count("\n") == 1
        return "" if is_right else f"{ended.returncode}: {ended.stderr}"

    with ThreadPoolExecutor(2) as pool:
        said = dict(zip(WRONG, pool.map(refuses, WRONG), strict=True))
    assert {name: words for name, words in said.items() if words} == {}


def let_people_ask_again(served: Served) -> None:
    """As when nobody had launched anything for a while."""
    with closing(sqlite3.connect(served.data / "gigawatch.sqlite3", timeout=30)) as database, database:
        database.execute("UPDATE runs_gigaaccount SET free_at = 0, launches_first_until = 0")


@pytest.mark.parametrize("count", [4, pytest.param(10, marks=pytest.mark.soak)])
def test_a_restart_in_the_middle_of_many_runs_goes_on_with_all(serve, giga, count):
    simulator = giga(speed=4, run_seconds=60)
    served = serve(**live(simulator)).ready()
    session = served.signed_in()
    runs = [served.launch(session, f"Task number {number}") for number in range(count)]
    eventually(lambda: len(ledger(simulator)["runs_started"]) >= 2, within_s=180)
    served.end(signal.SIGKILL)
    again = serve(PORT=str(served.port), **live(simulator)).ready()
    session = again.signed_in()
    tell(simulator, "scenario", name="default", speed=1000)
    tell(simulator, "advance", seconds=600)

    def have_ended() -> bool:
        """One whose answer was lost may be read for two minutes yet."""
        let_people_ask_again(again)
        shown = [again.status_of(session, run) for run in runs]
        return set(shown) <= {"completed", "not_started", "unknown"} and shown.count("completed") >= count - 1

    eventually(have_ended, within_s=150, every_s=0.5)
    started = [run["user_prompt"] for run in ledger(simulator)["runs_started"]]
    assert len(started) == len(set(started)), "a run was started twice"


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
