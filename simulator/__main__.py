"""`python -m simulator`: a simulated Giga on its own, without the dashboard."""

import argparse

from simulator.config import Config
from simulator.scenarios import SCENARIOS
from simulator.server import run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A simulated Giga.")
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
    parser.add_argument("--state", metavar="FILE", help="remember sessions and runs here")
    parser.add_argument("--extensions", action="store_true", help="serve routes that are only guessed, too")
    parser.add_argument("--list", action="store_true", help="list the scenarios and leave")
    options = parser.parse_args()
    if options.list:
        for name, scenario in SCENARIOS.items():
            print(f"{name:20} {scenario.line}")
        return
    if options.speed <= 0:
        parser.error("--speed must be more than 0")
    config = Config(
        scenario=options.scenario,
        speed=options.speed,
        accept_keys=options.key,
        state_path=options.state,
        extensions=options.extensions,
    )
    print(f"Simulated Giga ({options.scenario}) at http://{options.host}:{options.port}", flush=True)
    try:
        run(config, options.host, options.port)
    except OSError as error:
        parser.exit(1, f"cannot listen on {options.host}:{options.port}: {error.strerror or error}\n")


if __name__ == "__main__":
    main()
