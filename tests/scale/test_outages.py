"""A real Postgres, a real Redis and real workers that go are missed, and found again when they are back."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import requests
from redis import Redis

from tests.scale.fleet import Fleet
from tests.served import PATIENCE_S, ROOT, eventually

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("fleet")]


def ready_but_for(fleet: Fleet, *parts: str) -> bool:
    return {name for name, said in fleet.health().items() if said != "ok"} == set(parts)


def manage(command: str, fleet: Fleet, **env: str) -> subprocess.Popen:
    ours = {"GIGAWATCH_DATA": str(fleet.installation.data), "ENV_FILE": "", "LOG_LEVEL": "INFO"}
    return subprocess.Popen(
        [sys.executable, "manage.py", command],
        cwd=ROOT,
        env={**os.environ, **fleet.installation.env, **ours, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def prepare(fleet: Fleet, database_url: str) -> str:
    """What it says of another database."""
    return manage("prepare", fleet, DATABASE_URL=database_url).communicate(timeout=PATIENCE_S)[0]


@pytest.fixture
def worked(fleet):
    """A fleet that follows a run."""
    worker = fleet.start("work")
    run = fleet.launch("Anything [scenario:never-ends]")
    eventually(lambda: fleet.status_of(run) == "running")
    eventually(lambda: ready_but_for(fleet))
    return worker


def test_a_postgres_that_goes_is_missed_and_found_again(fleet, postgres, worked):
    postgres.kill()
    eventually(lambda: fleet.health()["database"] != "ok")
    assert requests.get(f"{fleet.web.url}/healthz", timeout=PATIENCE_S).ok
    postgres.start()
    eventually(lambda: ready_but_for(fleet))
    assert fleet.session.get(f"{fleet.web.url}/runs/", timeout=PATIENCE_S).ok


def test_a_redis_that_goes_is_missed_and_found_again(fleet, redis, worked):
    redis.kill()
    eventually(lambda: ready_but_for(fleet, "layer", "broker"))
    assert fleet.session.get(f"{fleet.web.url}/runs/", timeout=PATIENCE_S).ok
    redis.start()
    eventually(lambda: ready_but_for(fleet))


# What is asked of it, and what takes it back.
UNUSABLE = {
    "is full": (["CONFIG SET maxmemory 1"], ["CONFIG SET maxmemory 0"]),
    "follows another": (["REPLICAOF 127.0.0.1 1"], ["REPLICAOF NO ONE"]),
    "has another password": (["CONFIG SET requirepass another"], ['CONFIG SET requirepass ""']),
}


@pytest.mark.parametrize("how", UNUSABLE)
def test_a_redis_that_cannot_be_used_is_missed_and_found_again_and_ends_no_worker(fleet, redis, worked, how):
    spoil, mend = UNUSABLE[how]
    with Redis.from_url(redis.url) as asking:
        for command in spoil:
            asking.execute_command(*command.split())
        asking.execute_command("CLIENT KILL TYPE normal SKIPME yes")  # and all come anew
        try:
            eventually(lambda: ready_but_for(fleet, "layer", "broker"))
            run = fleet.launch("Meanwhile [scenario:never-ends]")
            eventually(lambda: fleet.status_of(run) == "running")
        finally:
            for command in mend:
                asking.execute_command(*command.replace('""', "").split(" "))
    eventually(lambda: ready_but_for(fleet))
    assert worked.process.poll() is None
    eventually(lambda: "workers hear of work, can be reached again" in worked.said)
    told = [line for line in worked.said.splitlines() if " ERROR " in line or " CRITICAL " in line]
    assert "Traceback" not in worked.said and len(told) <= 2, worked.said[-4000:]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_holds_no_alphabets_is_refused_in_a_line(fleet, postgres, encoding):
    postgres.do(f"CREATE DATABASE of_{encoding} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    said = prepare(fleet, postgres.url_of(f"of_{encoding}".lower()))
    assert said == f"CommandError: the encoding of this database is {encoding}, and must be UTF8\n"


def test_a_database_that_lets_its_user_make_no_tables_is_told_in_a_line(fleet, postgres):
    """As every new database of Postgres 15 and later is for whoever does not own it."""
    postgres.do("CREATE ROLE guest LOGIN")
    guests = postgres.new_database().replace("gigawatch@", "guest@")
    said = prepare(fleet, guests)
    assert said == "gigawatch: the database cannot be used (permission denied for schema public)\n"


def test_starts_on_one_new_database_wait_for_each_other(fleet, postgres):
    url = postgres.new_database()
    starts = [manage("prepare", fleet, DATABASE_URL=url) for _ in range(2)]
    said = [start.communicate(timeout=PATIENCE_S)[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0], said
    told = [text.startswith("Another start prepares this database: waiting for it.\n") for text in said]
    assert sorted(told) == [False, True], said
    with psycopg.connect(url) as connection:
        made = connection.execute("SELECT (SELECT count(*) FROM people_workspace), count(*) FROM auth_user")
        assert made.fetchone() == (1, 1)


def test_workers_that_die_are_missed(fleet, worked):
    worked.kill()
    eventually(lambda: ready_but_for(fleet, "watcher"))
    assert fleet.health()["watcher"] == "no worker follows some of the runs"
    fleet.start("work")
    eventually(lambda: ready_but_for(fleet))


def test_whoever_supervises_a_worker_hears_whether_it_works(fleet, worked):
    folder = fleet.installation.env["TMPDIR"]

    def ask() -> tuple[int, str]:
        program = [sys.executable, "-m", "dashboard.heartbeat"]
        said = subprocess.run(
            program, cwd=ROOT, env={**os.environ, "TMPDIR": folder}, capture_output=True, text=True
        )
        return said.returncode, said.stderr

    assert ask() == (0, "")
    worked.process.send_signal(signal.SIGSTOP)
    (file,) = Path(folder).glob("gigawatch-worker-*")
    os.utime(file, (time.time() - 60, time.time() - 60))
    code, said = ask()
    assert code == 1 and re.fullmatch(r"worker \d+ is silent for 6\d s\n", said)
    worked.kill()
    assert ask() == (1, "no worker is running\n")


@pytest.mark.parametrize("command", ["prepare", "web", "verify_audit"])
def test_what_starts_without_its_postgres_says_so_in_a_line(fleet, postgres, command):
    """A process that stays waits for it; one that has something to do there ends."""
    postgres.kill()
    try:
        started = manage(command, fleet)
        if command == "web":
            eventually(lambda: started.stdout.readline().startswith("Gigawatch listens"))
            started.kill()
        else:
            said, _ = started.communicate(timeout=PATIENCE_S)
            assert started.returncode == 1
            assert re.fullmatch(r"gigawatch: the database cannot be used \(.*refused.*\)\n", said), said
        started.wait()
    finally:
        postgres.start()
