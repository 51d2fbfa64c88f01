"""What another workspace has makes no difference: for every id that somebody may name, the answer is the same
bytes after as many queries, whether a row of others has it or none."""

import re
import uuid
from datetime import timedelta

import pytest
from django.core.signing import dumps
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people.audit import Act, audit
from people.models import Invitation, Membership, hash_of
from runs.files import TOKEN_SALT
from runs.marks import RunNote, SavedView, Tag
from runs.models import Extension, Run
from runs.search import keep_words
from runs.status import Status
from tests import factories
from tests.walk import cell

ID, NAME = 777_001, "inv-4711-0042"
TOKEN = uuid.UUID("9f0b1f3e-6a44-4a6e-8b61-6c1d9a8e2f10")
LAUNCH = {
    "user_prompt": "Count the zebras",
    "goal_prompt": "Done.",
    "sandbox_template": "giga-standard",
    "duration_hours": "1",
    "launch_token": str(TOKEN),
}
# What is made anew for each answer.
RANDOM = re.compile(
    rb"data-now=\S+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|(?<=[\"\s])[A-Za-z0-9]{64}(?=[\"\s])"
)

ASKED = {
    "list, beginning of an id": ("/runs/?q=inv-4711", None),
    "list, whole id": (f"/runs/?q={NAME}", None),
    "list, id and status": (f"/runs/?q={NAME}&status=active", None),
    "list, its person": (f"/runs/?who={ID}", None),
    "list, its tag": (f"/runs/?tag={ID}", None),
    "list, its view": (f"/runs/?view={ID}", None),
    "list, from it on": (f"/runs/?before={ID}", None),
    "list, its number": (f"/runs/?q={ID}", None),
    "how many": (f"/runs/bulk/?q={NAME}", None),
    "sessions, beginning of an id": ("/sessions/?q=inv-4711", None),
    "sessions, whole id": (f"/sessions/?q={NAME}", None),
    "sessions, from it on": (f"/sessions/?before={ID}", None),
    "palette, beginning of an id": ("/find/?q=inv-4711", None),
    "palette, its number": (f"/find/?q=%23{ID}", None),
    "palette, in its page": (f"/find/?run={ID}", None),
    "wall, its person": (f"/wall/?who={ID}", None),
    "views": ("/runs/views/", None),
    "run": (f"/runs/{ID}/", None),
    "glance": (f"/runs/{ID}/peek/", None),
    "desktop": (f"/runs/{ID}/desktop/", None),
    "desktop opened": (f"/runs/{ID}/desktop/open/", None),
    "session": (f"/sessions/{ID}/", None),
    "file of it": (f"/sessions/{ID}/files/{dumps([ID, 'f1'], salt=TOKEN_SALT)}/", None),
    "form, of its run": (f"/runs/new/?run={ID}", None),
    "form, its run kept": (f"/runs/new/?kept={ID}", None),
    "form, of its session": (f"/runs/new/?from={ID}", None),
    "log, its number": ("/team/audit/?q=777001", None),
    "log, from it on": (f"/team/audit/?before={ID}", None),
    "log, its words": (f"/team/audit/?q={NAME}", None),
    "launch, its token": ("/runs/new/", LAUNCH),
    "launch, of its run": ("/runs/new/", LAUNCH | {"relaunch_of": ID}),
    "checks": ("/runs/new/checks/", LAUNCH | {"relaunch_of": ID}),
    "relaunch": (f"/runs/{ID}/relaunch/", {"token": str(TOKEN)}),
    "follow-up, its token": ("/runs/{ended}/follow-up/", {"message": "more", "token": str(TOKEN)}),
    "extension, its token": ("/runs/{own}/extend/", {"token": str(TOKEN)}),
    "settled as its run": ("/runs/{unknown}/settle/", {"decision": "running", "remote_id": NAME}),
    "many": ("/runs/bulk/", {"action": "tag", "tag": NAME, "run": [ID]}),
    "many, with one's own": ("/runs/bulk/", {"action": "tag", "tag": NAME, "run": [ID, "{own}"]}),
    "view of its name": ("/runs/views/", {"name": NAME}),
    "view gone": (f"/runs/views/{ID}/delete/", {}),
    "switch": ("/workspaces/switch/", {"workspace": ID}),
    "invitation of its person": ("/team/invite/", {"role": "viewer", "email": "stella@example.com"}),
    "invitation revoked": (f"/team/invitations/{ID}/revoke/", {}),
    "role": (f"/team/members/{ID}/role/", {"role": "viewer"}),
    "removal": (f"/team/members/{ID}/remove/", {}),
    "flag taken": (f"/wall/{ID}/take/", {}),
}


