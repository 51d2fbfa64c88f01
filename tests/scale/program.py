"""What a process of a fleet runs. Nothing heavy is imported here: the tests import it too."""

import os
import sys

from celery.__main__ import main as become_celery
from django.core.management import execute_from_command_line


def run(command: str, log: str) -> None:
    """`manage.py <command>`, with all it prints in this file. A worker becomes Celery as it does outside, but
    for the interpreter: that one has everything loaded."""
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.execv = become
    execute_from_command_line(["manage.py", command])


def become(program: str, arguments: list[str]) -> None:
    """What `python -m celery …` does."""
    assert arguments[1:3] == ["-m", "celery"]
    sys.argv = ["celery", *arguments[3:]]
    become_celery()
