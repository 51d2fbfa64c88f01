"""What one key may ask of Giga, with workers that come and go all the time; the ledger of a Giga as strict as
the real one is the judge.

This takes a minute and a half, because what is judged is the worst window of 60 s, for which restarts,
launches and readings have to go on for longer; and because the keys of a killed worker are another's only
when its lease has ended, up to 15 s later."""

import signal
import time

import pytest
import requests

from tests.scale.fleet import Fleet, Process
from tests.served import eventually

pytestmark = pytest.mark.process

RESTARTS, LAUNCHES = 20, 12
KILLED_AT = (5, 11, 17)
LIMITED_AT = (2, 8)
RETRY_AFTER_S = 10
# For calls that were under way when Giga said so, on a machine that is busy with starting workers.
UNDER_WAY_S = 3


def restart(fleet: Fleet, worker: Process, *, is_killed: bool) -> Process:
    """Replace a worker, and see that Giga is asked again."""
    before = len(asked(fleet))
    worker.process.send_signal(signal.SIGKILL if is_killed else signal.SIGTERM)
    worker.process.wait(60)
    replacement = fleet.start("work")
    eventually(lambda: len(asked(fleet)) > before + 1, within_s=180)
    return replacement


def refuse_once(fleet: Fleet) -> None:
    """Giga says 429 and Retry-After to what it is asked next, also to what is under way beside it, and is its
    old self again."""
    refused = len(refusals(fleet))
    befall(fleet, name="rate-limited", retry_after_s=RETRY_AFTER_S)
    eventually(lambda: len(refusals(fleet)) > refused, every_s=0.02)
    befall(fleet, name="never-ends")


def befall(fleet: Fleet, **what) -> None:
    requests.post(f"{fleet.giga.url}/_scenario", json=what, timeout=60).raise_for_status()


def asked(fleet: Fleet) -> list[dict]:
    return requests.get(f"{fleet.giga.url}/_ledger", timeout=60).json()["requests"]


def refusals(fleet: Fleet) -> list[float]:
    return [entry["at"] for entry in asked(fleet) if entry["status"] == 429]


def worst_minute(times: list[float]) -> int:
    return max(sum(start <= at < start + 60 for at in times) for start in times)


def is_out(fleet: Fleet, run: int, prompt: str) -> bool:
    """Whether a launch has been sent. One that was in the hands of a killed worker may never have been, and
    is not sent again."""
    return prompt in fleet.started or fleet.status_of(run) in ("sending", "unknown", "not_started")


def test_twenty_restarts_of_two_workers_keep_the_rate_and_start_each_launch_once(fleet):
    befall(fleet, name="never-ends")
    began = time.time()
    runs = {prompt: fleet.launch(prompt) for prompt in (f"Number {number}" for number in range(LAUNCHES))}
    workers = [fleet.workers[0], fleet.start("work")]
    for number in range(RESTARTS):
        workers[number % 2] = restart(fleet, workers[number % 2], is_killed=number in KILLED_AT)
        if number in LIMITED_AT:
            refuse_once(fleet)
    eventually(lambda: all(is_out(fleet, run, prompt) for prompt, run in runs.items()), within_s=240)
    eventually(lambda: time.time() > began + 65, within_s=65)
    started, times = fleet.started, [entry["at"] for entry in asked(fleet)]
    assert len(set(started)) == len(started) >= LAUNCHES - len(KILLED_AT)
    # A third of what is allowed, or there was nothing to judge.
    assert 20 <= worst_minute(times) <= 60
    refused = refusals(fleet)
    begun = [at for at in refused if not any(at - UNDER_WAY_S <= earlier < at for earlier in refused)]
    assert len(begun) == len(LIMITED_AT)
    for at in begun:
        assert [late for late in times if at + UNDER_WAY_S < late < at + RETRY_AFTER_S] == []
