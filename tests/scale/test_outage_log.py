"""Postgres and Redis go away for a while under web processes and workers: what people and logs are told."""

import pytest
import requests

from tests.served import PATIENCE_S, eventually

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("fleet")]


def lost(fleet) -> set[str]:
    """The parts that are not as they should be; whatever they are, the process lives and says so."""
    assert requests.get(f"{fleet.web.url}/healthz", timeout=PATIENCE_S).ok
    return {part for part, said in fleet.health().items() if said != "ok"}


def lines(process) -> list[str]:
    """What its log says and is of importance; nothing in it is a traceback."""
    assert "Traceback" not in process.said, process.said[process.said.index("Traceback") - 2000 :]
    found = [line for line in process.said.splitlines() if " WARNING " in line or " ERROR " in line]
    return [line.split(" ", 3)[3] for line in found]


def test_an_outage_of_postgres_is_told_once_by_each_process_and_pages_say_it(fleet, postgres):
    worker = fleet.start("work")
    run = fleet.launch("Anything [scenario:never-ends]")
    eventually(lambda: fleet.status_of(run) in ("starting", "running"))
    postgres.kill()
    page = fleet.session.get(f"{fleet.web.url}/runs/{run}/", timeout=PATIENCE_S)
    assert page.status_code == 503 and "The database cannot be reached" in page.text
    assert "gigawatch@" not in page.text
    # It would be looked for in the log, where the outage is one line however many ask.
    assert page.headers["X-Request-Id"] not in page.text
    eventually(lambda: "The database cannot be reached: " in worker.said)
    postgres.start()
    eventually(lambda: not lost(fleet))
    for process in (fleet.web, worker):
        eventually(lambda of=process: "The database can be reached again" in of.said)
        assert len(lines(process)) == 2, "\n".join(lines(process))


def test_a_postgres_that_hangs_is_told_by_a_process_that_does_not(fleet, postgres):
    eventually(lambda: not lost(fleet))
    postgres.pause()
    try:
        eventually(lambda: "database" in lost(fleet))
    finally:
        postgres.go_on()
    eventually(lambda: not lost(fleet))
    lines(fleet.web)


def test_an_outage_of_redis_is_told_once_by_each_process(fleet, redis):
    worker = fleet.start("work")
    run = fleet.launch("Anything [scenario:never-ends]")
    eventually(lambda: fleet.status_of(run) in ("starting", "running"))
    with fleet.page("/ws/runs/"):
        redis.kill()
        eventually(lambda: {"layer", "broker"} <= lost(fleet))
        fleet.launch("Meanwhile [scenario:never-ends]")
        eventually(lambda: "The broker, by which" in worker.said)
        redis.start()
        eventually(lambda: not lost(fleet))
    for process in (fleet.web, worker):
        eventually(
            lambda of=process: of.said.count("can be reached again") == of.said.count(" cannot be reached: ")
        )
        assert len(lines(process)) in (2, 4), "\n".join(lines(process))  # of the broker, too
