"""A database that is busy, away or damaged: pages say so and keep what was typed, the log says it once."""

import logging
import sqlite3
import threading
import uuid
from contextlib import closing
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test import Client
from django.utils import timezone

from dashboard import outages
from dashboard.outages import InOneLine
from runs import health
from runs.database_errors import Trouble, trouble_of
from runs.models import Run, RunNote
from runs.status import Status
from tests import factories
from tests.served import eventually
from tests.test_errors import heading

BUSY = "The database is busy"


WAIT = outages.Outage._wait


@pytest.fixture(autouse=True)
def no_outage(monkeypatch):
    """None from before, and none that outlasts the test."""
    monkeypatch.setattr(outages, "database", outages.Outage("The database", lambda: "ok"))
    monkeypatch.setattr(outages, "channel_layer", outages.Outage("Redis", lambda: "ok"))
    monkeypatch.setattr(outages, "broker", outages.Outage("The broker", lambda: "ok"))
    monkeypatch.setattr(outages, "ASKED_EVERY_S", 3600.0)
    monkeypatch.setattr(health, "_is_damaged", False)


@pytest.fixture
def run(transactional_db):
    return factories.make_run(factories.make_workspace())


@pytest.fixture
def signed_in(run):
    client = Client(raise_request_exception=False)
    client.force_login(factories.make_person(run.workspace, role="operator", username="olga"))
    return client


@pytest.fixture
def held(run):
    """Another program holds the lock to write, for longer than anybody waits: here not at all."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")
    path = str(connection.settings_dict["NAME"]).removeprefix("file://").partition("?")[0]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other
        if other.in_transaction:
            other.execute("ROLLBACK")


@pytest.mark.any_database
def test_a_note_that_a_locked_database_did_not_take_is_sent_again_by_a_button(run, signed_in, held, caplog):
    """PasarGuard/panel #730, pocketbase #6602."""
    path, typed = f"/runs/{run.pk}/notes/", "\nWhat <b>I</b> saw\n"
    answer = signed_in.post(path, {"text": typed})
    assert (answer.status_code, heading(answer)) == (503, BUSY) and answer.headers["Retry-After"] == "5"
    assert "Nothing was kept" in answer.text and answer.headers["X-Request-Id"] in answer.text
    assert "What &lt;b&gt;I&lt;/b&gt; saw" in answer.text and f'action="{path}"' in answer.text
    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.getMessage() == "Answered 503, the database is busy: database is locked"
    assert line.request.id == answer.headers["X-Request-Id"] and line.exc_info is None
    held.execute("ROLLBACK")
    assert not RunNote.objects.exists()
    assert signed_in.post(path, {"text": typed}).status_code == 302 and RunNote.objects.exists()


@pytest.mark.any_database
def test_a_form_whose_press_counts_once_is_sent_again_as_it_was(run, signed_in, request):
    Run.objects.update(status=Status.COMPLETED)
    request.getfixturevalue("held")
    follow_up = {"message": "Try the other shop", "token": str(uuid.uuid4())}
    answer = signed_in.post(f"/runs/{run.pk}/follow-up/", follow_up)
    assert answer.status_code == 503 and "Send it again" in answer.text
    assert follow_up["message"] in answer.text and follow_up["token"] in answer.text


@pytest.mark.any_database
def test_what_stood_beside_a_secret_can_be_copied(run, held):
    client = Client(raise_request_exception=False)
    answer = client.post("/accounts/login/", {"login": "Olga Who Types", "password": "a-canary-password"})
    assert answer.status_code == 503 and "Olga Who Types" in answer.text and "readonly" in answer.text


@pytest.mark.any_database
def test_a_part_of_a_page_says_so_beside_what_was_typed(run, signed_in, held):
    answer = signed_in.post(f"/runs/{run.pk}/notes/", {"text": "Seen"}, headers={"HX-Request": "true"})
    assert answer.status_code == 503 and f"{BUSY}. Nothing was kept" in answer.text
    assert (answer.headers["HX-Retarget"], answer.headers["HX-Reswap"]) == ("#toasts", "beforeend")


POSTS = {
    "/runs/new/": {"user_prompt": "Sort", "goal_prompt": "Sorted", "duration_hours": "1"},
    "/runs/{run}/verdict/": {"verdict": "yes"},
    "/runs/{run}/flag/": {"needs": "Somebody who knows"},
    "/runs/bulk/": {"action": "tag", "tag": "seen", "run": "{run}"},
    "/runs/side/": {"is_folded": "1"},
    "/me/": {"name": "Olga"},
}


@pytest.mark.any_database
@pytest.mark.parametrize("path", POSTS)
def test_no_form_gets_an_error_for_a_lock(run, signed_in, held, path):
    sent = {name: value.format(run=run.pk) for name, value in POSTS[path].items()}
    assert signed_in.post(path.format(run=run.pk), sent).status_code not in (400, 500)


@pytest.mark.any_database
def test_signing_in_is_tried_again_and_no_password_is_shown(run, held):
    client = Client(raise_request_exception=False)
    answer = client.post("/accounts/login/", {"login": "olga", "password": "a-canary-password"})
    assert (answer.status_code, heading(answer)) == (503, BUSY)
    assert "a-canary-password" not in answer.text and "Send it again" not in answer.text


