"""Launches under random faults, with processes killed at random points and started again: at the end the
ledger equals the database. `GIGAWATCH_SOAK` says how many launches, `GIGAWATCH_SEED` plays a soak again."""

import os
import random
import time

import pytest

from tests.faults.stage import CLAIM_S, KILLED, NEVER_STARTED, Stage, judge
from tests.faults.table import ANSWERS, HELD, POINTS

pytestmark = [pytest.mark.process, pytest.mark.soak]
LAUNCHES = int(os.environ.get("GIGAWATCH_SOAK") or 1000)
SEED = int(os.environ.get("GIGAWATCH_SEED") or time.time())
AT_ONCE = 8
KILL_AT = [*(point for point in POINTS if point not in ("none", HELD)), "poll_read", "poll_stored"]
# These wait for a deadline each time.
QUICK = [
    answer.scenario for answer in ANSWERS if answer.scenario not in ("drip", "answer-timeout", "refused")
]
ENDINGS = ["default", "fails", "crashed", "timed-out", "sandbox-failed", "canceled", "expired"]
CALLS = ["create-session", "read-session", "start-run", "read-run"]
# A refused key pauses the workspace until a person replaces it: not something to wait for here.
ANYWHERE = ["bad-gateway", "text-503", "garbage", "unreachable", "rate-limited", "html-200", "not-found"]
LINE = [{}, {}, {}, {"slice_bytes": 7}, {"limit": 40}, {"limit": 200, "is_reset": True}, {"limit": 0}]


def play(stage: Stage, chance: random.Random, prompts: list[str]) -> None:
    """A few launches in one turn, in bad weather, until the weather is good again."""
    accept = prompts
    for _ in range(chance.randrange(2, 6)):
        if chance.random() < 0.6:
            stage.befall(chance.choice([name for name in QUICK if name != "key-refused"]), "start-run")
        else:
            stage.befall(chance.choice(ANYWHERE), *chance.sample(CALLS, 2))
        if chance.random() < 0.1:
            stage.network.down()
        else:
            stage.network.up()
            stage.network.does(**chance.choice(LINE))
        crash_at = chance.choice([*KILL_AT, ""])
        ended = stage.work(accept=accept, crash_at=crash_at, skip_s=chance.choice([2, 10, CLAIM_S, 130]))
        # Killed while it took them on: what it took on is there, and the rest was never promised.
        known = {row.prompt for row in stage.rows()}
        accept = [prompt for prompt in prompts if prompt not in known] if ended == KILLED else []
    stage.network.up()
    stage.network.works()
    stage.befall(chance.choice(ENDINGS))
    stage.work(accept=accept, skip_s=CLAIM_S, to_the_end=True)


def test_after_any_weather_the_ledger_equals_the_database(stage):
    print(f"seed {SEED}")  # to play it again
    chance = random.Random(SEED)
    prompts = [f"task {number}" for number in range(LAUNCHES)]
    for first in range(0, LAUNCHES, AT_ONCE):
        play(stage, chance, prompts[first : first + AT_ONCE])
    ledger, rows = stage.ledger, stage.rows()
    assert sorted(row.prompt for row in rows) == sorted(prompts), f"seed {SEED}"
    verdict = judge(ledger, rows, given_up=NEVER_STARTED | {"lost"})
    assert verdict.is_clean, f"seed {SEED}: {verdict}"
    assert stage.is_sound(), f"seed {SEED}"
    started = {run["user_prompt"]: run["run_id"] for run in ledger["runs_started"]}
    for row in rows:
        assert (row.status in NEVER_STARTED) == (row.prompt not in started), f"seed {SEED}: {row}"
        assert row.remote_id in ("", started.get(row.prompt)), f"seed {SEED}: {row}"
