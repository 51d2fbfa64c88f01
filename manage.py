#!/usr/bin/env python
"""Starts Django; nothing else. What it writes is for its owner only, but for what belongs to the sources."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

SOURCE_COMMANDS = {"compilemessages", "makemessages", "makemigrations"}

if __name__ == "__main__":
    if not SOURCE_COMMANDS.intersection(sys.argv[1:2]):
        os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"gigawatch: {error}")