@pytest.mark.any_database
def test_a_form_of_another_site_is_not_offered_to_be_sent_again(run, signed_in, request):
    """What is written before it is known whose form it is: that a login is in use."""
    Session.objects.update(expire_date=timezone.now() + timedelta(hours=1))
    request.getfixturevalue("held")
    signed_in.handler.enforce_csrf_checks = True
    answer = signed_in.post(f"/runs/{run.pk}/notes/", {"text": "theirs"})
    assert answer.status_code == 503 and "theirs" not in answer.text


@pytest.mark.django_db
@pytest.mark.any_database
@pytest.mark.parametrize("what", ["a corrupted page", "no database", "cut off"])
def test_a_damaged_file_is_known_by_what_sqlite_says(tmp_path, what):
    path = tmp_path / "damaged.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE kept (text TEXT)")
        database.executemany("INSERT INTO kept VALUES (?)", [("x" * 3000,)] * 50)
        database.commit()
    whole = path.read_bytes()
    damaged = {
        "a corrupted page": whole[:4096] + b"\xff" * 4096 + whole[8192:],
        "no database": b"<html>" * 2000,
        "cut off": whole[:6000],
    }
    path.write_bytes(damaged[what])
    other = connection.copy()
    other.settings_dict["NAME"] = str(path)
    other.settings_dict["OPTIONS"] = {}
    with pytest.raises(DatabaseError) as raised, closing(other), other.cursor() as cursor:
        cursor.execute("SELECT sum(length(text)) FROM kept")
    assert trouble_of(raised.value) is Trouble.DAMAGED


@pytest.mark.django_db
@pytest.mark.any_database
def test_a_wrong_statement_is_no_trouble_of_the_database():
    with pytest.raises(DatabaseError) as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
    assert trouble_of(raised.value) is None


@pytest.mark.django_db
@pytest.mark.strictest_database
@pytest.mark.parametrize(
    "statement, trouble",
    [
        ("SET LOCAL statement_timeout = 5; SELECT pg_sleep(60)", Trouble.BUSY),
        ("SET TRANSACTION READ ONLY; CREATE TABLE x (y int)", Trouble.AWAY),
        ("SELECT pg_terminate_backend(pg_backend_pid())", Trouble.AWAY),
        ("SELECT nothing FROM nowhere", None),
    ],
)
def test_what_postgres_says_is_understood(statement, trouble):
    other = connection.copy()
    with closing(other), pytest.raises(DatabaseError) as raised:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(statement)
    assert trouble_of(raised.value) is trouble


def away(
    said='connection to server at "10.0.0.7" failed: Connection refused\n\tIs it running?',
) -> OperationalError:
    return OperationalError(said)


def line(error=None, name="dashboard.threadpool", msg="watch failed", args=(), **more) -> logging.LogRecord:
    found = (type(error), error, None) if error else None
    return logging.makeLogRecord(
        {"name": name, "msg": msg, "args": args, "levelno": logging.ERROR, "exc_info": found, **more}
    )


def test_an_outage_is_one_line_however_many_meet_it(caplog):
    told = InOneLine()
    assert not any(told.filter(line(away())) for _ in range(40))
    (said,) = caplog.messages
    assert said == (
        'The database cannot be reached: connection to server at "10.0.0.7" failed: Connection refused'
    )


def test_the_end_of_an_outage_is_told_once(caplog, monkeypatch):
    monkeypatch.setattr(outages.Outage, "_wait", WAIT)
    monkeypatch.setattr(outages, "ASKED_EVERY_S", 0.001)
    answers, both_told = iter(["does not answer", "does not answer", "ok"]), threading.Event()
    outage = outages.Outage("The database", lambda: both_told.wait(60) and next(answers))
    outage.begins("it is gone")
    outage.begins("it is gone")
    both_told.set()
    eventually(lambda: len(caplog.messages) == 2, every_s=0.01)
    assert caplog.messages == [
        "The database cannot be reached: it is gone",
        "The database can be reached again, after 0 s",
    ]


def test_what_was_busy_is_a_line_without_a_traceback():
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    busy = OperationalError("database is locked")
    busy.__cause__ = error
    record = line(busy)
    assert InOneLine().filter(record)
    assert (record.getMessage(), record.exc_info) == ("watch failed: database is locked", None)


def test_what_must_not_be_lost_is_told_in_an_outage_too():
    record = line(away(), levelno=logging.CRITICAL)
    assert not InOneLine().filter(line(away())) and InOneLine().filter(record)


def test_other_errors_keep_their_traceback():
    record = line(ValueError("Ours"))
    assert InOneLine().filter(record) and record.exc_info
    assert InOneLine().filter(line())


def test_a_damaged_file_is_told_with_what_to_do_and_makes_it_not_ready(caplog, client, db):
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    damaged = DatabaseError("database disk image is malformed")
    damaged.__cause__ = error
    assert not InOneLine().filter(line(damaged))
    assert "database disk image is malformed; stop Gigawatch and restore" in caplog.text
    assert client.get("/readyz").json()["database"] == "is damaged"


@pytest.mark.parametrize(
    "name, outage", [("runs.broadcast", "channel_layer"), ("runs.tasks", "broker"), ("kombu", "broker")]
)
def test_a_redis_that_is_away_is_told_of_whom_it_serves(name, outage):
    redis = pytest.importorskip("redis")
    assert not InOneLine().filter(line(redis.exceptions.ConnectionError("refused"), name=name))
    assert getattr(outages, outage).is_on
