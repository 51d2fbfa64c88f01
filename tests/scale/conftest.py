"""The servers are started once; each fleet has a database of its own."""

import pytest

from tests.scale.fleet import Fleet, Installation
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
def installation(tmp_path_factory, postgres, redis):
    return Installation(tmp_path_factory.mktemp("fleets"), postgres, redis)


@pytest.fixture
def fleet(installation):
    """A web process and a Giga that is quick; a test starts its workers."""
    fleet = Fleet(installation, speed=100)
    try:
        fleet.start_web()
        yield fleet
    finally:
        fleet.stop()
