"""Every hostile text, pushed to open pages: frames of the same elements as those of plain words."""

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client

from dashboard.asgi import application
from dashboard.unstorable import storable
from runs.models import Run
from tests import factories
from tests.asgi_socket import Socket
from tests.hostile_texts import TEXTS
from tests.markup import Markup

pytestmark = [pytest.mark.any_database, pytest.mark.long, pytest.mark.django_db(transaction=True)]


@sync_to_async
def cast() -> tuple[Run, object, str]:
    """A run of colleagues with a plain title, who looks on, and their cookie."""
    workspace = factories.make_workspace()
    person = factories.make_person(workspace)
    client = Client()
    client.force_login(person)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    return factories.make_run(workspace, by=person), person, f"{settings.SESSION_COOKIE_NAME}={cookie}"


@pytest.mark.parametrize("path", ["/ws/runs/", "/ws/runs/{run.pk}/", "/ws/wall/"])
async def test_a_call_for_somebody_is_a_text_on_every_page(noon, path):
    run, person, cookie = await cast()
    headers = [(b"origin", settings.SITE_ORIGINS[0].encode()), (b"cookie", cookie.encode())]
    live = Socket(application, path.format(run=run), headers)
    assert await live.connect() and (await live.receive_json())["type"] == "hello"
    looks = set()
    for text in TEXTS.values():
        needs = storable(text[:200]).strip()
        await sync_to_async(run.call_for_somebody)(needs, by=person)
        pushed = Markup((await live.receive_json())["content"])
        assert pushed.says(needs)
        looks.add(frozenset(pushed.elements))  # not their number: the activity grows
    assert len(looks) == 1
    await live.disconnect()
