"""The runs list and its search with 1,000,000 runs and 5,000,000 events in the history, on SQLite.

The whole answer of the page, through Django's test client: sign-in, filters, counts, rows, HTML. Usage:
`python benchmarks/list.py [runs]`. GIGAWATCH_DATA keeps the database for another time."""

import os
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("GIGAWATCH_DATA", tempfile.mkdtemp(prefix="gigawatch-list-"))
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from people.models import Workspace  # noqa: E402
from runs.search import fact  # noqa: E402
from tests import factories  # noqa: E402

TIMES = 20
# Of a hundred runs: 92 ended and judged, 4 to judge, 3 failed, and of all a few dozen active.
STATUS = (
    "CASE WHEN n > {newest} - 40 THEN 'running' WHEN n % 100 < 96 THEN 'completed' "
    "WHEN n % 100 < 99 THEN 'failed' ELSE 'canceled' END"
)
VERDICT = "CASE WHEN n % 100 < 92 AND n <= {newest} - 40 THEN 'achieved' ELSE '' END"
# Every tenth run is another team's. A word in every prompt, one in a hundredth, one in a single prompt.
TEAM = "CASE WHEN n % 10 THEN {ours} ELSE {others} END"
RARE = (
    "CASE WHEN n % 100 = 1 THEN ' quarterly' ELSE '' END || "
    "CASE WHEN n = {newest} / 3 + 1 THEN ' chrysanthemum' ELSE '' END"
)
PROMPT = "'Download the invoices of customer number ' || n || ' and file them' || {rare}"
TEMPLATE = "CASE WHEN n % 1000 = 1 THEN 'giga-max' ELSE 'giga-standard' END"


def main(count: int) -> None:
    call_command("migrate", verbosity=0)
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.ALLOWED_HOSTS.append("testserver")
    if not Workspace.objects.exists():
        make_history(count)
    reader = get_user_model().objects.get(username="reader")
    client = Client()
    client.force_login(reader)
    first, newest = ends_of(reader)
    middle = (first + newest) // 2 | 1
    print("| list | median | p95 | of it computing | queries |\n|---|---|---|---|---|")
    for name, query in {
        "plain": "",
        **{
            f"chip {key}": f"status={key}" for key in ("active", "needs_you", "unknown", "failed", "to_judge")
        },
        "who": f"who={reader.pk}",
        "who + failed": f"who={reader.pk}&status=failed",
        "template, common": "template=giga-standard",
        "template, rare": "template=giga-max",
        "today": "when=today",
        "a day without runs": f"since={timezone.localdate() + timedelta(days=1)}",
        "30 days": "when=30d",
        "30 days + failed": "when=30d&status=failed",
        "20,000 rows deep": f"before={newest - 20_000}",
        "half-way down": f"before={middle}",
        "search: word of every run": "q=invoices",
        "search: two such words, the last begun": "q=download+inv",
        "search: one letter": "q=i",
        "search: word of a hundredth": "q=quarterly",
        "search: word of one run": "q=chrysanthemum",
        "search: no such word": "q=xylophone",
        "search: common word + active": "q=invoices&status=active",
        "search: common word + failed": "q=invoices&status=failed",
        "search: common word + unknown (none)": "q=invoices&status=unknown",
        "search: id": f"q=run_{middle:020}",
        "search: begun id": f"q=run_{middle:020}"[:-3],
    }.items():
        measure(name, client, f"/runs/?{query}")


def measure(name: str, client: Client, path: str) -> None:
    took, computed = [], []
    for _ in range(TIMES):
        started, cpu = time.perf_counter(), time.process_time()
        answer = client.get(path)
        took.append((time.perf_counter() - started) * 1000)
        computed.append((time.process_time() - cpu) * 1000)
        assert answer.status_code == 200
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    took.sort()
    p95 = took[int(len(took) * 0.95)]
    median, cpu = statistics.median(took), statistics.median(computed)
    print(f"| {name} | {median:.0f} ms | {p95:.0f} ms | {cpu:.0f} ms | {len(queries)} |", flush=True)


def ends_of(reader) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT MIN(id), MAX(id) FROM runs_run")
        return cursor.fetchone()


def make_history(count: int) -> None:
    """Sessions, runs, events and words, by the database itself."""
    ours, others = factories.make_workspace(), factories.make_workspace("Other team")
    reader = factories.make_person(ours, username="reader", role="manager")
    colleague = factories.make_person(ours, username="colleague")
    values = {"ours": ours.pk, "others": others.pk, "newest": count}
    team, rare = TEAM.format(**values), RARE.format(**values)
    at = f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (({count} - n) * 15) || ' seconds')"
    prompt = PROMPT.format(rare=rare)
    who = f"CASE WHEN n % 4 = 1 THEN {reader.pk} ELSE {colleague.pk} END"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")
        session = {"workspace_id": team, "user_prompt": prompt, "goal_prompt": "'All are there.'"}
        session |= {
            "sandbox_template": TEMPLATE,
            "duration_hours": "1",
            "created_at": at,
            "created_by_id": who,
        }
        session |= {"thread_id": "printf('thread-%020d', n)", "launch_token": "printf('%032x', n)"}
        fill(cursor, "runs_agentsession", count, {"id": "n", **session})
        run = {"workspace_id": team, "agent_session_id": "n", "created_by_id": who, "queued_at": at}
        run |= {"status": STATUS.format(**values), "verdict": VERDICT.format(**values)}
        run |= {"remote_id": "printf('run_%020d', n)", "sent_at": at, "started_at": at, "due_at": at}
        fill(cursor, "runs_run", count, {"id": "n", **run})
        event = {
            "run_id": "1 + (n - 1) / 5",
            "kind": "'status'",
            "now": "'running'",
            "at": "'2026-01-01 00:00:00'",
        }
        event["workspace_id"] = TEAM.format(**values).replace("n %", "(1 + (n - 1) / 5) %")
        fill(cursor, "runs_runevent", count * 5, event)
        facts = {"workspace": (ours.pk, others.pk), "template": ("giga-standard", "giga-max")}
        facts["who"] = (reader.pk, colleague.pk)
        (w1, w2), (t1, t2), (p1, p2) = ([fact(name, one) for one in both] for name, both in facts.items())
        words = (
            f"CASE WHEN n % 10 THEN '{w1} ' ELSE '{w2} ' END"
            f" || CASE WHEN n % 1000 = 1 THEN '{t2} ' ELSE '{t1} ' END"
            f" || CASE WHEN n % 4 = 1 THEN '{p1} ' ELSE '{p2} ' END || lower({prompt}) || ' all are there'"
        )
        cursor.execute("DROP TRIGGER IF EXISTS runs_runtext_added")
        fill(cursor, "runs_runtext", count, {"run_id": "n", "words": words})
        cursor.execute("INSERT INTO runs_runindex (runs_runindex) VALUES ('rebuild')")


def fill(cursor, table: str, count: int, values: dict) -> None:
    """Insert rows 1 to `count`; a column without an expression gets what is as good as nothing."""
    cursor.execute(f"PRAGMA table_info({table})")
    for _, name, kind, is_needed, _, _ in cursor.fetchall():
        if is_needed and name not in values and name != "id":
            values[name] = "''" if kind.lower().startswith(("varchar", "text", "char")) else "0"
    started = time.monotonic()
    cursor.execute(
        f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) "  # noqa: S608
        f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM numbers"
    )
    print(f"{count} rows of {table} in {time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
