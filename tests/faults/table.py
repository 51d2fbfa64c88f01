"""The crash table: every moment at which a launch may be killed, by every answer its start may get.

`python -m tests.faults.table` plays it and writes benchmarks/crash-table.md."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.faults.stage import CLAIM_S, KILLED, Row, Stage, Verdict, judge
from tests.served import ROOT

HELD = "held"
POINTS = {
    "none": "not killed",
    "launch_claimed": "launch claimed, nothing sent",
    "session_answered": "session answered, not stored",
    "session_stored": "session stored",
    "sending_stored": "claimed for the start, not sent",
    HELD: "from outside, while Giga's answer to the start is under way",
    "start_answered": "start answered, not stored",
    "start_stored": "answer to the start stored",
    "settle_read": "session read to settle, not stored",
    "settle_stored": "settling stored",
}
SETTLING = ("settle_read", "settle_stored")
# A kill here changes nothing of what becomes of the run.
HARMLESS = ("none", "launch_claimed", "session_answered", "session_stored", "start_stored", *SETTLING)


@dataclass(frozen=True)
class Answer:
    """`means`: what a start answered so has to become when nobody is killed: "started", "adopted" when a run
    was created and its answer is of no use, "not_started", "rejected", or "later" when it is sent again."""

    words: str
    means: str
    scenario: str = "default"
    patience_s: float = 35.0
    is_variant: bool = False  # much like another one


ANSWERS = [
    Answer("201", "started"),
    Answer("201 after a while", "started", "slow-start"),
    Answer("201 wrapped in {success, data}", "started", "wrapped", is_variant=True),
    Answer("created, connection closed", "adopted", "answer-lost"),
    Answer("created, no answer in time", "adopted", "answer-timeout", patience_s=0.3),
    Answer("created, then 500", "adopted", "start-500-created"),
    Answer("created, 201 without an id", "adopted", "no-run-id"),
    Answer("created, 201 with markup as id", "adopted", "hostile-ids", is_variant=True),
    Answer("500 INTERNAL_ERROR", "not_started", "start-500"),
    Answer("500 SANDBOX_FAILED", "not_started", "sandbox-failed-500"),
    Answer("502 HTML", "not_started", "bad-gateway"),
    Answer("503 text", "not_started", "text-503", is_variant=True),
    Answer("connection closed, not created", "not_started", "unreachable", is_variant=True),
    Answer("200 that is not JSON", "not_started", "garbage"),
    Answer("200 HTML", "not_started", "html-200", is_variant=True),
    Answer("200 success: false", "not_started", "success-false", is_variant=True),
    Answer("200 of 10 MB", "not_started", "huge", is_variant=True),
    Answer("200, a byte each half second", "not_started", "drip", patience_s=0.3, is_variant=True),
    Answer("400", "rejected", "bad-request"),
    Answer("401", "rejected", "key-refused"),
    Answer("402", "rejected", "no-credits"),
    Answer("403", "rejected", "plan-limit"),
    Answer("404", "rejected", "not-found"),
    Answer("429 RATE_LIMITED", "later", "rate-limited"),
    Answer("429 CONCURRENCY_LIMIT_EXCEEDED", "later", "no-computer"),
    Answer("connection refused", "later", "refused"),
]
CASES = [
    (point, answer)
    for point in POINTS
    for answer in ANSWERS
    if not (point == HELD and answer.scenario == "refused")  # nothing can be under way then
    and (point not in SETTLING or answer.means in ("adopted", "not_started"))
]


# What makes a difference where a launch is killed. Before the start is sent its answer makes none; and of an
# answer that is not kept Giga alone knows whether it created a run. The other cases are for `make soak`.
NOT_SENT_YET = ("launch_claimed", "session_answered", "session_stored", "sending_stored")
NOT_KEPT = (HELD, "start_answered")
ONE_OF_EACH = ("201", "created, connection closed", "500 INTERNAL_ERROR", "400", "429 RATE_LIMITED")


def makes_a_difference(point: str, answer: Answer) -> bool:
    if point in NOT_SENT_YET:
        return answer.words == "201"
    if point in (*NOT_KEPT, *SETTLING):
        return answer.words in ONE_OF_EACH
    return not answer.is_variant


@dataclass(frozen=True)
class Result:
    point: str
    answer: Answer
    was_killed: bool
    row: Row
    verdict: Verdict
    spare_sessions: int
    is_sound: bool

    @property
    def outcome(self) -> str:
        adopted = self.row.status == "completed" and not self.row.remote_id
        return "completed (adopted)" if adopted else self.row.status


def expected(point: str, answer: Answer) -> str:
    """What must become of the run. Giga is well again after the first start: what was started ends."""
    if point in HARMLESS:
        ends = {"started": "completed", "adopted": "completed (adopted)", "later": "completed"}
        return ends.get(answer.means, answer.means)
    if point == "sending_stored":
        return "not_started"
    return "completed (adopted)" if answer.means in ("started", "adopted") else "not_started"


def play(stage: Stage, point: str, answer: Answer) -> Result:
    """One launch, killed at this point, meeting this answer; then a restart, with Giga well again."""
    stage.clear()
    if answer.scenario == "refused":
        stage.network.does(last="/api/sessions HTTP")
    else:
        stage.befall(answer.scenario, "start-run")
    kill_when = None
    if point == HELD:
        stage.network.does(hold="/runs HTTP")
        kill_when = stage.network.is_holding.is_set
        if answer.scenario in ("answer-timeout", "slow-start"):
            kill_when = lambda: stage.ledger["runs_started"]  # noqa: E731
    patience = {"start_run_s": answer.patience_s} if point != HELD else {}
    ended = stage.work(
        accept=[f"{point}: {answer.words}"],
        crash_at=point if point not in ("none", HELD, *SETTLING) else "",
        kill_when=kill_when,
        **patience,
    )
    stage.network.release()
    if point in SETTLING:
        ended = stage.work(skip_s=CLAIM_S, crash_at=point, **patience)
    elif ended == KILLED:
        stage.work(skip_s=CLAIM_S, **patience)
    stage.network.up()
    stage.network.works()
    stage.befall("default")
    stage.work(to_the_end=True)
    ledger, rows = stage.ledger, stage.rows()
    return Result(
        point,
        answer,
        ended == KILLED,
        rows[0],
        judge(ledger, rows),
        len(ledger["sessions"]) - 1,
        stage.is_sound(),
    )


def play_all(cases=CASES, *, at_once: int = 2) -> list[Result]:
    """Play these cases, `at_once` of them side by side, each player on a stage of its own."""

    def play_share(first: int) -> list[Result]:
        stage = Stage()
        try:
            return [play(stage, point, answer) for point, answer in cases[first::at_once]]
        finally:
            stage.stop()

    with ThreadPoolExecutor(at_once) as players:
        shares = list(players.map(play_share, range(at_once)))
    return sorted(
        (result for share in shares for result in share), key=lambda r: cases.index((r.point, r.answer))
    )


def as_markdown(results: list[Result]) -> str:
    by_case = {(result.point, result.answer): result for result in results}
    rows = [
        f"| {answer.words} | "
        + " | ".join(
            by_case[point, answer].outcome if (point, answer) in by_case else "–" for point in POINTS
        )
        + " |"
        for answer in ANSWERS
    ]
    counts = Counter(result.outcome for result in results)

    def total(name: str) -> int:
        return sum(len(getattr(result.verdict, name)) for result in results)

    lines = [
        "# The crash table",
        "",
        "What becomes of a launch whose process is killed with SIGKILL at a named point, when Giga answers",
        "its start in a given way. Another process goes on 46 s later, and Giga is well again. The judge",
        "is the ledger of the simulated Giga, which notes every run that was really started. Made by",
        "`python -m tests.faults.table`; the suite plays a part of it (`tests/faults/test_crash_table.py`).",
        "",
        f"{len(results)} cases, {sum(result.was_killed for result in results)} of them killed: "
        f"**{total('started_twice')} started twice, {total('unseen')} paid and unseen, "
        f"{total('given_up_while_running')} shown as failed, rejected or not started while running**, "
        f"{total('stuck')} stuck. Sessions made in vain (they cost nothing): at most "
        f"{max(result.spare_sessions for result in results)} a launch.",
        "",
        "| final status | cases |",
        "|---|---|",
        *(f"| {outcome} | {count} |" for outcome, count in counts.most_common()),
        "",
        "*Adopted*: the answer with the run's id was lost, and the run was found by reading its session.",
        "",
        f"| Giga's answer to the start | {' | '.join(POINTS.values())} |",
        "|---" * (len(POINTS) + 1) + "|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "benchmarks" / "crash-table.md").write_text(as_markdown(play_all()))
