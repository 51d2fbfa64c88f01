"""Who is asked about and how often, within what a key may ask: pure functions of numbers. No clock, no
database.

All that is asked with one key is taken from one budget, a bucket that leaks at an even rate. Launches and
extensions may fill it, people leave one request free in it, and readings are booked only as far as a launch
still fits beside them: so a launch never waits for readings, and what nobody needs is everybody's. While
launches wait, people get nothing, and readings one request in a while.

Of the readings, half of the rate is for every run alike, so that nobody waits longer than twice the fair
time. The other half goes to those that matter most, in the order of `Need`; what they leave is everybody's
again."""

from collections.abc import Mapping, Sequence
from enum import IntEnum

# Giga allows 60 requests in a minute for one key. In any 60 s we send at most what leaks in that time, the
# bucket, and what arrives late: (60 + LATE_S) * RATE_PER_S + BUCKET = 57.7.
RATE_PER_S = 0.88
STEP_S = 1 / RATE_PER_S
BUCKET = 4
# A request that could not be sent for so long after it was taken or booked is not sent any more.
LATE_S = 1.0

LAUNCH_REQUESTS = 2
BOOKED_AT_ONCE = BUCKET - LAUNCH_REQUESTS
# While launches wait, readings may have one request in so many seconds.
READING_AT_LEAST_EVERY_S = 6.0

FASTEST_POLL_S = 2.0
SLOWEST_RETRY_S = 60


class Need(IntEnum):
    """Why a run deserves more than its even share; the smaller, the sooner it is served."""

    WATCHED = 0
    JUST_STARTED = 1
    NEAR_END = 2
    NONE = 3


WANTED_INTERVAL_S = {Need.WATCHED: 2.5, Need.JUST_STARTED: 5.0, Need.NEAR_END: 10.0}
JUST_STARTED_S = 120
NEAR_END_S = 300


def need_of(*, is_watched: bool, started_s_ago: float, left_s: float | None) -> Need:
    """Why a run matters now: somebody looks at it, it began just now, or its paid time is nearly over."""
    if is_watched:
        return Need.WATCHED
    if started_s_ago < JUST_STARTED_S:
        return Need.JUST_STARTED
    if left_s is not None and left_s < NEAR_END_S:
        return Need.NEAR_END
    return Need.NONE


def intervals_s(runs: Mapping[Need, int]) -> dict[Need, float]:
    """Seconds between two readings of a run of each need, given how many runs of each one key has."""
    active = sum(runs.values())
    if not active:
        return {}
    even = RATE_PER_S / 2 / active
    left = RATE_PER_S / 2
    extra = dict.fromkeys(runs, 0.0)
    for need, wanted_s in WANTED_INTERVAL_S.items():
        if count := runs.get(need, 0):
            extra[need] = min(max(0.0, 1 / wanted_s - even), left / count)
            left -= extra[need] * count
    return {need: max(FASTEST_POLL_S, 1 / (even + extra[need] + left / active)) for need in runs}


def bookable(due_in_s: Sequence[float]) -> int:
    """How many readings to book now, given in how many seconds each run is due: as many as will be due when
    their turn comes, one each STEP_S."""
    booked = 0
    for turn, due_s in enumerate(sorted(due_in_s)[:BOOKED_AT_ONCE]):
        if due_s > turn * STEP_S:
            break
        booked += 1
    return booked


def booked_for_s(wanted: int, *, used_s: float, launches_wait: bool, is_neglected: bool) -> list[float]:
    """In how many seconds each of so many readings may be sent, at most: those that fit. `used_s`: how long
    what was taken from the budget takes to leak. `is_neglected`: nothing was read with this key for
    READING_AT_LEAST_EVERY_S."""
    last_turn_s = -1.0 if launches_wait else (BOOKED_AT_ONCE - 1) * STEP_S
    turns = [used_s + turn * STEP_S for turn in range(wanted)]
    fitting = [turn_s for turn_s in turns if turn_s <= last_turn_s]
    if not fitting and is_neglected and used_s <= (BUCKET - 1) * STEP_S:
        return [0.0]
    return fitting


def retry_delay_s(failures: int) -> float:
    """Seconds to wait after this many failures in a row: 2, 4, 8 … 60."""
    return min(SLOWEST_RETRY_S, 2.0 ** max(1, min(failures, 10)))


def settle_delay_s(readings: int) -> float:
    """Seconds until an `unknown` run's session is read again: three readings over at least 120 s, then a
    minute each."""
    return (5, 40, 80)[readings] if readings < 3 else SLOWEST_RETRY_S
