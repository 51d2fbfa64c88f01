"""When Giga is not asked any more: said on every page, with a way out, to open pages as well, and nothing
that would ask Giga is offered."""

import uuid

import pytest
from asgiref.sync import sync_to_async

from people.models import membership_of
from runs.accepting import NotPossible
from runs.extending import accept_extension
from runs.models import Extension
from tests import factories
from tests.test_sockets import opened, sign_in

pytestmark = pytest.mark.any_database


@pytest.fixture
def paused(workspace):
    workspace.giga_account.pause("Giga refused the key.")


def notices(client, path="/runs/") -> str:
    return client.get(path).text.split('id="notices">')[1].split('class="toasts"')[0]


def test_a_manager_is_led_to_the_key(client, manager, paused):
    client.force_login(manager)
    assert "Giga refused the key." in notices(client) and 'href="/team/key/"' in notices(client)


def test_others_are_told_who_can_help(client, workspace, manager, operator, viewer, paused):
    manager.first_name = "<b>Mona</b>"
    manager.save()
    factories.make_person(workspace, role="manager", username="closed", is_active=False)
    for person in (operator, viewer):
        client.force_login(person)
        said = notices(client)
        assert "A manager can see to the key:" in said and "&lt;b&gt;Mona&lt;/b&gt;" in said
        assert "closed" not in said and "/team/key/" not in said


def test_no_time_is_bought_meanwhile(client, workspace, operator, paused):
    run = factories.make_run(workspace, sandbox_id="abc")
    with pytest.raises(NotPossible, match="Giga is not asked any more"):
        accept_extension(run, membership_of(operator), token=uuid.uuid4())
    client.force_login(operator)
    question = client.get(f"/runs/{run.pk}/extend/question/", headers={"hx-request": "true"}).text
    assert "Giga is not asked any more" in question and "hx-post" not in question
    assert not Extension.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/ws/runs/", "/ws/wall/", "/ws/runs/{run}/"])
async def test_an_open_page_hears_of_it_with_the_next_heartbeat(monkeypatch, path):
    monkeypatch.setattr("runs.consumers.HEARTBEAT_S", 0.05)

    @sync_to_async
    def stage():
        workspace = factories.make_workspace()
        run = factories.make_run(workspace)
        return workspace.giga_account, run, sign_in(factories.make_person(workspace, username="olga"))

    account, run, client = await stage()
    page = await opened(path.format(run=run.pk), client)
    assert "data-paused" not in (await page.receive_json())["content"]
    await sync_to_async(account.pause)("Giga refused the key.")
    while "data-paused" not in (beat := await page.receive_json())["content"]:
        assert beat["type"] == "heartbeat"
    assert 'hx-target="#notices"' in beat["content"] and "Giga refused the key." in beat["content"]
    await page.disconnect()