@pytest.fixture
def own(noon, workspace, manager):
    """A run that a search for the others' id finds by its words, one that is over, one nobody knows of."""
    run = factories.make_run(workspace, by=manager, prompt=f"Pay {NAME} and {ID}", sandbox_id="abc")
    ended = factories.make_run(workspace, Status.COMPLETED, by=manager)
    unknown = factories.make_run(workspace, Status.UNKNOWN, by=manager)
    return {"own": run.pk, "ended": ended.pk, "unknown": unknown.pk}


def plant() -> None:
    """Others have all that may be named."""
    theirs = factories.make_workspace("Other team")
    type(theirs).objects.create(pk=ID, name="A third team")
    person = factories.make_person(username=NAME, email="stella@example.com", id=ID)
    Membership.objects.create(pk=ID, user=person, workspace=theirs, role="manager")
    session = factories.make_session(
        theirs, by=person, thread_id=NAME, deployment_id=NAME, launch_token=TOKEN, pk=ID
    )
    run = factories.make_run(
        theirs,
        agent_session=session,
        by=person,
        pk=ID,
        remote_id=NAME,
        sandbox_id="abc",
        message="more",
        follow_up_token=TOKEN,
        needs_at=timezone.now(),
    )
    Extension.objects.create(run=run, token=TOKEN, by=person)
    RunNote.objects.create(run=run, by=person, text=NAME)
    run.tags.add(Tag.objects.create(pk=ID, workspace=theirs, name=NAME))
    keep_words(run)
    SavedView.objects.create(pk=ID, workspace=theirs, owner=person, name=NAME, is_shared=True)
    Invitation.objects.create(
        pk=ID,
        workspace=theirs,
        token_hash=hash_of("x"),
        created_by=person,
        expires_at=timezone.now() + timedelta(days=1),
    )
    audit(person, Act.INVITED, NAME, workspace=theirs)


def ask(client: Client, path: str, form: dict | None, own: dict) -> tuple:
    """The answer and how many queries it took; what it did is undone."""
    path = path.format(**own)
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        if form is None:
            answer = client.get(path)
        else:
            texts = {
                name: [str(one).format(**own) for one in value] if isinstance(value, list) else value
                for name, value in form.items()
            }
            answer = client.post(path, texts)
        transaction.set_rollback(True)
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}
    if form is not None and "Location" in headers:
        headers["Location"] = re.sub(r"\d+", "n", headers["Location"])  # of a row that was made
    return answer.status_code, headers, RANDOM.sub(b"", answer.content), len(queries)


@pytest.mark.long
def test_what_others_have_makes_no_difference(client, own, manager, settings):
    settings.CAN_SEND_MAIL = True
    factories.sign_in(client, manager)
    for warm in ("/runs/", "/wall/"):
        client.get(warm)
    before, wrong = {}, []
    for name, asked in ASKED.items():
        with cell(wrong, name):
            before[name] = ask(client, *asked, own)
    plant()
    for name, asked in ASKED.items():
        with cell(wrong, name):
            assert ask(client, *asked, own) == before[name]
    assert wrong == []


@pytest.mark.parametrize("text", ["inv-4711", NAME, NAME[:6]])
@pytest.mark.parametrize("path", ["/runs/", "/sessions/", "/find/"])
def test_ones_own_run_is_found_by_its_words_though_the_id_of_another_begins_so(
    client, own, manager, path, text
):
    factories.sign_in(client, manager)
    plant()
    assert f"Pay {NAME}" in re.sub(r"</?mark[^>]*>", "", client.get(path, {"q": text}).content.decode())


def test_an_id_of_ones_own_is_found_however_many_others_have_it(client, own, manager, monkeypatch):
    monkeypatch.setattr("runs.querysets.MOST_OF_AN_ID", 1)
    Run.objects.filter(pk=own["ended"]).update(remote_id=NAME)
    plant()
    factories.sign_in(client, manager)
    assert [run.pk for run in client.get("/runs/", {"q": NAME}).context["runs"]] == [own["ended"]]


def test_a_run_is_settled_by_the_id_that_its_session_shows_though_others_have_it(workspace, manager, own):
    """Two workspaces may share one account at Giga."""
    plant()
    factories.sign_in(client := Client(), manager)
    client.post(f"/runs/{own['unknown']}/settle/", {"decision": "running", "remote_id": NAME})
    assert Run.objects.get(pk=own["unknown"]).remote_id == NAME
    assert Run.objects.get(pk=ID).remote_id == NAME


def test_the_id_of_a_colleagues_run_is_not_given_twice(workspace, manager, own):
    Run.objects.filter(pk=own["own"]).update(remote_id=NAME)
    factories.sign_in(client := Client(), manager)
    page = client.post(
        f"/runs/{own['unknown']}/settle/", {"decision": "running", "remote_id": NAME}, follow=True
    )
    assert "that id is another run" in page.content.decode()
    assert Run.objects.get(pk=own["unknown"]).remote_id is None
