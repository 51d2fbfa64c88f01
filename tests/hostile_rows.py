"""Fills a data folder with markup in every field, and prints as JSON who may sign in and where it is. A
process of its own, because settings name one folder.

    python -m tests.hostile_rows <address of a simulated Giga>
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402

from people.models import Workspace  # noqa: E402
from runs.management.commands.collect import collect_static_files  # noqa: E402
from runs.models import SavedView  # noqa: E402
from tests import hostile_history  # noqa: E402
from tests.hostile_texts import MARKUP  # noqa: E402


def main() -> None:
    setup_test_environment()
    call_command("migrate", verbosity=0, interactive=False)
    collect_static_files()
    # What htmx is told by markup it does, and the page is another one then: that is tried apart.
    texts = {name: text for name, text in MARKUP.items() if name != "requests of the page"}
    history = hostile_history.make(texts=texts, of_giga=texts, api_url=sys.argv[1])
    apart = hostile_history.launch(history, MARKUP["requests of the page"])
    Workspace.objects.update(name=texts["a picture that fails"])
    history.person.first_name = texts["the end of a quoted value"]
    history.person.save()
    for text in texts.values():
        SavedView.objects.create(
            workspace=history.workspace, owner=history.person, name=text[:60], query="?status=failed"
        )
    told = history.hostile
    pages = [
        "/runs/?status=completed",
        "/runs/?status=rejected",
        f"/runs/{told.ended.pk}/",
        f"/runs/{told.follow_up.pk}/",
        f"/runs/{told.marked.pk}/",
        f"/runs/{told.marked.pk}/peek/",
        f"/runs/{history.refused['a script'].pk}/",
        f"/runs/{history.running['a picture that fails'].pk}/",
        f"/runs/new/?run={told.ended.pk}",
        "/runs/views/",
        "/sessions/",
        f"/sessions/{told.ended.agent_session_id}/",
        "/wall/",
        "/find/?q=window",
        "/team/",
        "/team/audit/",
        "/me/",
        "/workspaces/",
        "/admin/runs/run/",
        f"/admin/runs/agentsession/{told.ended.agent_session_id}/change/",
    ]
    login = history.client.cookies[settings.SESSION_COOKIE_NAME].value
    print(json.dumps({"login": login, "pages": pages, "apart": f"/runs/{apart.pk}/"}))


if __name__ == "__main__":
    main()
