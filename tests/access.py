"""The access matrix, and a workspace with one of everything it speaks of."""

import copy
import tomllib
from dataclasses import dataclass

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from people import team
from people.links import sign_in_path
from people.models import Membership, Workspace
from runs.files import token_of
from runs.giga import RemoteFile
from runs.models import Run, SavedView
from tests import factories
from tests.served import ROOT

MATRIX = tomllib.loads((ROOT / "tests/access_matrix.toml").read_text())
WHO = MATRIX["who"]
SECRET_TASK = "Count the zebras of this workspace"
# What a browser sends of a form in which nothing was filled in.
EMPTY_FORM = {"csrfmiddlewaretoken": "x"}


@dataclass
class Stage:
    """A workspace with one of everything; `ids` are what addresses name."""

    people: dict
    ids: dict
    workspace: Workspace
    newcomer: object
    link: str

    def client_of(self, who: str) -> Client:
        client = Client()
        if person := self.people.get(who):
            factories.sign_in(client, person)
        if who == "removed":
            get_user_model().objects.filter(pk=person.pk).update(is_active=False)
        return client

    def address(self, name: str, ids: dict) -> str:
        """The address of a route, about what the row says it is of."""
        row = MATRIX["routes"][name]
        if name == "enter":
            return sign_in_path(self.newcomer)
        if name == "invitation":
            return self.link
        kwargs = {"pk": ids[row["of"]]} if "of" in row else {}
        if name == "session-file":
            kwargs["token"] = ids["file"]
        return reverse(name, kwargs=kwargs)

    def ask(self, client: Client, name: str, method: str, ids: dict):
        if name == "invitation-opened":
            client.get(self.link)
        address = self.address(name, ids)
        if method == "GET":
            return client.get(address)
        typed = MATRIX["routes"][name].get("body", {})
        return client.post(address, EMPTY_FORM | {key: text.format(**ids) for key, text in typed.items()})


def same_login(client: Client) -> Client:
    """A browser of its own with the cookies of this one, which what it does leaves alone."""
    another = Client()
    another.cookies = copy.deepcopy(client.cookies)
    return another


@pytest.fixture
def stage(workspace, viewer, operator, manager, stranger) -> Stage:
    removed = factories.make_person(workspace, role="manager", username="rita")
    run = factories.make_run(workspace, by=operator, prompt=SECRET_TASK)
    sealed = run.sealed("desktop_url", "https://6080-abc.e2b.app/vnc.html")
    Run.objects.filter(pk=run.pk).update(sealed_desktop_url=sealed, desktop_kind="page")
    run.write_note("Look at this", by=operator)
    run.call_for_somebody("a hand", by=operator)
    view = SavedView.objects.create(workspace=workspace, owner=operator, name="Mine", query="?q=zebras")
    member = Membership.objects.get(user=factories.make_person(workspace, role="operator"))
    place = Membership.objects.get(user=manager)
    invitation, token = team.invite(place, role="viewer")
    file = RemoteFile(file_id="f1", name="a.txt", size=1, mime_type="", at="")
    ids = {
        "run": run.pk,
        "session": run.agent_session_id,
        "view": view.pk,
        "member": member.pk,
        "invitation": invitation.pk,
        "workspace": workspace.pk,
        "file": token_of(run.agent_session, file),
    }
    people = {
        "viewer": viewer,
        "operator": operator,
        "manager": manager,
        "stranger": stranger,
        "removed": removed,
    }
    newcomer = factories.make_person(username="nina")
    return Stage(people, ids, workspace, newcomer, reverse("invitation", args=[token]))
