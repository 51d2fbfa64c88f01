"""Gigawatch's work without its threads and its clock, as a program that can be killed: every launch, settling
and reading that is due, one after the other, with the time between them skipped.

It takes orders from its standard input, a line of JSON each, and carries out each in a fork of itself: a
process like any other, which got its imports for nothing."""

import gc
import json
import os
import resource
import signal
import sys
import traceback
import uuid

import django
import requests

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()

# These need the apps to be loaded.
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from dashboard.threadpool import guarded  # noqa: E402
from people.models import Membership  # noqa: E402
from runs import accepting, following, giga, launching, settling  # noqa: E402
from runs.models import GigaAccount, Run  # noqa: E402
from runs.status import Status  # noqa: E402
from tests import factories  # noqa: E402
from tests.faults.clock import let_pass  # noqa: E402

ROUNDS = 400
LOCKED_FOR_S = 0.2
SHORTEST_SKIP_S, LONGEST_SKIP_S = 3.0, 600.0
by_hand = requests.Session()


def carry_out(order: dict) -> None:
    """Do what an order says, in this turn: `make` a database for this Giga and end; wait for locks for
    `locked_for_s` at most; `skip_s` seconds; `accept` launches of these prompts and note each that was taken
    on; work, dying at `crash_at`, with the disk full from `disk_full_at` on, and `to_the_end` until no run is
    active."""
    connection.settings_dict["NAME"] = order["database"]
    if "make" in order:
        make(order["make"])
        return
    connection.settings_dict["OPTIONS"]["timeout"] = order.get("locked_for_s", LOCKED_FOR_S)
    settings.CRASH_AT = order.get("crash_at", "")
    if "disk_full_at" in order:
        launching.crash_point = fills_the_disk(at=order["disk_full_at"], database=order["database"])
    giga.START_RUN_S = order.get("start_run_s", giga.START_RUN_S)
    if order.get("skip_s"):
        skip(order["skip_s"], order["clock"])
    for prompt in order.get("accept", ()):
        accept(prompt)
        if "noted_in" in order:
            with open(order["noted_in"], "a") as notes:
                notes.write(prompt + "\n")
    work(order["clock"], to_the_end=order.get("to_the_end", False))


def make(api_url: str) -> None:
    call_command("migrate", verbosity=0, interactive=False)
    factories.make_person(factories.make_workspace(api_url=api_url), role="operator")
    connection.close()  # so that the file alone holds everything, and can be copied


def accept(prompt: str) -> None:
    accepting.accept_launch(
        Membership.objects.select_related("workspace", "user").get(),
        launch_token=uuid.uuid4(),
        user_prompt=prompt,
        goal_prompt="It is done.",
        system_prompt="",
        sandbox_template="giga-standard",
        duration_hours=1,
        deployment_id="",
    )


def work(clock: str, *, to_the_end: bool) -> None:
    for _ in range(ROUNDS):
        while launch_what_is_due():
            pass
        read_what_is_due()
        if not to_the_end or not Run.objects.active().exists():
            return
        skip(until_next_s(), clock)
    raise RuntimeError(f"no end: {list(Run.objects.active().values())}")


def launch_what_is_due() -> int:
    """As the tick and its tasks do."""
    now = timezone.now()
    stuck, due = list(Run.objects.stuck_sending(now)), list(Run.objects.to_launch(now))
    for run in stuck:
        launching.give_up_sending(run)
    for run in due:
        guarded(launching.launch, run.pk)
    return len(stuck) + len(due)


def read_what_is_due() -> None:
    """As the watcher does."""
    account = GigaAccount.objects.get()
    for run in Run.objects.watched().filter(due_at__lte=timezone.now()):
        if account.is_open:
            guarded(settling.settle if run.status == Status.UNKNOWN else following.refresh, run.pk)


def fills_the_disk(*, at: str, database: str):
    """A crash point at which no file of this process grows any more."""

    def crash_point(name: str) -> None:
        if name == at:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            size = os.path.getsize(f"{database}-wal")
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return crash_point


def until_next_s() -> float:
    """How long nothing at all is due."""
    moments = []
    for run in Run.objects.active():
        if run.status != Status.SENDING:
            moments.append(run.due_at)
        if run.status in (Status.SENDING, Status.QUEUED) and run.claimed_until:
            moments.append(run.claimed_until)
    return (min(moments) - timezone.now()).total_seconds() if moments else 0.0


def skip(seconds: float, clock: str) -> None:
    """Let time pass, for us and for the simulated Giga."""
    seconds = min(LONGEST_SKIP_S, max(SHORTEST_SKIP_S, seconds))
    let_pass(seconds)
    by_hand.post(f"{clock}/_advance", json={"seconds": seconds}, timeout=60).raise_for_status()


def main() -> None:
    gc.freeze()  # what is shared with the forks stays shared
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                carry_out(json.loads(line))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(json.dumps({"pid": pid}), flush=True)
        print(json.dumps({"ended": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}), flush=True)


if __name__ == "__main__":
    main()
