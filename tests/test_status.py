"""Giga's words and flags, and what they mean here."""

import pytest

from runs.status import ACTIVE, FINAL, LOOKS, STATUS_OF_WORD, Status, Verdict, look_of, status_from_giga


def meaning(word, *, completed=False, errored=False, sandbox=""):
    return status_from_giga(word, is_completed=completed, is_errored=errored, sandbox_status=sandbox)


@pytest.mark.parametrize(
    "word, status",
    [
        ("QUEUED", Status.STARTING),
        ("PENDING_VERSION", Status.STARTING),
        ("DELAYED", Status.STARTING),
        ("WAITING_FOR_DEPLOY", Status.STARTING),
        ("PENDING", Status.STARTING),
        ("RUNNING", Status.RUNNING),
        ("DEQUEUED", Status.RUNNING),
        ("EXECUTING", Status.RUNNING),
        ("REATTEMPTING", Status.RUNNING),
        ("RETRYING_AFTER_FAILURE", Status.RUNNING),
        ("WAITING", Status.WAITING),
        ("FROZEN", Status.WAITING),
        ("PAUSED", Status.WAITING),
        ("WAITING_TO_RESUME", Status.WAITING),
        ("COMPLETED", Status.COMPLETED),
        ("COMPLETED_SUCCESSFULLY", Status.COMPLETED),
        ("FAILED", Status.FAILED),
        ("CRASHED", Status.FAILED),
        ("SYSTEM_FAILURE", Status.FAILED),
        ("INTERRUPTED", Status.FAILED),
        ("COMPLETED_WITH_ERRORS", Status.FAILED),
        ("TIMED_OUT", Status.TIMED_OUT),
        ("EXPIRED", Status.EXPIRED),
        ("CANCELED", Status.CANCELED),
        ("CANCELLED", Status.CANCELED),
    ],
)
def test_every_word_giga_may_use_has_a_status(word, status):
    assert meaning(word) == status
    assert meaning(f" {word.lower()} ") == status


def test_the_table_above_is_whole():
    assert len(STATUS_OF_WORD) == 25


def test_a_final_word_is_final_whatever_the_flags_say():
    assert meaning("TIMED_OUT", completed=False) == Status.TIMED_OUT
    assert meaning("EXPIRED", completed=False) == Status.EXPIRED
    assert meaning("CANCELED", completed=True) == Status.CANCELED


def test_completed_with_an_error_is_not_a_success():
    assert meaning("COMPLETED", completed=True, errored=True) == Status.FAILED


def test_an_unknown_word_is_decided_by_the_flags():
    assert meaning("FOO") is None
    assert meaning("FOO", completed=True) == Status.INCONCLUSIVE
    assert meaning("FOO", errored=True) == Status.FAILED


def test_over_with_a_word_that_says_it_goes_on_is_no_success():
    assert meaning("RUNNING", completed=True) == Status.INCONCLUSIVE


def test_running_while_the_computer_boots_is_starting():
    assert meaning("RUNNING", sandbox="initializing") == Status.STARTING
    assert meaning("RUNNING", sandbox="ready") == Status.RUNNING
    assert meaning("RUNNING") == Status.RUNNING


def test_every_status_has_a_look_and_is_either_active_or_final():
    assert set(LOOKS) == set(Status)
    assert sorted([*ACTIVE, *FINAL]) == sorted(Status)


def test_a_verdict_changes_the_look_of_an_ended_run_only():
    assert look_of(Status.COMPLETED, Verdict.ACHIEVED).label == "Achieved"
    assert look_of(Status.COMPLETED, Verdict.CANNOT_TELL).label == "Ended"
    assert look_of(Status.FAILED, Verdict.ACHIEVED).label == "Failed"
