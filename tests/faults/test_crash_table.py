"""Every moment at which a launch may be killed, with every answer its start may get: real processes, SIGKILL,
and the ledger of the simulated Giga as the judge. The suite plays what makes a difference, `make soak` all.
"""

from collections.abc import Callable

import pytest

from tests.faults.table import CASES, POINTS, Result, expected, makes_a_difference, play, play_all

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("stage")]

FLAWS: dict[str, Callable[[Result], bool]] = {
    "the kill did not hit": lambda result: result.was_killed != (result.point != "none"),
    "started twice": lambda result: bool(result.verdict.started_twice),
    "paid for and unseen": lambda result: bool(result.verdict.unseen),
    "shown as over or never begun while it runs": lambda result: bool(result.verdict.given_up_while_running),
    "stuck": lambda result: bool(result.verdict.stuck),
    "not as it should end": lambda result: result.outcome != expected(result.point, result.answer),
    "the database is not sound": lambda result: not result.is_sound,
    "more than one spare session": lambda result: result.spare_sessions > 1,
}


def flaws_of(results: list[Result]) -> list[str]:
    return [
        f"{result.point}: {result.answer.words}: {flaw}: {result.row} {result.verdict}"
        for result in results
        for flaw, is_found in FLAWS.items()
        if is_found(result)
    ]


def test_a_launch_that_is_killed_is_started_once_seen_and_ends_as_it_should(one_stage):
    cases = [case for case in CASES if makes_a_difference(*case)]
    assert {point for point, _ in cases} == set(POINTS)
    assert len(cases) >= 50
    assert flaws_of([play(one_stage, *case) for case in cases]) == []


@pytest.mark.soak
def test_it_is_so_wherever_it_is_killed_and_whatever_giga_answers():
    assert len(CASES) >= 230
    assert flaws_of(play_all(CASES)) == []
