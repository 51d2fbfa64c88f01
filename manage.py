#!/usr/bin/env python
"""Starts Django; nothing else. What it writes is for its owner only, but for what belongs to the sources."""

import os
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, InterfaceError

from dashboard import VERSION

ENV_FILE = Path(__file__).resolve().parent / ".env"
SOURCE_COMMANDS = {"compilemessages", "makemessages", "makemigrations"}

if __name__ == "__main__":
    if not SOURCE_COMMANDS.intersection(sys.argv[1:2]):
        os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    # Nothing but this file names it, so that tests, benchmarks and the simulated Giga never hold a real key.
    # A link that leads nowhere is one, too: what was to be read is missing.
    if os.path.lexists(ENV_FILE) and sys.argv[1:2] != ["simulator"]:
        os.environ.setdefault("ENV_FILE", str(ENV_FILE))
    if sys.argv[1:] in (["--version"], ["version"]):
        sys.exit(print(f"Gigawatch {VERSION}"))
    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell has it
    except ImproperlyConfigured as error:
        sys.exit(f"gigawatch: {error}")
    except (DatabaseError, InterfaceError) as error:
        from dashboard.command_errors import sentence_of

        if not (sentence := sentence_of(error)):
            raise
        sys.exit(f"gigawatch: {sentence}")
