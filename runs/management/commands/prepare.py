"""What is done once, before the processes of an instance start: tables, static files, the first
administrator, the Giga key."""

import logging
import os

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from people.links import first_links
from people.models import Workspace
from runs import instance
from runs.management.commands.collect import collect_static_files
from runs.models import GigaAccount

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
        os.umask(0o077)
        connect_giga(prepare(), simulator=None)
        say_sign_in_links(self.stdout, settings.SITE_URL.rstrip("/"))


def prepare() -> Workspace:
    """Tables, static files, the first workspace and its administrator: whatever is not there yet."""
    call_command("migrate", verbosity=0, interactive=False)
    collect_static_files()
    workspace = instance.first_workspace()
    instance.first_administrator(
        workspace,
        username=settings.SUPERUSER_USERNAME,
        password=settings.SUPERUSER_PASSWORD,
        email=settings.SUPERUSER_EMAIL,
    )
    return workspace


def connect_giga(workspace, simulator) -> None:
    if simulator is None:
        if not instance.KEY_PATTERN.fullmatch(settings.GIGA_API_KEY):
            logger.warning("GIGA_API_KEY is not %s; trying it all the same", KEY_SHAPE)
        instance.connect_account(
            workspace, api_url=settings.GIGA_API_URL, api_key=settings.GIGA_API_KEY, is_simulated=False
        )
        return
    account = GigaAccount.objects.filter(workspace=workspace, is_simulated=True).first()
    key = account.api_key if account else instance.demo_key()
    # Asked at loopback even when it listens everywhere: its desktops' addresses are made from this name.
    api_url = f"http://127.0.0.1:{simulator.port}"
    instance.connect_account(workspace, api_url=api_url, api_key=key, is_simulated=True)
    GigaAccount.objects.filter(is_simulated=True).update(api_url=api_url)


def say_sign_in_links(stdout, address: str) -> None:
    """A one-time link for each administrator who has no password yet, on the first starts."""
    for username, path in first_links():
        stdout.write(f"Sign in once, within an hour, as {username}: {address}{path}")
