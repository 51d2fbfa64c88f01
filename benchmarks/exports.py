"""What an export takes, of many runs and of a few of them: how soon its first byte is there, and how
much the server grows by it. Fails when the first byte of the large one takes a second, or the server grows by
20 MB.

The real web process over HTTP, with SQLite. Usage: `python benchmarks/exports.py [runs]`."""

import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.update(
    GIGAWATCH_DATA=tempfile.mkdtemp(prefix="gigawatch-exports-"), DJANGO_SETTINGS_MODULE="dashboard.settings"
)

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from people.models import Workspace  # noqa: E402
from runs import instance  # noqa: E402
from runs.models import AgentSession, Run  # noqa: E402
from runs.status import Status  # noqa: E402
from tests.served import PASSWORD, Served  # noqa: E402

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
PROMPT = "Download the invoices of October and put each into the folder of its customer. " * 10
MAX_FIRST_BYTE_S, MAX_GROWTH_MB = 1.0, 20


def fill(workspace: Workspace, count: int) -> None:
    texts = {"user_prompt": PROMPT, "goal_prompt": PROMPT, "system_prompt": PROMPT}
    for start in range(0, count, 1000):
        made = AgentSession.objects.bulk_create(
            AgentSession(workspace=workspace, duration_hours=1, **texts)
            for _ in range(min(1000, count - start))
        )
        Run.objects.bulk_create(
            Run(workspace=workspace, agent_session=one, status=Status.COMPLETED, due_at=None) for one in made
        )


def memory_mb(served: Served) -> float:
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def fetch(served: Served, session, kind: str, query: str = "", **fields) -> tuple[float, float, float, float]:
    """Seconds to the first byte and to the last; megabytes it was long, and by which the server grew."""
    form = {"action": kind, "csrfmiddlewaretoken": session.cookies["csrf"], **fields}
    before, begun = memory_mb(served), time.monotonic()
    answer = session.post(
        f"{served.url}/runs/bulk/{query}",
        data=form,
        headers={"Referer": served.url},
        stream=True,
        timeout=600,
    )
    answer.raise_for_status()
    first, size, most = 0.0, 0, before
    for part in answer.iter_content(256 * 1024):
        first = first or time.monotonic() - begun
        size += len(part)
        most = max(most, memory_mb(served))
    return first, time.monotonic() - begun, size / 1e6, most - before


def main() -> None:
    call_command("migrate", verbosity=0)
    workspace = instance.first_workspace()
    instance.first_administrator(workspace, username="admin", password=PASSWORD, email="")
    fill(workspace, RUNS)
    few = list(Run.objects.values_list("pk", flat=True)[: RUNS // 200])
    connections.close_all()
    served = Served(settings.DATA).start().ready()
    try:
        session = served.signed_in()
        session.cookies.set("csrf", next(c.value for c in session.cookies if c.name.endswith("-csrf")))
        fetch(served, session, "json", run=few)  # what is loaded once
        print("| export | first byte | last byte | length | the server grew by |\n|---|---|---|---|---|")
        for kind in ("csv", "xlsx", "json"):
            fetched = {len(few): fetch(served, session, kind, run=few)}
            fetched[RUNS] = fetch(served, session, kind, everything="1")
            for count, (first, last, size, growth) in fetched.items():
                row = f"{kind}, {count:,} runs | {first * 1000:.0f} ms | {last:.1f} s | {size:.1f} MB"
                print(f"| {row} | {growth:.1f} MB |")
            first, _, _, growth = fetched[RUNS]
            assert first <= MAX_FIRST_BYTE_S, f"the first byte took {first:.2f} s"
            assert growth <= MAX_GROWTH_MB, f"the server grew by {growth:.1f} MB"
    finally:
        served.kill()


if __name__ == "__main__":
    main()
