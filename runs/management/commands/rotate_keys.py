"""After a new encryption key was put in front of ENCRYPTION_KEYS."""

from django.core.management.base import BaseCommand, CommandError

from runs.resealing import newest_key_id, reseal_all


class Command(BaseCommand):
    help = (
        "Seals every secret anew under the first of ENCRYPTION_KEYS. May be stopped and started again; when "
        "it says that nothing is left, the older keys may go."
    )
    requires_system_checks = []
    requires_system_checks = []

    def handle(self, *args, **options):
        done, unreadable = 0, []
        for problem in reseal_all():
            if problem:
                unreadable.append(problem)
            else:
                done += 1
        self.stdout.write(
            f"{done} {'secret' if done == 1 else 'secrets'} sealed anew under the key {newest_key_id()}."
        )
        if unreadable:
            raise CommandError("not opened, and left as they are:\n" + "\n".join(unreadable))
        self.stdout.write("Nothing is left under an older key.")
