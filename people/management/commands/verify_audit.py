"""Whether the audit log stands as it was written."""

import re
from argparse import ArgumentTypeError

from django.core.management.base import BaseCommand, CommandError

from people.audit import AuditHead, faults


def head(text: str) -> tuple[int, str]:
    """Number and hash of a row, from how this command prints them."""
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text):
        raise ArgumentTypeError("a head looks like 12:<64 hexadecimal digits>, as this command prints it")
    number, _, digits = text.partition(":")
    return int(number), digits


class Command(BaseCommand):
    help = "Reads the whole audit log and says which rows were edited, deleted or swapped; 1 when any was."
    requires_system_checks = []
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument(
            "--head",
            type=head,
            default=(0, ""),
            metavar="N:HASH",
            help="a head that was printed earlier and kept elsewhere: finds a log rewritten as a whole",
        )

    def handle(self, *args, head, **options):
        if found := faults(kept=head):
            raise CommandError("\n".join(found))
        last = AuditHead.objects.filter(pk=1).first()
        self.stdout.write(
            f"The log is whole. Its head: {last.number}:{last.hash}" if last else "The log is empty."
        )
