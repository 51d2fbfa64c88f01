"""What is done once, before the processes of an instance start: tables, static files, the first
administrator, the Giga key."""

import logging

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from people.links import first_links
from people.models import Workspace
from runs import instance, keys, upgrade
from runs.management.commands.collect import collect_static_files
from runs.resealing import what_cannot_be_opened

logger = logging.getLogger(__name__)

KEY_SHAPE = "giga_sk_ and 32 hexadecimal digits"


class Command(BaseCommand):
    help = "Prepares the database and the first workspace, once, before `web` and `work` are started."
    requires_system_checks = []

    def handle(self, *args, **options):
        if settings.IS_DEMO:
            raise CommandError(
                "GIGA_API_KEY is not set; the demo is `manage.py serve`, which prepares by itself"
            )
        connect_giga(prepare(self.stdout))
        say_sign_in_links(self.stdout, settings.SITE_ORIGINS[0])


def prepare(stdout) -> Workspace:
    """Data folder, tables, static files, the first workspace and its administrator: whatever is not there
    yet. What takes long is told on `stdout`."""
    settings.DATA_FOLDER.make()
    with upgrade.one_at_a_time(stdout):
        call_command("migrate", verbosity=0, interactive=False, stdout=stdout)
        collect_static_files()
        if any(what_cannot_be_opened()):
            logger.error(
                "stored secrets cannot be opened: "
                "put encryption_keys, or ENCRYPTION_KEYS, of this database back"
            )
        workspace = instance.first_workspace()
        instance.first_administrator(
            workspace,
            username=settings.SUPERUSER_USERNAME,
            password=settings.SUPERUSER_PASSWORD,
            email=settings.SUPERUSER_EMAIL,
        )
    return workspace


def connect_giga(workspace: Workspace) -> None:
    """GIGA_API_KEY is the key of this workspace, unless a manager set another or Giga refuses it."""
    if not instance.KEY_PATTERN.fullmatch(settings.GIGA_API_KEY):
        logger.warning("GIGA_API_KEY is not %s; trying it all the same", KEY_SHAPE)
    instance.end_demo()
    if why_not := keys.why_environment_is_not_used(workspace):
        logger.warning("%s", why_not)
        return
    instance.connect_account(
        workspace, api_url=settings.GIGA_API_URL, api_key=settings.GIGA_API_KEY, is_simulated=False
    )


def refuse_unprepared() -> None:
    """Raises CommandError where `prepare` of this version was not run. A database that does not answer may
    come up later: it is waited for."""
    if settings.DATA_FOLDER.new_secrets:
        raise CommandError("run `manage.py prepare` first, on this data folder or with these secrets")
    try:
        if why_not := upgrade.why_not_here():
            raise CommandError(why_not)
    except DatabaseError as error:
        logger.warning("The database does not answer yet: %s", type(error).__name__)
    finally:
        connection.close()


def say_sign_in_links(stdout, address: str) -> None:
    """A one-time link for each administrator who has no password yet, on the first starts."""
    for username, path in first_links():
        stdout.write(f"Sign in once, within an hour, as {username}: {address}{path}")
