"""What may go differently, by name. Declarations only: `timeline` and `mishaps` carry them out.

A scenario holds for the whole simulator, or for one session whose prompt contains `[scenario:NAME]`, from the
request on that brings the prompt. What a run will do is decided when it starts; what happens to requests
follows the scenario of the moment."""

import re
from dataclasses import dataclass

EVERY_CALL = ("create-session", "read-session", "start-run", "read-run", "extend", "other")
START = ("start-run",)
MARKER = re.compile(r"\[scenario:([a-z0-9-]+)\]")


@dataclass(frozen=True)
class Ending:
    status: str
    is_completed: object = True
    is_errored: object = False


@dataclass(frozen=True)
class Scenario:
    """`ends`: "done" after the run's time, "in-queue" before it got a computer, "in-boot" instead of a
    desktop. `middle`: words shown one after the other in the middle third. `desktop_url`: a pattern, see
    `timeline`. `mishap`: a name in `mishaps`, which befalls the requests in `calls`."""

    line: str
    queued: str = "QUEUED"
    running: str = "RUNNING"
    middle: tuple[str, ...] = ()
    ending: Ending | None = Ending("COMPLETED")
    ends: str = "done"
    sandbox_words: tuple[str, str, str] = ("initializing", "ready", "restored")
    has_metadata: bool = True
    is_hostile: bool = False
    grows_after_s: float = 0  # the screen becomes larger so long after the desktop came up
    desktop_url: object = ""
    thread: str = "messages"
    plan: str = ""
    mishap: str = ""
    calls: tuple[str, ...] = ()


