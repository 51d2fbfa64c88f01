"""Collecting the static files, once for each state of them."""

import hashlib
import os

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Collects and compresses the static files, unless they are the same as last time."
    requires_system_checks = []

    def handle(self, *args, **options):
        collect_static_files()


def collect_static_files() -> None:
    """Collect and compress the static files, unless they are the same as last time."""
    seen = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            seen.update(f"{path} {os.stat(storage.path(path)).st_mtime_ns}\n".encode())
    stamp = settings.STATIC_ROOT / ".collected"
    if stamp.exists() and stamp.read_text() == seen.hexdigest():
        return
    call_command("collectstatic", verbosity=0, interactive=False)
    stamp.write_text(seen.hexdigest())
