"""Exports come piece by piece, one at a time for each person, and say so when they broke off."""

import pytest
import requests
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.asgi import application, django_application
from people.audit import Act, AuditEntry
from people.exports import BrokenOff, NotTheirs, Pieces, Slot, Taken
from people.models import Membership, Preferences
from people.views import audit
from runs import exporting
from runs.models import Run
from tests import factories
from tests.serving import serving
from tests.streamed import body_of

COMES_WITHIN_S = 60


@pytest.fixture(autouse=True)
def one_at_a_time(monkeypatch):
    """One row makes a piece."""
    monkeypatch.setattr("runs.exporting.AT_A_TIME", 1)
    monkeypatch.setattr("people.views.audit.AT_A_TIME", 1)


@pytest.fixture
def manager(manager, client):
    factories.sign_in(client, manager)
    return manager


@pytest.fixture(params=["csv", "xlsx", "json", "audit"])
def fetch(request, workspace):
    """Begins this export as whoever is signed in, over more than one piece."""
    for number in range(3):
        factories.make_run(workspace, prompt=f"Task {number}")

    def fetch(client):
        if request.param == "audit":
            return client.get("/team/audit/export/")
        return client.post("/runs/bulk/", {"action": request.param, "everything": "1"})

    fetch.kind = request.param
    return fetch


@pytest.mark.parametrize(
    "pieces, rows",
    [
        (exporting.csv_pieces, Run.objects.order_by("-pk")),
        (exporting.xlsx_pieces, Run.objects.order_by("-pk")),
        (exporting.json_pieces, Run.objects.order_by("-pk")),
        (audit.csv_pieces, AuditEntry.objects.order_by("-number")),
    ],
    ids=["csv", "xlsx", "json", "audit"],
)
def test_a_piece_is_made_when_the_one_before_it_was_taken(workspace, operator, pieces, rows):
    for _ in range(3):
        factories.make_run(workspace, by=operator).write_note("Fine.", by=operator)
    made = pieces(rows.all())
    with CaptureQueriesContext(connection) as asked:
        counts = [len(asked) for _ in made]
    lengths = [len(query["sql"]) for query in asked if "LIMIT 1" in query["sql"]]
    assert max(lengths[1:]) - min(lengths[1:]) < 20, "each piece makes the question longer"
    assert counts[0] == 0, "the first one waits for no row"
    assert len(counts) >= 4 and 0 < counts[1] < counts[2] < counts[3], "each of the others for its own"


def test_an_export_is_not_compressed_piece_by_piece(client, manager, fetch):
    """Chromium takes the first of several compressed members for the whole file."""
    client.defaults["HTTP_ACCEPT_ENCODING"] = "gzip"
    answer = fetch(client)
    assert answer.is_async
    assert answer.headers["Content-Encoding"] == "identity" and body_of(answer)[:1] in b"[P\xef"


def test_a_second_one_of_the_same_person_is_refused_until_the_first_is_whole(client, manager, fetch):
    first = fetch(client)
    second = fetch(client)
    assert second.status_code == 429 and b"You are fetching an export already" in second.content
    body_of(first)
    assert body_of(fetch(client))


def test_somebody_else_has_their_own(client, manager, operator, workspace):
    factories.make_run(workspace)
    other = Client()
    other.force_login(operator)
    form = {"action": "csv", "everything": "1"}
    answers = [browser.post("/runs/bulk/", form) for browser in (client, other)]
    assert [answer.status_code for answer in answers] == [200, 200]


def test_one_that_is_refused_is_not_noted_as_fetched(client, manager, fetch, workspace):
    fetch(client)
    fetch(client)
    assert AuditEntry.objects.filter(act=Act.EXPORTED).count() == 1


def test_what_nobody_fetches_gives_way(db, manager):
    left, later = Slot.of(manager), Slot.of(manager)
    pieces = Pieces(iter(["a", "b"]), left)
    assert left.take() and not later.take()
    cache.delete(left.name)  # as when it is over
    assert later.take()
    with pytest.raises(Taken):
        left.keep()
    pieces.close()
    assert cache.get(later.name) == later.token, "it gives back what is another one's"
    later.give_back()
    assert left.take()


def scope_of(client) -> tuple[dict, bytes]:
    """A POST for all runs as this browser's, and its body."""
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    csrf = f"{settings.CSRF_COOKIE_NAME}={'a' * 32}"
    body = b"action=csv&everything=1&csrfmiddlewaretoken=" + b"a" * 32
    headers = [(b"host", b"127.0.0.1"), (b"cookie", f"{cookie}; {csrf}".encode())]
    headers += [(b"content-type", b"application/x-www-form-urlencoded")]
    headers += [(b"content-length", str(len(body)).encode())]
    path = "/runs/bulk/"
    request = {"type": "http", "http_version": "1.1", "method": "POST", "query_string": b"", "scheme": "http"}
    return {**request, "path": path, "raw_path": path.encode(), "headers": headers}, body