SCENARIOS = {
    "default": Scenario("everything works: queued, initializing, ready, completed"),
    # How a run goes
    "fails": Scenario("the run ends FAILED, isErrored", ending=Ending("FAILED", True, True)),
    "sandbox-failed": Scenario(
        "the computer does not come up, then FAILED", ending=Ending("FAILED", True, True), ends="in-boot"
    ),
    "timed-out": Scenario("ends TIMED_OUT with isCompleted false", ending=Ending("TIMED_OUT", False)),
    "canceled": Scenario("ends CANCELED", ending=Ending("CANCELED")),
    "expired": Scenario(
        "EXPIRED in the queue, isCompleted false", ending=Ending("EXPIRED", False), ends="in-queue"
    ),
    "crashed": Scenario("ends CRASHED", ending=Ending("CRASHED", True, True)),
    "unknown-status": Scenario(
        "an unknown word, FOO, to the end and with isCompleted", running="FOO", ending=Ending("FOO")
    ),
    "never-ends": Scenario("RUNNING for ever", ending=None),
    "waiting": Scenario("WAITING, then FROZEN, in the middle", middle=("WAITING", "FROZEN")),
    "restless": Scenario(
        "pauses and goes on eleven times in the middle", middle=("WAITING", "RUNNING") * 10 + ("WAITING",)
    ),
    "lower-case": Scenario(
        "all words in lower case",
        queued="queued",
        running="running",
        ending=Ending("completed"),
        sandbox_words=("Initializing", "Ready", "Restored"),
    ),
    "metadata-missing": Scenario("no metadata at all, so no desktop", has_metadata=False),
    "hostile": Scenario(
        "words, ids and messages with script, NUL, half characters and wrong types", is_hostile=True
    ),
    "hostile-ids": Scenario("the run's id is markup", mishap="hostile-ids", calls=START),
    "resizes": Scenario("the screen becomes larger after 15 s", grows_after_s=15),
    # Where the desktop is said to be
    "vnc-ws": Scenario("vncUrl is a bare ws:// stream", desktop_url="ws://{host}/websockify/{sandbox}"),
    "vnc-wss": Scenario(
        "vncUrl is a wss:// stream on a host that is not there",
        desktop_url="wss://6080-{sandbox}.e2b.invalid/websockify",
    ),
    "vnc-https": Scenario(
        "vncUrl is an https:// page on a host that is not there",
        desktop_url="https://6080-{sandbox}.e2b.invalid/vnc.html?autoconnect=true&resize=scale",
    ),
    "vnc-javascript": Scenario(
        "vncUrl is javascript:", desktop_url="javascript:alert(document.domain)//vnc.html"
    ),
    "vnc-data": Scenario("vncUrl is data:", desktop_url="data:text/html,<script>alert(1)</script>"),
    "vnc-userinfo": Scenario(
        "vncUrl hides its host behind user information", desktop_url="https://{host}@evil.invalid/vnc.html"
    ),
    "vnc-own-host": Scenario(
        "vncUrl is the dashboard itself", desktop_url="{dashboard}vnc.html?autoconnect=true"
    ),
    "vnc-path": Scenario("vncUrl is an absolute path", desktop_url="/accounts/logout/?next=/vnc.html"),
    "vnc-relative": Scenario("vncUrl is a relative path", desktop_url="vnc.html?autoconnect=true"),
    "vnc-slashes": Scenario("vncUrl begins with //", desktop_url="//evil.invalid/vnc.html"),
    "vnc-backslashes": Scenario("vncUrl holds backslashes", desktop_url="https:\\\\evil.invalid\\vnc.html"),
    "vnc-number": Scenario("vncUrl is a number", desktop_url=6080),
    # How the thread looks
    "thread-b": Scenario("thread with `history`, parts with `text`, and no metadata", thread="history"),
    "thread-unknown": Scenario("a thread of a form nobody knows", thread="unknown"),
    # What befalls the start of a run
    "slow-start": Scenario("201 after 15 s", mishap="slow-start", calls=START),
    "answer-lost": Scenario(
        "run created, connection closed without an answer", mishap="answer-lost", calls=START
    ),
    "answer-timeout": Scenario("run created, no answer within 60 s", mishap="answer-timeout", calls=START),
    "start-500": Scenario("500 INTERNAL_ERROR, no run created", mishap="internal-error", calls=START),
    "start-500-created": Scenario("500 although the run was created", mishap="created-and-500", calls=START),
    "sandbox-failed-500": Scenario(
        "500 SANDBOX_FAILED, no run created", mishap="sandbox-failed", calls=START
    ),
    "no-run-id": Scenario("201 without runId, though created", mishap="no-run-id", calls=START),
    "concurrency": Scenario("the plan allows one run at a time: 429 CONCURRENCY_LIMIT_EXCEEDED", plan="free"),
    "bad-request": Scenario("400 INVALID_REQUEST", mishap="bad-request", calls=START),
    "not-found": Scenario("404 RESOURCE_NOT_FOUND", mishap="not-found", calls=START),
    "no-computer": Scenario(
        "429 CONCURRENCY_LIMIT_EXCEEDED, whatever runs", mishap="no-computer", calls=START
    ),
    "no-credits": Scenario("402 INSUFFICIENT_CREDITS", mishap="no-credits", calls=START),
    "plan-limit": Scenario("403 PLAN_LIMIT_EXCEEDED", mishap="plan-limit", calls=START),
    # What befalls every call
    "rate-limited": Scenario(
        "429 RATE_LIMITED with a long Retry-After", mishap="rate-limited", calls=EVERY_CALL
    ),
    "key-refused": Scenario("401 INVALID_API_KEY", mishap="key-refused", calls=EVERY_CALL),
    "forbidden": Scenario("403 FORBIDDEN", mishap="forbidden", calls=EVERY_CALL),
    "bad-gateway": Scenario("502 with a page of HTML", mishap="bad-gateway", calls=EVERY_CALL),
    "text-503": Scenario("503 with a line of text", mishap="text-503", calls=EVERY_CALL),
    "unreachable": Scenario("connections are accepted and closed at once", mishap="close", calls=EVERY_CALL),
    "success-false": Scenario("200 with success:false", mishap="success-false", calls=EVERY_CALL),
    "wrapped": Scenario("every body inside {success, data}", mishap="wrapped", calls=EVERY_CALL),
    "garbage": Scenario("200 that is not JSON", mishap="garbage", calls=EVERY_CALL),
    "huge": Scenario("200 with 10 MB", mishap="huge", calls=EVERY_CALL),
    "drip": Scenario("200, a byte each half second", mishap="drip", calls=EVERY_CALL),
    "html-200": Scenario("200 with a page of HTML", mishap="html-200", calls=EVERY_CALL),
    "not-found-after": Scenario(
        "runs are 404 some time after their desktop was ready", mishap="not-found-after", calls=("read-run",)
    ),
}


def marked_scenario(prompt: str) -> str:
    """The scenario that a prompt asks for with `[scenario:NAME]`, or nothing."""
    found = MARKER.search(prompt)
    return found.group(1) if found and found.group(1) in SCENARIOS else ""


def without_marker(prompt: str) -> str:
    return " ".join(MARKER.sub(" ", prompt).split())
