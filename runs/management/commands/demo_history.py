"""A made-up month of runs, to try the pages with."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from people.models import Workspace
from runs import instance
from runs.demo_history import RUNS, NotForThis, fill
from runs.models import GigaAccount


class Command(BaseCommand):
    help = (
        "Fills the demo with made-up runs of six people over thirty days, once. Only where Giga is simulated."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--seed", type=int, default=1, help="another number makes another history")
        parser.add_argument("--runs", type=int, default=RUNS, help=f"how many, {RUNS} unless told otherwise")

    def handle(self, *args, seed, runs, **options):
        if settings.GIGA_API_KEY:
            raise CommandError("GIGA_API_KEY is set: made-up runs do not belong beside real ones")
        if not 1 <= runs <= 10_000:
            raise CommandError("--runs must be from 1 to 10000")
        workspace = Workspace.objects.order_by("id").first()
        if workspace is None:
            raise CommandError("there is no workspace yet: start `manage.py serve` once")
        is_demo = GigaAccount.objects.filter(workspace=workspace, is_simulated=True).exists()
        if is_demo and instance.has_met_giga():
            raise CommandError("a real Giga has been used here: made-up runs do not belong beside real ones")
        try:
            count = fill(workspace, seed=seed, runs=runs)
        except NotForThis as reason:
            raise CommandError(str(reason)) from None
        self.stdout.write(f"{workspace.name} has {count} made-up {'run' if count == 1 else 'runs'} more.")
