"""One worker beside others: the tasks' threads, the tick and the watcher. No web."""

import os
import sys

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from runs.management.commands.prepare import refuse_unprepared
from runs.models import GigaAccount
from runs.sealed import Unreadable


class Command(BaseCommand):
    help = "Runs one worker, beside any number of others and of web processes (needs CELERY_BROKER_URL)."
    requires_system_checks = []

    def handle(self, *args, **options):
        if not settings.CELERY_BROKER_URL:
            raise CommandError("CELERY_BROKER_URL is not set; without it `manage.py serve` does this work")
        refuse_unprepared()
        refuse_other_secrets()
        os.chdir(settings.BASE_DIR)
        name = f"work-{os.getpid()}@%h"
        # The pool and its threads are settings. Workers need not know of each other: the rows are the jobs.
        alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        program = [sys.executable, "-m", "celery", "-A", "dashboard", "--quiet", "worker", "-n", name, *alone]
        os.execv(sys.executable, program)  # noqa: S606 -- no shell, and nothing in it comes from outside


def refuse_other_secrets() -> None:
    """Raises CommandError where the stored keys cannot be read: each launch would fail."""
    try:
        for account in GigaAccount.objects.all():
            account.api_key  # noqa: B018 -- it raises
    except Unreadable as error:
        raise CommandError(f"{error}; every process needs the same ENCRYPTION_KEYS") from None
    except DatabaseError:
        return  # it may come up later, and the worker waits for it
    finally:
        connection.close()