async def began(scope, body) -> ApplicationCommunicator:
    """An export whose head is there."""
    asking = ApplicationCommunicator(django_application, scope)
    await asking.send_input({"type": "http.request", "body": body, "more_body": False})
    assert (await asking.receive_output(COMES_WITHIN_S))["status"] == 200
    return asking


@pytest.mark.django_db(transaction=True)
class TestUnderAsgi:
    def test_one_that_breaks_says_so_and_is_never_ended(self, client, manager, workspace, monkeypatch):
        factories.make_run(workspace)
        monkeypatch.setattr(exporting, "FIELDS", {"id": lambda run: 1 / 0})

        async def parts():
            asking = await began(*scope_of(client))
            found = []
            while not found or b"This export is not whole" not in found[-1]["body"]:
                found.append(await asking.receive_output(COMES_WITHIN_S))
            with pytest.raises(BrokenOff):  # for which the server hangs up
                await asking.wait(COMES_WITHIN_S)
            return found

        found = async_to_sync(parts)()
        assert all(part["more_body"] for part in found)
        assert Slot.of(manager).take()

    @pytest.mark.parametrize("how", ["removed", "another role", "elsewhere", "closed"])
    def test_one_whose_reader_may_not_have_it_any_more_is_not_whole(
        self, client, manager, workspace, how, monkeypatch
    ):
        for _ in range(3):
            factories.make_run(workspace)

        def change(run):
            """While the first row is made."""
            if how == "removed":
                manager.memberships.get().delete()
            elif how == "another role":
                manager.memberships.update(role="viewer")
            elif how == "elsewhere":
                other = factories.make_workspace("Elsewhere")
                Membership.objects.create(user=manager, workspace=other, role="manager")
                Preferences.objects.update_or_create(user=manager, defaults={"workspace": other})
            else:
                get_user_model().objects.filter(pk=manager.pk).update(is_active=False)
            return run.pk

        monkeypatch.setattr(exporting, "FIELDS", {"id": change})

        async def parts():
            asking = await began(*scope_of(client))
            found = [await asking.receive_output(COMES_WITHIN_S)]
            while b"This export is not whole" not in found[-1]["body"]:
                found.append(await asking.receive_output(COMES_WITHIN_S))
            with pytest.raises(BrokenOff):  # for which the server hangs up
                await asking.wait(COMES_WITHIN_S)
            return found

        found = async_to_sync(parts)()
        assert all(part["more_body"] for part in found) and len(found) == 2

    def test_its_server_hangs_up_and_says_why_in_one_line(
        self, client, manager, workspace, monkeypatch, caplog
    ):
        factories.make_run(workspace)
        monkeypatch.setattr(exporting, "FIELDS", {"id": lambda run: manager.memberships.get().delete()})
        caplog.set_level("INFO", logger="people.exports")
        scope, body = scope_of(client)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        with serving(application) as server, pytest.raises(requests.exceptions.ChunkedEncodingError):
            url = f"http://127.0.0.1:{server.port}{scope['path']}"
            requests.post(url, data=body, headers=headers, timeout=COMES_WITHIN_S)
        said = [record for record in caplog.records if record.name == "people.exports"]
        assert [record.getMessage() for record in said] == [f"An export broke off: {NotTheirs.__doc__}"]
        assert not [record for record in caplog.records if record.exc_info]

    def test_whoever_has_seen_the_end_may_fetch_the_next_one(self, client, manager, workspace, monkeypatch):
        """The end is sent before Django closes what it sent."""
        monkeypatch.setattr(Pieces, "close", lambda pieces: None)
        factories.make_run(workspace)

        async def fetched():
            asking = await began(*scope_of(client))
            while (await asking.receive_output(COMES_WITHIN_S)).get("more_body"):
                pass
            await asking.wait(COMES_WITHIN_S)

        async_to_sync(fetched)()
        assert Slot.of(manager).take()

    def test_whoever_goes_away_ends_theirs(self, client, manager, workspace):
        for _ in range(5):
            factories.make_run(workspace)

        async def leaves():
            asking = await began(*scope_of(client))
            await asking.receive_output(COMES_WITHIN_S)
            await asking.send_input({"type": "http.disconnect"})
            await asking.wait(COMES_WITHIN_S)
            return await sync_to_async(Slot.of(manager).take)()

        assert async_to_sync(leaves)()
