"""A new way in for somebody who has none: a link that works once, for an hour."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from people.links import new_sign_in_path


class Command(BaseCommand):
    help = "Prints a link that signs one person in, once, within an hour. A second factor is asked for still."
    requires_system_checks = []
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("username")

    def handle(self, *args, username, **options):
        user = get_user_model().objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"nobody who may sign in is called {username!r}")
        self.stdout.write(settings.SITE_ORIGINS[0] + new_sign_in_path(user))
