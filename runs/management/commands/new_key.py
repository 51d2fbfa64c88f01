"""A new encryption key, to put in front of the others, or a new SECRET_KEY."""

import secrets

from django.core.management.base import BaseCommand

from runs.sealed import new_encryption_key


class Command(BaseCommand):
    help = (
        "Prints a new key for ENCRYPTION_KEYS. It is kept nowhere: put it in front of those that are there."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--secret-key", action="store_true", help="print one for SECRET_KEY instead")

    def handle(self, *args, secret_key, **options):
        self.stdout.write(secrets.token_urlsafe(64) if secret_key else new_encryption_key())
