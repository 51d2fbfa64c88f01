"""One web process beside others: pages and sockets. No tasks, no watcher, no preparation."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from runs.management.commands.serve import bind, serve, spelled


class Command(BaseCommand):
    help = "Runs one web process, beside any number of others and of workers (needs CELERY_BROKER_URL)."
    requires_system_checks = []

    def handle(self, *args, **options):
        if not settings.CELERY_BROKER_URL:
            raise CommandError("CELERY_BROKER_URL is not set; without it `manage.py serve` does everything")
        self.stdout.write(f"Gigawatch listens on {spelled(settings.HOST, settings.PORT)}")
        self.stdout.flush()
        serve(bind(settings.HOST, settings.PORT))
