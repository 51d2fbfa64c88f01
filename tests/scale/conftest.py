"""The servers are started once; each fleet has a database of its own."""

import pytest

from tests.scale.fleet import Fleet
from tests.servers import Postgres, Redis


@pytest.fixture(scope="session")
def postgres():
    server = Postgres()
    try:
        yield server.make().start()
    finally:
        server.remove()


@pytest.fixture(scope="session")
def redis():
    server = Redis()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def fleet(tmp_path, postgres, redis):
    """One web process and one worker; a test starts more."""
    fleet = Fleet(tmp_path, postgres, redis, speed=20)
    try:
        fleet.start("work")
        fleet.start_web()
        yield fleet
    finally:
        fleet.stop()
