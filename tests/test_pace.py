"""Who is asked about how often."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from runs import pace
from runs.pace import Need

FAIR = pace.RATE_PER_S
crowds = some.dictionaries(some.sampled_from(list(Need)), some.integers(1, 300), min_size=1)


def test_nobody_special_means_everybody_alike():
    assert pace.intervals_s({Need.NONE: 88}) == {Need.NONE: pytest.approx(100)}


def test_a_single_run_is_read_as_often_as_is_useful():
    assert pace.intervals_s({Need.NONE: 1})[Need.NONE] == pace.FASTEST_POLL_S


@pytest.mark.parametrize("others", [0, 1, 5, 20, 99])
def test_a_watched_run_is_read_within_three_seconds_whatever_else_there_is(others):
    intervals = pace.intervals_s({Need.WATCHED: 1, Need.NONE: others})
    assert intervals[Need.WATCHED] <= 3


def test_nothing_to_read_takes_nothing():
    assert pace.intervals_s({}) == {} and pace.bookable([]) == 0


@given(crowds)
def test_the_budget_is_kept(runs):
    intervals = pace.intervals_s(runs)
    assert sum(count / intervals[need] for need, count in runs.items()) <= FAIR + 1e-9


@given(crowds)
def test_nobody_waits_longer_than_twice_the_fair_time(runs):
    fair = max(pace.FASTEST_POLL_S, sum(runs.values()) / FAIR)
    assert max(pace.intervals_s(runs).values()) <= 2 * fair + 1e-9


@given(crowds)
def test_who_matters_more_never_waits_longer(runs):
    intervals = [interval for _, interval in sorted(pace.intervals_s(runs).items())]
    without_extra = intervals[-1]
    assert all(interval <= without_extra + 1e-9 for interval in intervals)


def test_needs_in_their_order():
    assert pace.need_of(is_watched=True, started_s_ago=1, left_s=1) == Need.WATCHED
    assert pace.need_of(is_watched=False, started_s_ago=1, left_s=1) == Need.JUST_STARTED
    assert pace.need_of(is_watched=False, started_s_ago=500, left_s=1) == Need.NEAR_END
    assert pace.need_of(is_watched=False, started_s_ago=500, left_s=None) == Need.NONE


def test_waiting_after_failures_grows_and_ends():
    delays = [pace.retry_delay_s(failures) for failures in range(12)]
    assert delays == sorted(delays) and delays[1] == 2 and delays[-1] == pace.SLOWEST_RETRY_S


class TestBooking:
    """What is booked is what will be due when its turn comes, and leaves room for a launch."""

    @pytest.mark.parametrize(
        "due_in_s, booked",
        [
            ([], 0),
            ([0.0], 1),
            ([0.1], 0),
            ([0.0, 1.0], 2),
            ([0.0, 1.2], 1),
            ([0.0] * 9, 2),
            ([3.0, 0.0, 0.5], 2),
        ],
    )
    def test_as_many_as_will_be_due(self, due_in_s, booked):
        assert pace.bookable(due_in_s) == booked

    @pytest.mark.parametrize(
        "used_s, launches_wait, is_neglected, turns",
        [
            (0.0, False, False, [0.0, pace.STEP_S]),
            (0.5, False, False, [0.5]),
            (1.5, False, False, []),
            (0.0, True, False, []),
            (3.0, False, True, [0.0]),
            (3.0, True, True, [0.0]),
            (3.5, True, True, []),
        ],
    )
    def test_as_many_as_fit(self, used_s, launches_wait, is_neglected, turns):
        assert turns == pace.booked_for_s(
            2, used_s=used_s, launches_wait=launches_wait, is_neglected=is_neglected
        )
