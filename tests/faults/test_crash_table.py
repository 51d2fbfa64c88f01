"""Every moment at which a launch may be killed, with every answer its start may get: real processes, SIGKILL,
and the ledger of the simulated Giga as the judge."""

import pytest

from tests.faults.table import CASES, expected, play_all

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def results():
    return play_all([case for case in CASES if not case[1].is_variant])


def words(results) -> list[str]:
    return [f"{result.point}: {result.answer.words}: {result.row} {result.verdict}" for result in results]


def test_it_has_more_than_a_hundred_cases_and_each_kill_really_hit(results):
    assert len(results) >= 105
    missed = [result for result in results if result.was_killed != (result.point != "none")]
    assert not words(missed)


def test_nothing_is_started_twice(results):
    assert not words(result for result in results if result.verdict.started_twice)


def test_nothing_that_costs_money_is_unseen(results):
    assert not words(result for result in results if result.verdict.unseen)


def test_nothing_is_shown_as_over_or_never_begun_while_it_runs(results):
    assert not words(result for result in results if result.verdict.given_up_while_running)


def test_nothing_is_stuck(results):
    assert not words(result for result in results if result.verdict.stuck)


def test_the_database_is_sound(results):
    assert not words(result for result in results if not result.is_sound)


def test_a_launch_ends_as_it_should(results):
    other = [result for result in results if result.outcome != expected(result.point, result.answer)]
    assert not words(other)


def test_a_kill_leaves_one_spare_session_at_most(results):
    assert not words(result for result in results if result.spare_sessions > 1)
