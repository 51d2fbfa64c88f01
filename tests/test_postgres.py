"""Whoever needs a connection to Postgres hears soon that none can be made, and waits where all are in use."""

import sys
from contextlib import closing

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from psycopg_pool import PoolTimeout

from dashboard.postgres.base import WAITS, Connection, DatabaseWrapper
from runs.database_errors import Trouble, reason_of, trouble_of
from runs.upgrade import one_at_a_time
from tests.served import free_port

pytestmark = [pytest.mark.django_db, pytest.mark.strictest_database]

SHORT_S = 0.2


@pytest.fixture
def wrapper(monkeypatch):
    """Another pool, of one connection at most, at a server on that port."""
    monkeypatch.setattr(Connection, "why_none", "")
    asked = []
    getting = DatabaseWrapper.__base__.get_new_connection
    monkeypatch.setattr(
        DatabaseWrapper.__base__, "get_new_connection", lambda *args: asked.append(1) or getting(*args)
    )

    def make(**where) -> DatabaseWrapper:
        pool = {"min_size": 0, "max_size": 1, "timeout": SHORT_S}
        options = {**settings.POSTGRES_OPTIONS, "pool": pool}
        made = DatabaseWrapper({**connection.settings_dict, "OPTIONS": options, **where}, alias="other")
        made.asked = asked
        return made

    yield make
    if pool := DatabaseWrapper._connection_pools.pop("other", None):
        pool.close()


def test_a_server_that_cannot_be_reached_is_told_at_once_with_the_reason(wrapper):
    away = wrapper(HOST="127.0.0.1", PORT=free_port(), NAME="watch", USER="giga", PASSWORD="hidden")
    with pytest.raises(OperationalError) as raised:
        away.ensure_connection()
    assert trouble_of(raised.value) is Trouble.AWAY and "hidden" not in str(raised.value)
    assert "Connection refused" in reason_of(raised.value) and len(away.asked) == 1


def test_where_all_connections_are_in_use_one_is_waited_for_longer(wrapper):
    one, other = wrapper(), wrapper()
    with closing(one), one.cursor():
        with pytest.raises(OperationalError) as raised:
            other.ensure_connection()
        assert trouble_of(raised.value) is Trouble.BUSY and isinstance(raised.value.__cause__, PoolTimeout)
        assert len(other.asked) == 1 + WAITS
    with closing(other), other.cursor() as cursor:  # it was given back
        cursor.execute("SELECT 1")


def test_a_step_of_an_upgrade_may_take_longer_than_anything_that_people_wait_for():
    def limits() -> list[str]:
        with connection.cursor() as cursor:
            said = []
            for name in ("statement_timeout", "lock_timeout"):
                cursor.execute(f"SHOW {name}")
                said.append(cursor.fetchone()[0])
            return said

    assert limits() == ["30s", "10s"]
    with one_at_a_time(sys.stdout):
        assert limits() == ["0", "10s"]
    assert limits() == ["30s", "10s"]
