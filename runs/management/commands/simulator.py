"""The simulated Giga alone, on its own port."""

from django.core.management.base import BaseCommand, CommandError

from simulator.app import Config
from simulator.scenarios import SCENARIOS
from simulator.server import run


class Command(BaseCommand):
    help = "Runs a simulated Giga, for demonstrations and tests."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8001)
        parser.add_argument("--scenario", default="default", choices=sorted(SCENARIOS), metavar="NAME")
        parser.add_argument("--speed", type=float, default=1.0, help="times of a run are divided by this")
        parser.add_argument(
            "--key",
            action="append",
            metavar="KEY",
            help="take this key, and others only where it is given again; without it any of the right form",
        )
        parser.add_argument("--state", default=None, metavar="FILE", help="remember sessions and runs here")

    def handle(self, *args, host, port, scenario, speed, key, state, **options):
        if not speed > 0:
            raise CommandError("--speed must be more than 0")
        self.stdout.write(f"Simulated Giga ({scenario}) at http://{host}:{port}, requests at /_ledger")
        try:
            run(Config(scenario=scenario, speed=speed, accept_keys=key, state_path=state), host, port)
        except OSError as error:
            raise CommandError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
