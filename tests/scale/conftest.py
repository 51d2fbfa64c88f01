"""The servers are started once; each fleet has a database of its own."""

import pytest

from tests.scale.fleet import Fleet, Home
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


@pytest.fixture(scope="session")
def home(tmp_path_factory, postgres, redis):
    return Home(tmp_path_factory.mktemp("fleets"), postgres, redis)


@pytest.fixture
def fleet(home):
    """A web process and a Giga that is quick; a test starts its workers."""
    fleet = Fleet(home, speed=100)
    try:
        fleet.start_web()
        yield fleet
    finally:
        fleet.stop()
