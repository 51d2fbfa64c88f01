"""Every act of a person is a row of the audit log, or is in audit_matrix.toml with the reason why not."""

import tomllib
import uuid

import pytest
import responses
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import encrypt
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from people.audit import Act, AuditEntry
from people.templatetags.audit import WORDS
from runs import health
from runs.models import Run
from runs.routing import desktop_sockets, live_sockets
from runs.status import Status
from tests import factories
from tests.access import EMPTY_FORM, MATRIX
from tests.served import ROOT
from tests.test_access_matrix import METHODS, is_ours, patterns, queries_of_ours, rows_of
from tests.walk import cell

TABLE = tomllib.loads((ROOT / "tests/audit_matrix.toml").read_text())
NEW_KEY = "giga_sk_" + "9" * 32
FILE = "http://127.0.0.1:9/api/files/download?fileId=f1"


@pytest.fixture
def ids(stage) -> dict:
    """What addresses name, with runs that are over and tagged, unknown, and watched as a bare stream."""
    Run.objects.filter(pk=stage.ids["run"]).update(sandbox_id="abc")
    by = stage.people["manager"]
    made = {
        "ended": factories.make_run(stage.workspace, Status.COMPLETED, by=by),
        "unknown": factories.make_run(stage.workspace, Status.UNKNOWN, by=by),
        "streamed": factories.make_run(stage.workspace, by=by),
    }
    sealed = made["streamed"].sealed("desktop_url", "wss://6080-abc.e2b.app/websockify")
    Run.objects.filter(pk=made["streamed"].pk).update(sealed_desktop_url=sealed, desktop_kind="stream")
    made["ended"].tag(["May"], by=by)
    return stage.ids | {name: run.pk for name, run in made.items()} | {"token": uuid.uuid4(), "key": NEW_KEY}


def do(stage, route: str, ids: dict):
    method, name = route.split()
    row, told = TABLE["acts"][route], MATRIX["routes"][name]
    named = ids | ({told["of"]: ids[row["of"]]} if "of" in row else {})
    client = (
        Client() if name in ("enter", "invitation-opened") else stage.client_of(row.get("who", "manager"))
    )
    if name == "invitation-opened":
        client.get(stage.link)
    address = stage.address(name, named)
    typed = told.get("body", {}) | row.get("body", {})
    form = EMPTY_FORM | {key: text.format(**named) for key, text in typed.items()}
    return client.get(address) if method == "GET" else client.post(address, form)


@pytest.mark.long
def test_every_act_leaves_a_row(stage, ids, settings):
    settings.WORKSPACE_CREATION = "anyone"
    wrong = []
    for route, row in TABLE["acts"].items():
        with cell(wrong, route), responses.RequestsMock(assert_all_requests_are_fired=False) as giga:
            giga.get(FILE, json={"success": True, "data": {"downloadUrl": "https://s3.example/a.txt"}})
            before = AuditEntry.objects.filter(act=row["act"]).count()
            answer = do(stage, route, ids)
            assert AuditEntry.objects.filter(act=row["act"]).count() == before + 1, answer.status_code
    assert wrong == []
    said = {name for entry in AuditEntry.objects.all() for name, _was, _now in entry.changes}
    assert said - WORDS.keys() == set()


@pytest.mark.long
def test_what_only_shows_changes_nothing_and_leaves_no_row(stage, ids, settings):
    settings.WORKSPACE_CREATION = "anyone"
    health.watcher_was_here()
    client, ours, wrong = stage.client_of("manager"), queries_of_ours(stage), []
    for name in TABLE["shown"]["GET"]:
        with cell(wrong, name), responses.RequestsMock(assert_all_requests_are_fired=False):
            before, rows = rows_of(ours), AuditEntry.objects.count()
            answer = stage.ask(client, name, "GET", ids)
            assert answer.status_code in (200, 302)
            assert AuditEntry.objects.count() == rows
            assert rows_of(ours) == before or name in ("run-detail", "wall")  # somebody watches
    assert wrong == []


def test_every_route_is_named():
    routes = {
        f"{method} {name}" for name, row in MATRIX["routes"].items() for method in METHODS if method in row
    }
    shown = {f"GET {name}" for name in TABLE["shown"]["GET"]}
    tables = [TABLE["acts"].keys(), TABLE["exempt"].keys(), shown]
    assert set().union(*tables) == routes and sum(map(len, tables)) == len(routes)


def test_every_page_of_allauth_is_named():
    names = {pattern.name for route, pattern in patterns() if route.startswith("accounts/") and pattern.name}
    theirs = {name for route, p in patterns() if not is_ours(p) for name in [p.name] if name in names}
    assert theirs == {*TABLE["accounts"]["noted"], *TABLE["accounts"]["exempt"]}


def test_every_socket_is_named():
    assert TABLE["sockets"].keys() == {str(one.pattern) for one in [*live_sockets, *desktop_sockets]}


def test_what_may_be_deleted_in_the_admin_leaves_a_row(client, stage):
    factories.sign_in(client, factories.make_person(is_staff=True, is_superuser=True))
    for model in admin.site._registry:
        row = model._default_manager.first()
        if row is None:
            continue
        before = AuditEntry.objects.filter(act=Act.ADMIN).count()
        name = f"admin:{model._meta.label_lower.replace('.', '_')}_delete"
        answer = client.post(reverse(name, args=[row.pk]), {"post": "yes"})
        noted = AuditEntry.objects.filter(act=Act.ADMIN).count() - before
        assert (answer.status_code, noted) in ((302, 1), (403, 0)), model


class TestOnesOwnAccount:
    def test_a_confirmation_of_who_one_is(self, client, manager):
        factories.sign_in(client, manager, seconds_ago=9999)
        client.post("/accounts/reauthenticate/", {"password": "a long password of mona"})
        assert AuditEntry.objects.get(act=Act.REAUTHENTICATED).username == "mona"

    def test_recovery_codes_where_they_are_shown_and_not_where_they_were_before(self, client, manager):
        factories.sign_in(client, manager)
        Authenticator.objects.create(user=manager, type="totp", data={"secret": encrypt("A" * 32)})
        client.post("/accounts/2fa/recovery-codes/generate/")
        seen = [client.get("/accounts/2fa/recovery-codes/").context["can_view_codes"] for _ in range(2)]
        assert AuditEntry.objects.filter(act=Act.CODES_SEEN).count() == sum(seen) >= 1

    def test_logins_ended_elsewhere(self, manager):
        here, there = Client(), Client()
        for client in (here, there):
            client.post("/accounts/login/", {"login": "mona", "password": "a long password of mona"})
            client.get("/runs/")
        here.post("/accounts/sessions/")
        assert AuditEntry.objects.get(act=Act.LOGIN_ENDED).username == "mona"
        assert there.get("/runs/").status_code == 302
