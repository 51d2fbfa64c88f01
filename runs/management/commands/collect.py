"""Collecting the static files, once for each state of them."""

import hashlib
import os

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Collects and compresses the static files, unless they are the same as last time."
    requires_system_checks = []

    def handle(self, *args, **options):
        collect_static_files()


def collect_static_files() -> None:
    """Collect and compress the static files, unless they are the same as last time. Raises CommandError where
    they are others and cannot be written."""
    stamp, now = settings.STATIC_ROOT / ".collected", state_of_sources()
    if stamp.exists() and stamp.read_text() == now:
        return
    # They are public, and in an image or behind a proxy somebody else's process reads them.
    before = os.umask(0o022)
    try:
        call_command("collectstatic", verbosity=0, interactive=False)
        stamp.write_text(now)
    except OSError as error:
        raise CommandError(
            f"the static files in {settings.STATIC_ROOT} are not of this version, and cannot be made anew: "
            f"{error.strerror or error}; set STATIC_ROOT"
        ) from None
    finally:
        os.umask(before)


def state_of_sources() -> str:
    """A hash of names and contents, and of nothing that a copy changes: an image that was pushed and pulled
    has other times than the one that was built, and lists its folders in another order."""
    sources = {}
    for finder in get_finders():
        for path, storage in finder.list([]):
            sources.setdefault(path, storage.path(path))  # the first one is served
    seen = hashlib.sha256()
    for path in sorted(sources):
        with open(sources[path], "rb") as source:
            seen.update(f"{path} {hashlib.file_digest(source, 'sha256').hexdigest()}\n".encode())
    return seen.hexdigest()
