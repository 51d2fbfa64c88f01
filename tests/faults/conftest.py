"""A simulated Giga and a faulty network before it, for tests in this process."""

import pytest
import requests

from simulator.config import Config
from simulator.server import start_in_thread
from tests import factories
from tests.faults.proxy import Proxy
from tests.faults.raw import RawServer
from tests.faults.stage import Stage


class Giga:
    """A simulated Giga as a test sees it: what befalls it, and what it was asked."""

    def __init__(self):
        self.server = start_in_thread(Config(start_delay=0, rate_per_minute=1_000_000))

    def befall(self, scenario: str, *calls: str, **changes) -> None:
        self._control("scenario", name=scenario, calls=list(calls), **changes)

    def advance(self, seconds: float) -> None:
        self._control("advance", seconds=seconds)

    def forget(self) -> None:
        self._control("reset")

    def _control(self, route: str, /, **changes) -> None:
        requests.post(f"{self.server.url}/_{route}", json=changes, timeout=60).raise_for_status()

    @property
    def ledger(self) -> dict:
        return requests.get(f"{self.server.url}/_ledger", timeout=60).json()

    @property
    def runs(self) -> list[dict]:
        return self.ledger["runs_started"]

    def asked(self, method: str, ends_with: str) -> int:
        return sum(
            request["method"] == method and request["path"].endswith(ends_with)
            for request in self.ledger["requests"]
        )


@pytest.fixture(scope="session")
def one_giga():
    giga = Giga()
    yield giga
    giga.server.stop()


@pytest.fixture
def giga(one_giga):
    one_giga.forget()
    return one_giga


@pytest.fixture
def networks(giga):
    """So many networks before Giga, each with faults of its own."""
    proxies = []

    def make(count: int) -> list[Proxy]:
        proxies.extend(Proxy(giga.server.port) for _ in range(count))
        return proxies

    yield make
    for proxy in proxies:
        proxy.stop()


@pytest.fixture
def network(networks):
    return networks(1)[0]


@pytest.fixture
def workspace(db, network):
    """A workspace whose Giga is the simulated one, behind the network."""
    return factories.make_workspace(api_url=network.url)


@pytest.fixture
def raw():
    """Start a server that answers with what `answer(first line)` gives, in pieces."""
    servers = []

    def start(answer, **options) -> RawServer:
        servers.append(RawServer(answer, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="package")
def one_stage():
    stage = Stage()
    yield stage
    stage.stop()


@pytest.fixture
def stage(one_stage):
    """Processes that may be killed, and what they work with, all empty and well."""
    one_stage.clear()
    return one_stage
