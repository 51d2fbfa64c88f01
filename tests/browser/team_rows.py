"""Makes the rows of teams in a data folder, for as long as it is asked: a JSON object a line in, one out. A
process of its own, because settings name one folder.

    python -m tests.browser.team_rows <address of a simulated Giga>
"""

import itertools
import json
import sys
import time
from datetime import timedelta
from importlib import import_module

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from runs import giga  # noqa: E402
from runs.models import Run  # noqa: E402
from runs.status import Status  # noqa: E402
from tests import factories  # noqa: E402
from tests.served import KEY, PASSWORD  # noqa: E402

SIMULATOR = sys.argv[1] if __name__ == "__main__" else ""
numbers = itertools.count(1)
# One for all of them: it is slow to make.
PASSWORD_HASH = make_password(PASSWORD)


def make(*, ended: int = 0, working: int = 0) -> dict:
    """A workspace, its key, and its manager with a login; with so many runs."""
    number = next(numbers)
    key = f"{KEY[:-6]}{number:06x}"
    workspace = factories.make_workspace(f"Team {number}", api_url=SIMULATOR, key=key)
    manager = factories.make_person(workspace, role="manager", username=f"mona{number}")
    manager.password = PASSWORD_HASH
    manager.save()
    client = Client()
    factories.sign_in(client, manager)
    for task in range(ended):
        prompt = f"Task number {task} of the list"
        factories.make_run(workspace, Status.COMPLETED, by=manager, prompt=prompt)
    return {
        "workspace": workspace.pk,
        "username": manager.username,
        "key": key,
        "login": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "runs": start(workspace, manager, key, working),
    }


def start(workspace, manager, key: str, count: int) -> list[int]:
    """Runs that really work in the simulated Giga and do not end, each with its desktop."""
    access = giga.Access(SIMULATOR, key)
    started = []
    for number in range(count):
        prompt = f"Stays {number} [scenario:never-ends]"
        prompts = {"user_prompt": prompt, "goal_prompt": "It is done.", "system_prompt": ""}
        session = giga.create_session(
            access, **prompts, sandbox_template="giga-standard", duration_hours=1, deployment_id=""
        )
        run = giga.start_run(access, thread_id=session.thread_id, message="Begin.")
        started.append((prompt, session.thread_id, run.run_id))
    return [make_working(workspace, manager, access, *one).pk for one in started]


def make_working(workspace, manager, access, prompt: str, thread_id: str, run_id: str) -> Run:
    while not (told := giga.get_run(access, thread_id=thread_id, run_id=run_id)).desktop_url:
        time.sleep(0.1)
    session = factories.make_session(workspace, by=manager, user_prompt=prompt, thread_id=thread_id)
    run = factories.make_run(
        workspace, agent_session=session, by=manager, remote_id=run_id, sandbox_id=told.sandbox_id
    )
    url = run.sealed("desktop_url", told.desktop_url)
    now = timezone.now()
    # For so long that none of them is new on the wall: its tiles stay where they are.
    began = now - timedelta(minutes=5)
    Run.objects.filter(pk=run.pk).update(
        sealed_desktop_url=url,
        desktop_kind="page",
        queued_at=began,
        started_at=began,
        desktop_at=began,
        due_at=now,
    )
    return run


def make_old(*, login: str) -> dict:
    """The password of this login was given an hour ago."""
    session = import_module(settings.SESSION_ENGINE).SessionStore(login)
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - 3600}]
    session.save()
    return {}


def end(*, workspace: int) -> dict:
    for run in Run.objects.active().filter(workspace=workspace):
        run.move_to(Status.LOST, why="Nobody asks for it any more.")
    return {}


def main() -> None:
    verbs = {"make": make, "make_old": make_old, "end": end}
    for line in sys.stdin:
        ((verb, what),) = json.loads(line).items()
        print(json.dumps(verbs[verb](**what)), flush=True)


if __name__ == "__main__":
    main()
