"""One web process beside others: pages and sockets. No tasks, no watcher, no preparation."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from runs.management.commands.prepare import refuse_unprepared
from runs.management.commands.serve import bind, leave, serve, spelled, stop_as_by_ctrl_c


class Command(BaseCommand):
    help = "Runs one web process, beside any number of others and of workers (needs CELERY_BROKER_URL)."
    requires_system_checks = []

    def handle(self, *args, **options):
        if not settings.CELERY_BROKER_URL:
            raise CommandError("CELERY_BROKER_URL is not set; without it `manage.py serve` does everything")
        refuse_unprepared()
        self.stdout.write(f"Gigawatch listens on {spelled(settings.HOST, settings.PORT)}")
        self.stdout.flush()
        stop_as_by_ctrl_c()
        serve(bind(settings.HOST, settings.PORT))
        leave()
