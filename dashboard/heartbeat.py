"""A worker says that it works by a file of its own. Whoever supervises it asks by `python -m
dashboard.heartbeat`, which ends with 0 when every worker of this machine, or of this container, has worked
lately, else with 1 and the reason. Asking loads nothing but this file."""

import os
import sys
import tempfile
import time
from pathlib import Path

SILENT_S = 15.0
FOLDER = Path(tempfile.gettempdir())
NAME = "gigawatch-worker-"


def beat() -> None:
    """This process has worked just now."""
    path = FOLDER / f"{NAME}{os.getpid()}"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    os.utime(path)


def end() -> None:
    """This process works no more."""
    (FOLDER / f"{NAME}{os.getpid()}").unlink(missing_ok=True)


def why_silent() -> str:
    """Why a worker is taken for dead; "" when all of them have worked lately."""
    ages = {}
    for path in FOLDER.glob(f"{NAME}*"):
        pid = path.name.removeprefix(NAME)
        if Path("/proc", pid).exists():
            ages[pid] = time.time() - path.stat().st_mtime
        else:  # it was killed
            path.unlink(missing_ok=True)
    if not ages:
        return "no worker is running"
    return ", ".join(f"worker {pid} is silent for {age:.0f} s" for pid, age in ages.items() if age > SILENT_S)


if __name__ == "__main__":
    sys.exit(why_silent() or 0)
