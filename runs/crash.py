"""Named places where a test may kill this process. Does nothing unless CRASH_AT names one of them."""

import os
import signal

from django.conf import settings

CRASH_POINTS = (
    "launch_claimed",
    "session_answered",
    "session_stored",
    "sending_stored",
    "start_answered",
    "start_stored",
    "settle_read",
    "settle_stored",
    "poll_read",
    "poll_stored",
    "extend_sending_stored",
    "extend_answered",
    "lease_taken",
    "row_resealed",
)


def crash_point(name: str) -> None:
    """The process ends here, as by `kill -9`, when a test asked for it."""
    if name == settings.CRASH_AT:
        os.kill(os.getpid(), signal.SIGKILL)
