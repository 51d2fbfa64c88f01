"""Rows of logins that are over go by themselves, few at a time."""

from datetime import timedelta

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard import engine
from people import sessions
from people.sessions import clear_over
from tests import factories


def make_over(*keys: str) -> None:
    ended = timezone.now() - timedelta(seconds=1)
    Session.objects.bulk_create(Session(session_key=key, session_data="", expire_date=ended) for key in keys)


def test_logins_that_are_over_leave_no_rows(manager):
    over, going_on = Client(), Client()
    for browser in (over, going_on):
        factories.sign_in(browser, manager)
        assert browser.get("/runs/").status_code == 200
    Session.objects.filter(pk=over.session.session_key).update(
        expire_date=timezone.now() - timedelta(seconds=1)
    )
    assert clear_over() == 1
    assert list(Session.objects.values_list("pk", flat=True)) == [going_on.session.session_key]
    assert set(UserSession.objects.values_list("session_key", flat=True)) <= {going_on.session.session_key}
    assert going_on.get("/runs/").status_code == 200 and clear_over() == 0


def test_many_go_few_at_a_time(manager, monkeypatch):
    monkeypatch.setattr(sessions, "CLEARED_AT_ONCE", 2)
    going_on = Client()
    factories.sign_in(going_on, manager)
    going_on.get("/runs/")
    keys = [f"over{n}" for n in range(5)]
    make_over(*keys)
    for key in [*keys, "gone long ago"]:
        UserSession.objects.create(user=manager, ip="192.0.2.1", session_key=key, user_agent="x")
    with CaptureQueriesContext(connection) as queries:
        assert clear_over() == 5
    deletes = [query["sql"] for query in queries if query["sql"].startswith("DELETE")]
    assert len(deletes) == 6
    kept = going_on.session.session_key
    assert list(Session.objects.values_list("session_key", flat=True)) == [kept]
    assert set(UserSession.objects.values_list("session_key", flat=True)) <= {kept}


def test_the_engine_does_it_at_long_intervals(monkeypatch):
    loops = []
    monkeypatch.setattr(engine.Loop, "start", lambda loop: loops.append((loop.one_round, loop.every_s)))
    monkeypatch.setattr(engine.Loop, "join", lambda loop, timeout: None)
    engine.start()
    engine.stop()
    assert (clear_over, 3600.0) in loops
