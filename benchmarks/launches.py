"""How soon are ten launches sent that are pressed at once, beside 0, 5 and 20 active runs on the same key?

Real time, real HTTP, the real engine with its threads, SQLite; the simulated Giga is a process of its own, as
strict as always, on a plan without a limit of computers. Its ledger says when each start arrived, and how
many requests of the key arrived in any 60 s. Usage: `python benchmarks/launches.py [launches]`."""

import os
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["GIGAWATCH_DATA"] = tempfile.mkdtemp(prefix="gigawatch-launches-")
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"

import django  # noqa: E402

django.setup()

import requests  # noqa: E402
from django.core.management import call_command  # noqa: E402

from benchmarks.endless import PROMPTS, make_key, mark_of, start_giga  # noqa: E402
from dashboard import engine  # noqa: E402
from people.models import Membership, Workspace  # noqa: E402
from runs import accepting, tasks  # noqa: E402
from tests import factories  # noqa: E402
from tests.served import eventually, free_port  # noqa: E402

ACTIVE, STEADY_S, AFTERWARDS_S = (0, 5, 20), 65, 60


def main(launches: int) -> None:
    call_command("migrate", verbosity=0)
    port = free_port()
    giga = start_giga(port)
    print("| active runs | first sent after | third | half | last | most requests in 60 s |")
    print("|---|---|---|---|---|---|")
    try:
        for number, active in enumerate(ACTIVE):
            make_key(port, number, runs=active)
        engine.start()
        # As long as it takes until the busiest minute is one of readings alone.
        time.sleep(STEADY_S)
        for number, active in enumerate(ACTIVE):
            report(port, number, active, press(number, launches), launches)
    finally:
        engine.stop()
        giga.kill()


def press(number: int, launches: int) -> float:
    """Press Launch so often at once; returns when."""
    workspace = Workspace.objects.get(name=f"Workspace {number}")
    user = factories.make_person(workspace)
    membership = Membership.objects.select_related("user", "workspace").get(user=user)
    pressed_at = time.time()
    for _ in range(launches):
        run = accepting.accept_launch(
            membership, launch_token=uuid.uuid4(), duration_hours=1, deployment_id="", **PROMPTS
        )
        tasks.ring(run.pk)
    return pressed_at


def report(port: int, number: int, active: int, pressed_at: float, launches: int) -> None:
    def arrivals() -> list[dict]:
        ledger = requests.get(f"http://127.0.0.1:{port}/_ledger", timeout=60).json()["requests"]
        return [entry for entry in ledger if entry["key_last4"] == mark_of(number)]

    def starts() -> list[float]:
        sent = [entry for entry in arrivals() if entry["path"].endswith("/runs") and entry["at"] > pressed_at]
        return [entry["at"] - pressed_at for entry in sent if entry["method"] == "POST"]

    eventually(lambda: len(starts()) >= launches, within_s=300)
    time.sleep(AFTERWARDS_S)
    times, sent = [entry["at"] for entry in arrivals()], starts()
    # Before the engine runs the key's runs are made, which is nobody's budget.
    times = [at for at in times if at > pressed_at - STEADY_S + 5]
    worst = max(sum(start <= at <= start + 60 for at in times) for start in times)
    figures = (sent[0], sent[min(2, launches - 1)], sent[launches // 2 - 1], sent[-1])
    shown = " | ".join(f"{seconds:.1f} s" for seconds in figures)
    print(f"| {active} | {shown} | {worst} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
