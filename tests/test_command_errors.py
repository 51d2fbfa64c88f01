"""What is typed on a database that is damaged, busy, gone or not there ends in a sentence."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.prepared import copy_prepared
from tests.served import ROOT, free_port

pytestmark = pytest.mark.process


def manage(data, command: str) -> str:
    """What it says at last; it ends with 1 and without a traceback."""
    env = {**os.environ, "GIGAWATCH_DATA": str(data), "PORT": str(free_port()), "LOG_LEVEL": "WARNING"}
    program = [sys.executable, "manage.py", *command.split()]
    ended = subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    return ended.stderr.splitlines()[-1]


def damaged(data, how: str) -> None:
    """The database of this folder, as a bad disk or a bad copy leaves it."""
    path = data / "gigawatch.sqlite3"
    whole = path.read_bytes()
    path.write_bytes(
        {
            "pages": whole[:4096] + os.urandom(len(whole) - 4096),
            "cut short": whole[: len(whole) // 3 + 100],
            "another file": b"This is a letter to the editor. " * 500,
        }[how]
    )


@pytest.mark.parametrize("how", ["pages", "cut short", "another file"])
@pytest.mark.parametrize("command", ["serve", "verify_audit"])
def test_a_damaged_database_ends_in_one_sentence(tmp_path, how, command):
    data = copy_prepared(tmp_path / "data")
    damaged(data, how)
    said = manage(data, command)
    assert said.startswith(f"gigawatch: the database {data}/gigawatch.sqlite3 is damaged (")
    assert said.endswith("put a backup in its place")


@pytest.mark.parametrize("command", ["verify_audit", "rotate_keys", "sign_in_link admin", "demo_history"])
def test_a_database_that_is_not_there_or_has_no_tables_is_told(tmp_path, command):
    data = tmp_path / "data"
    assert "is not there: `manage.py serve` or `prepare` makes it" in manage(data, command)
    data.mkdir(mode=0o700)
    (data / "gigawatch.sqlite3").touch()
    assert "has not the tables of this Gigawatch" in manage(data, command)


def test_a_database_that_somebody_holds_is_told(tmp_path):
    data = copy_prepared(tmp_path / "data")
    with closing(sqlite3.connect(data / "gigawatch.sqlite3")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "is busy, somebody else holds it (database is locked)" in manage(
            data, "createsuperuser --noinput --username x --email x@example.com"
        )
