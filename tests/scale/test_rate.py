"""What one key may ask of Giga, with workers that come and go all the time; the ledger of a Giga as strict as
the real one is the judge.

What is allowed is a bucket and what leaks of it, in whatever time one looks at, so a quarter of a minute
judges it as well as a whole one does; `make soak` looks at that, too. How a minute adds up without real
processes is in `tests/test_budget.py`."""

import signal
import time

import pytest
import requests

from tests.scale.fleet import Fleet, Process
from tests.served import eventually

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("fleet")]

LOOKED_AT_S = (2, 5, 10, 15, 20, 30, 60)
# Giga allows 60 requests in a minute; we keep to 58. Of launches and readings together.
BUCKET, RATE_PER_S, MOST_IN_60_S = 4, 0.88, 58
# One is asked as a window opens, and one that was held up on its way may arrive beside the next.
ON_THE_EDGE = 2
# So long two workers do all they would do: one alone reads often enough, two would too often.
UNDISTURBED_S = 4
# For calls that were under way when Giga said so, on a machine that is busy with starting workers.
UNDER_WAY_S = 3


def most_within(times: list[float], seconds: float) -> int:
    return max(sum(start <= at < start + seconds for at in times) for start in times)


def too_many(fleet: Fleet) -> list[str]:
    """Where Giga was asked more than is allowed."""
    times, found = times_of(asked(fleet)), []
    for seconds in LOOKED_AT_S:
        allowed = min(MOST_IN_60_S, BUCKET + RATE_PER_S * seconds + ON_THE_EDGE)
        if (count := most_within(times, seconds)) > allowed:
            found.append(f"{count} requests within {seconds} s")
    return found


def two_workers(fleet: Fleet) -> list[Process]:
    return [fleet.start("work"), fleet.start("work")]


def replace(fleet: Fleet, workers: list[Process], which: int, *, is_killed: bool = False) -> None:
    """End a worker and start another in its place."""
    workers[which].process.send_signal(signal.SIGKILL if is_killed else signal.SIGTERM)
    workers[which].process.wait(60)
    workers[which] = fleet.start("work")


def wait_for_a_reading(fleet: Fleet) -> None:
    """By whoever has the key now."""
    before = len(readings(fleet))
    eventually(lambda: len(readings(fleet)) > before, within_s=180)


def befall(fleet: Fleet, **what) -> None:
    requests.post(f"{fleet.giga.url}/_scenario", json=what, timeout=60).raise_for_status()


def refuse_once(fleet: Fleet, *, retry_after_s: int) -> float:
    """Giga says 429 and Retry-After to what it is asked next, also to what is under way beside it, and is its
    old self again. When it said so first."""
    refused = len(refusals(fleet))
    befall(fleet, name="rate-limited", retry_after_s=retry_after_s)
    eventually(lambda: len(refusals(fleet)) > refused, every_s=0.05)
    befall(fleet, name="never-ends")
    return refusals(fleet)[refused]


def asked(fleet: Fleet) -> list[dict]:
    return requests.get(f"{fleet.giga.url}/_ledger", timeout=60).json()["requests"]


def readings(fleet: Fleet) -> list[dict]:
    return [entry for entry in asked(fleet) if entry["method"] == "GET"]


def times_of(entries: list[dict]) -> list[float]:
    return [entry["at"] for entry in entries]


def refusals(fleet: Fleet) -> list[float]:
    return times_of([entry for entry in asked(fleet) if entry["status"] == 429])


def asked_too_soon(fleet: Fleet, refused_at: float, *, retry_after_s: int) -> list[float]:
    ends_at = refused_at + retry_after_s
    return [at for at in times_of(asked(fleet)) if refused_at + UNDER_WAY_S < at < ends_at]


def is_out(fleet: Fleet, run: int, prompt: str) -> bool:
    """Whether a launch has been sent. One that was in the hands of a killed worker may never have been, and
    is not sent again."""
    return prompt in fleet.started or fleet.status_of(run) in ("sending", "unknown", "not_started")


def test_five_restarts_of_two_workers_keep_the_rate_and_start_each_launch_once(fleet):
    befall(fleet, name="never-ends")
    for number in range(6):
        fleet.launch(f"Number {number}")
    workers = two_workers(fleet)
    wait_for_a_reading(fleet)
    time.sleep(UNDISTURBED_S)
    replace(fleet, workers, 0)
    replace(fleet, workers, 1, is_killed=True)
    fleet.end_lease()
    wait_for_a_reading(fleet)
    refused_at = refuse_once(fleet, retry_after_s=6)
    replace(fleet, workers, 0)
    replace(fleet, workers, 1, is_killed=True)
    fleet.end_lease()
    replace(fleet, workers, 0)
    wait_for_a_reading(fleet)
    assert asked_too_soon(fleet, refused_at, retry_after_s=6) == []
    assert len(set(fleet.started)) == len(fleet.started) >= 2
    assert too_many(fleet) == []
    # Half of what is allowed, or there was nothing to judge.
    assert most_within(times_of(asked(fleet)), 5) >= 5 * RATE_PER_S / 2


@pytest.mark.soak
def test_twenty_restarts_of_two_workers_keep_the_rate_and_start_each_launch_once(fleet):
    """Restarts, launches and readings go on for longer than a minute, the worst of which is judged."""
    restarts, launches, killed_at, limited_at = 20, 12, (5, 11, 17), (2, 8)
    befall(fleet, name="never-ends")
    began = time.time()
    runs = {prompt: fleet.launch(prompt) for prompt in (f"Number {number}" for number in range(launches))}
    workers, refused_at = two_workers(fleet), []
    for number in range(restarts):
        replace(fleet, workers, number % 2, is_killed=number in killed_at)
        wait_for_a_reading(fleet)
        if number in limited_at:
            refused_at.append(refuse_once(fleet, retry_after_s=10))
    eventually(lambda: all(is_out(fleet, run, prompt) for prompt, run in runs.items()), within_s=240)
    eventually(lambda: time.time() > began + 65, within_s=65)
    started, times = fleet.started, times_of(asked(fleet))
    assert len(set(started)) == len(started) >= launches - len(killed_at)
    assert 20 <= most_within(times, 60) <= MOST_IN_60_S
    assert too_many(fleet) == []
    for at in refused_at:
        assert asked_too_soon(fleet, at, retry_after_s=10) == []
