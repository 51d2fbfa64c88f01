"""From the tables of another version to those of this one: refused, copied first, told, and gone on with."""

import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from types import SimpleNamespace

import pytest
import requests
from django.core.management import CommandError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from runs import upgrade
from tests import factories
from tests.prepared import copy_prepared, prepared_serve
from tests.served import PATIENCE_S, ROOT, Served, eventually


def manage(*arguments: str, data, **env: str) -> subprocess.CompletedProcess:
    env = {**os.environ, "GIGAWATCH_DATA": str(data), **env}
    program = [sys.executable, "manage.py", *arguments]
    return subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True)


def query(data, statement: str) -> list:
    with closing(sqlite3.connect(data / "gigawatch.sqlite3")) as database, database:
        return database.execute(statement).fetchall()


@pytest.fixture
def newer(tmp_path):
    """A folder on which a newer version has worked."""
    data = copy_prepared(tmp_path / "data")
    query(
        data,
        "INSERT INTO django_migrations (app, name, applied) VALUES ('runs', '0099_future', '2030-01-01')",
    )
    return data


@pytest.mark.process
@pytest.mark.parametrize("command", ["serve", "prepare", "migrate"])
def test_tables_of_a_newer_version_are_refused_in_one_line_and_left_alone(newer, command):
    before = (newer / "gigawatch.sqlite3").read_bytes()
    ended = manage(command, data=newer, GIGA_API_KEY="giga_sk_" + "1" * 32)
    assert ended.returncode == 1
    assert ended.stderr == (
        "CommandError: this database was used by a newer Gigawatch (runs.0099_future): start that one again, "
        "or restore a copy from before its upgrade\n"
    )
    assert (newer / "gigawatch.sqlite3").read_bytes() == before


@pytest.mark.django_db
def test_a_process_of_many_refuses_tables_that_are_not_of_its_version():
    assert upgrade.why_not_here() == ""
    MigrationRecorder(connection).record_applied("desktops", "0001_initial")
    assert "(desktops.0001_initial)" in upgrade.why_not_here()
    MigrationRecorder(connection).record_unapplied("desktops", "0001_initial")
    last = upgrade.MigrationExecutor(connection).loader.graph.leaf_nodes("runs")[0]
    MigrationRecorder(connection).record_unapplied(*last)
    assert upgrade.why_not_here().endswith("run `manage.py prepare` first")


@pytest.fixture
def older(tmp_path):
    """A folder as the first version left it, with a run in it."""
    data = tmp_path / "data"
    make = "import django, sys; django.setup(); from django.core.management import call_command\n"
    make += "for app in sys.argv[1:]: call_command('migrate', *app.split(), verbosity=0)"
    apps = ("runs 0001", "auth", "account", "admin", "mfa", "sessions", "socialaccount", "usersessions")
    env = {**os.environ, "GIGAWATCH_DATA": str(data), "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    subprocess.run([sys.executable, "-c", make, *apps], cwd=ROOT, env=env, check=True, capture_output=True)
    for copy in data.glob("before-upgrade-*"):
        copy.unlink()
    insert(data, "people_workspace", name="Home")
    insert(data, "runs_agentsession", workspace_id=1, user_prompt="Sort the invoices", launch_token="1" * 32)
    insert(data, "runs_run", workspace_id=1, agent_session_id=1, status="completed")
    return data


def insert(data, table: str, **values) -> None:
    """A row of these values, with nothing in each other column that must hold something."""
    for _, name, kind, is_needed, default, is_key in query(data, f"PRAGMA table_info({table})"):
        if is_needed and default is None and not is_key and name not in values:
            numbers = kind.startswith(("int", "bool", "small", "big", "real"))
            values[name] = (
                0 if numbers else "2026-01-01" if "datetime" in kind else "{}" if "json" in name else ""
            )
    names = ", ".join(values)
    query(data, f"INSERT INTO {table} ({names}) VALUES ({', '.join(map(repr, values.values()))})")


def steps_told(said: str) -> list[tuple[int, int]]:
    return [
        (int(step), int(steps)) for step, steps in re.findall(r"^Step (\d+) of (\d+): ", said, re.MULTILINE)
    ]


@pytest.mark.process
def test_an_upgrade_copies_first_says_how_far_it_is_and_answers_meanwhile(older):
    served = Served(older)
    with closing(sqlite3.connect(older / "gigawatch.sqlite3")) as somebody:
        somebody.execute("BEGIN IMMEDIATE")  # which holds the first step up
        served.start()
        answers = f"http://127.0.0.1:{served.port}"
        eventually(lambda: steps_told(served.said))
        page = requests.get(f"{answers}/runs/?q=x", timeout=PATIENCE_S)
        assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
        steps = steps_told(served.said)[0][1]
        assert f"step 1 of {steps}" in page.text
        assert requests.post(f"{answers}/runs/new/", timeout=PATIENCE_S).status_code == 503
        assert requests.get(f"{answers}/static/css/gigawatch.css", timeout=PATIENCE_S).ok
        assert requests.get(f"{answers}/healthz", timeout=PATIENCE_S).ok
        ready = requests.get(f"{answers}/readyz", timeout=PATIENCE_S)
        assert (ready.status_code, ready.json()) == (503, {"tables": f"are upgraded, step 1 of {steps}"})
    served.ready()
    assert steps_told(served.said) == [(step, steps) for step in range(1, steps + 1)]
    assert "The tables are upgraded, after" in served.said
    (copy,) = older.glob("before-upgrade-*.sqlite3")
    assert str(copy) in served.said and stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT count(*) FROM django_migrations WHERE app = 'runs'").fetchone() == (
            1,
        )
        assert database.execute("SELECT user_prompt FROM runs_agentsession").fetchall() == [
            ("Sort the invoices",)
        ]
    assert (
        "Sort the invoices"
        in served.signed_in().get(f"{served.url}/runs/?q=invoices", timeout=PATIENCE_S).text
    )
    served.kill()


