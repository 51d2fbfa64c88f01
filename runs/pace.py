"""Who is asked about and how often, within what a key may ask: pure functions of numbers. No clock, no
database.

Half of the readings' budget is for every run alike, so that nobody waits longer than twice the fair time. The
other half goes to those that matter most, in the order of `Need`; what they leave is everybody's again."""

from collections.abc import Mapping
from enum import IntEnum

# Giga allows 60 requests a minute for one key. Together 0.9 a second and a burst of 4: 58 in the worst
# minute.
TOTAL_RATE_PER_S = 0.9
POLL_RATE_PER_S = 0.7
PEOPLE_BURST = 4

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
    even = POLL_RATE_PER_S / 2 / active
    left = POLL_RATE_PER_S / 2
    extra = dict.fromkeys(runs, 0.0)
    for need, wanted_s in WANTED_INTERVAL_S.items():
        if count := runs.get(need, 0):
            extra[need] = min(max(0.0, 1 / wanted_s - even), left / count)
            left -= extra[need] * count
    return {need: max(FASTEST_POLL_S, 1 / (even + extra[need] + left / active)) for need in runs}


def polls_per_s(runs: Mapping[Need, int]) -> float:
    """How many readings a second these runs use; never more than POLL_RATE_PER_S."""
    intervals = intervals_s(runs)
    return min(POLL_RATE_PER_S, sum(count / intervals[need] for need, count in runs.items()))


def retry_delay_s(failures: int) -> float:
    """Seconds to wait after this many failures in a row: 2, 4, 8 … 60."""
    return min(SLOWEST_RETRY_S, 2.0 ** max(1, min(failures, 10)))


def settle_delay_s(readings: int) -> float:
    """Seconds until an `unknown` run's session is read again: three readings over at least 120 s, then a
    minute each."""
    return (5, 40, 80)[readings] if readings < 3 else SLOWEST_RETRY_S
