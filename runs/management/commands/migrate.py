"""Django's `migrate`, as an upgrade needs it: it refuses the tables of a newer version, copies what it is
about to change, and says how far it is."""

import time

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connection

from runs import upgrade
from runs.upgrade import progress


class Command(migrate.Command):
    help = f"{migrate.Command.help} Makes the data folder on the first start."

    def execute(self, *args, **options):
        # Before Django's own checks, which look into the database.
        settings.DATA_FOLDER.make()
        if not settings.DATABASE_URL:
            with settings.DATA_FOLDER.said_in_a_line():
                settings.SQLITE_FILE.touch(mode=0o600)
        return super().execute(*args, **options)

    def handle(self, *args, **options):
        if why_not := upgrade.why_not_this_database() or upgrade.why_newer_tables():
            raise CommandError(why_not)
        only_looks = options["plan"] or options["check_unapplied"]
        progress.stdout, progress.steps, progress.done = self.stdout, len(upgrade.missing_migrations()), 0
        progress.is_upgrade = bool(progress.steps) and not only_looks and not upgrade.is_first_start()
        started_at = time.monotonic()
        if progress.is_upgrade:
            self.copy_first()
        super().handle(*args, **options)
        progress.tell(f"The tables are upgraded, after {time.monotonic() - started_at:.0f} s.")

    def copy_first(self) -> None:
        progress.tell("The tables are those of an older Gigawatch, and are upgraded now.")
        if copy := upgrade.copy_database():
            progress.tell(f"The database as it was is kept in {copy}: delete it when all is well.")
        else:
            progress.tell(f"{connection.display_name} is not copied first: that is for your own backup.")
        progress.tell("If this is stopped, the next start goes on with the step it was at.")

    def migration_progress_callback(self, action, migration=None, fake=False):
        if not progress.is_upgrade:
            super().migration_progress_callback(action, migration, fake)
        elif action == "apply_start":
            progress.done += 1
            progress.tell(f"Step {progress.done} of {progress.steps}: {migration}")