@pytest.mark.process
def test_an_upgrade_that_is_killed_is_gone_on_with(older):
    for step in (2, 4):
        served = Served(older).start()
        eventually(lambda step=step, served=served: len(steps_told(served.said)) >= step)
        served.process.kill()
        served.process.wait()
    served = Served(older).start().ready()
    assert "Sort the invoices" in served.signed_in().get(f"{served.url}/runs/", timeout=PATIENCE_S).text
    served.kill()


@pytest.mark.process
def test_ctrl_c_ends_an_upgrade_and_the_next_start_goes_on(older):
    served = Served(older)
    with closing(sqlite3.connect(older / "gigawatch.sqlite3")) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        # As a shell has it for what a script starts in the background.
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
        served.start()
        signal.signal(signal.SIGINT, heard)
        eventually(lambda: steps_told(served.said))
        served.process.send_signal(signal.SIGINT)
    assert served.process.wait(PATIENCE_S) == 0
    assert served.said.endswith("Stopped.\n") and "Traceback" not in served.said
    assert manage("migrate", "--check", data=older).returncode == 1
    assert manage("migrate", data=older).returncode == 0


@pytest.mark.process
def test_a_start_on_tables_of_its_own_version_makes_no_copy_and_tells_nothing(tmp_path):
    served = prepared_serve(tmp_path / "data").start().ready()
    served.kill()
    assert "tables" not in served.said
    assert list((tmp_path / "data").glob("before-upgrade-*")) == []


def test_without_room_for_it_no_upgrade_is_begun(tmp_path, settings, monkeypatch):
    settings.SQLITE_FILE = tmp_path / "gigawatch.sqlite3"
    settings.SQLITE_FILE.write_bytes(b"x" * 2_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10**6))
    monkeypatch.setattr(connection, "vendor", "sqlite")
    with pytest.raises(CommandError, match=r"needs 6 MB in .*, and 1 MB are free: nothing was changed"):
        upgrade.copy_database()
    assert list(tmp_path.iterdir()) == [settings.SQLITE_FILE]


@pytest.mark.django_db
def test_a_step_that_goes_through_many_rows_says_how_many_are_done(monkeypatch, capsys):
    for number in range(3):
        factories.make_workspace(f"Team {number}")
    told = []
    monkeypatch.setattr(upgrade, "TOLD_EVERY_S", 0)
    monkeypatch.setattr(upgrade.progress, "tell", told.append)
    names = [row.name for row in upgrade.counted(factories.Workspace.objects.order_by("pk"), "workspaces")]
    assert names == ["Team 0", "Team 1", "Team 2"]
    assert told == ["  0 of 3 workspaces", "  1 of 3 workspaces", "  2 of 3 workspaces"]
