"""The status table: what a status is called, how it looks, whether it is final, and which of Giga's words
mean it. Feeds pills, filters, favicon and admin. Imports nothing of ours; no database, no HTML."""

from dataclasses import dataclass

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    QUEUED = "queued", _("Queued")
    SENDING = "sending", _("Sending")
    UNKNOWN = "unknown", _("Unknown")
    STARTING = "starting", _("Starting")
    RUNNING = "running", _("Running")
    WAITING = "waiting", _("Waiting")
    COMPLETED = "completed", _("Ended")
    FAILED = "failed", _("Failed")
    TIMED_OUT = "timed_out", _("Timed out")
    EXPIRED = "expired", _("Expired")
    CANCELED = "canceled", _("Canceled")
    INCONCLUSIVE = "inconclusive", _("Ended")
    REJECTED = "rejected", _("Rejected")
    NOT_STARTED = "not_started", _("Not started")
    LOST = "lost", _("Lost")


ACTIVE = (Status.QUEUED, Status.SENDING, Status.UNKNOWN, Status.STARTING, Status.RUNNING, Status.WAITING)
READABLE = (Status.STARTING, Status.RUNNING, Status.WAITING)
FINAL = tuple(status for status in Status if status not in ACTIVE)
BAD = (Status.FAILED, Status.REJECTED, Status.LOST)
# Ended by themselves: whether the goal was met is for a person to say.
JUDGED = (Status.COMPLETED, Status.INCONCLUSIVE)


class Verdict(models.TextChoices):
    ACHIEVED = "achieved", _("Achieved")
    NOT_ACHIEVED = "not_achieved", _("Not achieved")
    CANNOT_TELL = "cannot_tell", _("Cannot tell")


@dataclass(frozen=True)
class Look:
    """How a pill looks. `shape`: boxed = moving or ended badly, strong = a person may have to decide,
    striped = lost, bare = settled. `more` is said where there is room, and always to screen readers."""

    label: str | Promise
    icon: str
    tone: str
    shape: str
    more: str | Promise = ""


LOOKS = {
    Status.QUEUED: Look(Status.QUEUED.label, "layers", "grey", "boxed"),
    Status.SENDING: Look(Status.SENDING.label, "send", "violet", "boxed"),
    Status.UNKNOWN: Look(Status.UNKNOWN.label, "triangle-alert", "amber", "strong", _("may be running")),
    Status.STARTING: Look(Status.STARTING.label, "circle-dashed", "violet", "boxed"),
    Status.RUNNING: Look(Status.RUNNING.label, "circle-dot", "blue", "boxed"),
    Status.WAITING: Look(Status.WAITING.label, "circle-pause", "amber", "boxed"),
    Status.COMPLETED: Look(Status.COMPLETED.label, "circle-check", "teal", "bare"),
    Status.FAILED: Look(Status.FAILED.label, "octagon-x", "red", "boxed"),
    Status.TIMED_OUT: Look(Status.TIMED_OUT.label, "timer-off", "orange", "bare"),
    Status.EXPIRED: Look(Status.EXPIRED.label, "hourglass", "orange", "bare"),
    Status.CANCELED: Look(Status.CANCELED.label, "circle-slash", "slate", "bare"),
    Status.INCONCLUSIVE: Look(
        Status.INCONCLUSIVE.label, "circle-question-mark", "teal", "bare", _("outcome not stated")
    ),
    Status.REJECTED: Look(Status.REJECTED.label, "octagon-minus", "red", "boxed"),
    Status.NOT_STARTED: Look(Status.NOT_STARTED.label, "power-off", "slate", "bare"),
    Status.LOST: Look(Status.LOST.label, "unplug", "grey", "striped"),
}
VERDICT_LOOKS = {
    Verdict.ACHIEVED: Look(Verdict.ACHIEVED.label, "circle-check-filled", "green", "bare"),
    Verdict.NOT_ACHIEVED: Look(Verdict.NOT_ACHIEVED.label, "circle-minus-filled", "orange", "bare"),
}


def look_of(status: str, verdict: str = "") -> Look:
    """How a run with this status looks; one that ended by itself looks like its verdict."""
    if status in JUDGED and verdict in VERDICT_LOOKS:
        return VERDICT_LOOKS[Verdict(verdict)]
    return LOOKS[Status(status)]


# Giga documents QUEUED, RUNNING, COMPLETED, FAILED and "..."; its runs are followed through Trigger.dev,
# whose current, older and raw words may all come through. Compared in capitals.
GIGA_WORDS = {
    Status.STARTING: "QUEUED PENDING PENDING_VERSION DELAYED WAITING_FOR_DEPLOY",
    Status.RUNNING: "RUNNING DEQUEUED EXECUTING REATTEMPTING RETRYING_AFTER_FAILURE",
    Status.WAITING: "WAITING FROZEN PAUSED WAITING_TO_RESUME",
    Status.COMPLETED: "COMPLETED COMPLETED_SUCCESSFULLY",
    Status.FAILED: "FAILED CRASHED SYSTEM_FAILURE INTERRUPTED COMPLETED_WITH_ERRORS",
    Status.TIMED_OUT: "TIMED_OUT",
    Status.EXPIRED: "EXPIRED",
    Status.CANCELED: "CANCELED CANCELLED",
}
STATUS_OF_WORD = {word: status for status, words in GIGA_WORDS.items() for word in words.split()}


def status_from_giga(
    word: str, *, is_completed: bool, is_errored: bool, sandbox_status: str = ""
) -> Status | None:
    """The status Giga's answer means, or None when its word is unknown and its flags say "not over".

    A final word is final whatever the flags say: Trigger.dev's own `isCompleted` is false for TIMED_OUT and
    EXPIRED and true for CANCELED. Over without a known final word is `inconclusive`, never a success."""
    status = STATUS_OF_WORD.get(word.strip().upper())
    if status == Status.COMPLETED and is_errored:
        return Status.FAILED
    if status in FINAL:
        return status
    if is_errored:
        return Status.FAILED
    if is_completed:
        return Status.INCONCLUSIVE
    if status == Status.RUNNING and sandbox_status.strip().lower() == "initializing":
        return Status.STARTING
    return status
