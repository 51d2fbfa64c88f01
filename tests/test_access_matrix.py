"""Every cell of access_matrix.toml, asked with real requests about a real run, session, note, view, member
and invitation; and that nothing is missing in it, nor named for nothing."""

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.management import get_commands
from django.db import connection
from django.db.models import Q
from django.urls import get_resolver, reverse

from people import team
from people.models import Membership, Workspace
from people.permissions import ANYONE, OF_OTHERS, OURS, declared
from runs.routing import desktop_sockets, live_sockets
from tests import factories
from tests.access import MATRIX, SECRET_TASK, WHO, Stage, same_login
from tests.streamed import body_of
from tests.walk import cell

METHODS = ("GET", "POST")
NEVER = 999_999
UNCHANGED_BY = ("login", "forbidden", "absent", "own")
OUTSIDERS = ("anonymous", "stranger", "removed")


def cells_of(who: str):
    for name, row in MATRIX["routes"].items():
        for method in METHODS:
            if method in row:
                yield name, method, dict(zip(WHO, row[method].split(), strict=True))[who]


def queries_of_ours(stage: Stage) -> dict:
    """For everything in our own tables but other workspaces' rows, what is noted of a refusal, and what a
    person chose for themselves. As SQL: it is asked for after each answer."""
    models = [model for label in ("people", "runs") for model in apps.get_app_config(label).get_models()]
    return {
        model.__name__: model.objects.filter(is_of(stage, model)).order_by("pk").query.sql_with_params()
        for model in models
        if model._meta.managed
        and model.__name__ not in ("AuditEntry", "AuditHead", "AuditRepeats", "Preferences")
    }


def is_of(stage: Stage, model) -> Q:
    if model is Workspace:
        return Q(pk=stage.workspace.pk)
    has_workspace = any(field.name == "workspace" for field in model._meta.fields)
    return Q(workspace=None) | Q(workspace=stage.workspace) if has_workspace else Q()


def rows_of(queries: dict) -> dict:
    rows = {}
    with connection.cursor() as cursor:
        for name, (sql, parameters) in queries.items():
            cursor.execute(sql, parameters)
            rows[name] = cursor.fetchall()
    return rows


def seen(answer) -> tuple:
    """What a person can tell of an answer: all but the random id of the request."""
    content = body_of(answer)
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}
    return answer.status_code, headers, content


def kind_of(answer) -> str:
    status = answer.status_code
    if status == 302 and answer.headers["Location"].startswith("/accounts/login/"):
        return "login"
    named = {403: "forbidden", 404: "absent", 422: "invalid"}
    return named.get(status, "ok" if status in (200, 204, 302) else str(status))


@pytest.mark.any_database
@pytest.mark.long
@pytest.mark.parametrize("who", WHO)
def test_every_page_answers_as_in_the_matrix(stage, who):
    login, ours, wrong = stage.client_of(who), queries_of_ours(stage), []
    before = rows_of(ours)
    for name, method, expected in cells_of(who):
        with cell(wrong, f"{method} {name} of {who}"):
            answer = stage.ask(same_login(login), name, method, stage.ids)
            assert kind_of(answer) == ("ok" if expected == "own" else expected)
            status, headers, content = seen(answer)
            if expected in UNCHANGED_BY or (who == "stranger" and expected == "invalid"):
                assert rows_of(ours) == before
                for text in (SECRET_TASK, stage.workspace.name) if who in OUTSIDERS else ():
                    assert text.encode() not in content
            if expected in ("forbidden", "absent"):
                never = dict.fromkeys(stage.ids, NEVER) | {"file": stage.ids["file"]}
                anew = seen(stage.ask(same_login(login), name, method, never))
                assert anew == (status, headers, content)
    assert wrong == []


@pytest.mark.any_database
@pytest.mark.long
def test_no_other_method_is_answered(stage):
    login, wrong = stage.client_of("manager"), []
    for name, row in MATRIX["routes"].items():
        for method in sorted({"GET", "POST", "PUT", "PATCH", "DELETE"} - row.keys()):
            with cell(wrong, f"{method} {name}"):
                answer = same_login(login).generic(method, stage.address(name, stage.ids))
                assert answer.status_code == 405
    assert wrong == []


def patterns(found=None, before: str = ""):
    for pattern in get_resolver().url_patterns if found is None else found:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from patterns(pattern.url_patterns, route)
        else:
            yield route, pattern


def is_ours(pattern) -> bool:
    return pattern.callback.__module__.split(".")[0] in OURS


class TestNothingIsMissing:
    def test_every_page_of_ours_is_in_the_matrix(self):
        assert {pattern.name for _, pattern in patterns() if is_ours(pattern)} == MATRIX["routes"].keys()

    def test_every_page_says_who_may_open_it(self):
        assert [route for route, pattern in patterns() if declared(pattern.callback, route) is None] == []

    def test_only_what_is_open_to_anyone_asks_for_no_login(self):
        for route, pattern in patterns():
            if is_ours(pattern):
                needs_login = getattr(pattern.callback, "login_required", True)
                assert needs_login == (declared(pattern.callback, route) is not ANYONE), route

    def test_pages_of_others_are_those_named(self):
        assert MATRIX["others"].keys() == OF_OTHERS.keys()
        for route, pattern in patterns():
            assert is_ours(pattern) or route.startswith(tuple(OF_OTHERS)), route

    def test_every_row_has_a_word_for_everybody(self):
        rows = [row[method] for row in MATRIX["routes"].values() for method in METHODS if method in row]
        assert {len(row.split()) for row in rows} == {len(WHO)}

    def test_every_socket_is_in_the_matrix(self):
        sockets = [str(pattern.pattern) for pattern in [*live_sockets, *desktop_sockets]]
        assert sorted(sockets) == sorted(MATRIX["sockets"])

    def test_every_model_of_the_admin_is_in_the_matrix(self):
        labels = {model._meta.label for model in admin.site._registry}
        assert labels == set(MATRIX["others"]["admin/"]["models"])

    def test_every_command_is_in_the_matrix(self):
        ours = {name for name, app in get_commands().items() if app in OURS}
        assert ours == set(MATRIX["commands"]["names"])


def test_a_page_that_says_nothing_is_open_to_nobody(client, manager, monkeypatch):
    factories.sign_in(client, manager)
    view = next(pattern.callback for _, pattern in patterns() if pattern.name == "run-list")
    monkeypatch.delattr(view, "permission")
    assert client.get("/runs/").status_code == 403


def test_pages_of_allauth_ask_for_a_login_but_for_those_named(client, db):
    theirs = [(route, pattern) for route, pattern in patterns() if route.startswith("accounts/")]
    doors = {pattern.name for _, pattern in theirs if not getattr(pattern.callback, "login_required", True)}
    assert doors == set(MATRIX["others"]["accounts/"]["open"])
    for route, pattern in theirs:
        if pattern.name not in doors:
            assert kind_of(client.get("/" + route.replace("<int:pk>", "1"))) == "login", route


@pytest.mark.any_database
@pytest.mark.long
@pytest.mark.parametrize("who", WHO)
def test_the_admin_does_not_exist_but_for_superusers(stage, who):
    client = stage.client_of(who)
    expected = dict(zip(WHO, MATRIX["others"]["admin/"]["GET"].split(), strict=True))[who]
    never = seen(client.get("/admin/nothing/"))
    for label in MATRIX["others"]["admin/"]["models"]:
        place = "admin:" + label.lower().replace(".", "_")
        for path in (reverse(f"{place}_changelist"), reverse(f"{place}_change", args=[stage.ids["run"]])):
            for ask in (client.get, client.post):
                answer = ask(path)
                assert kind_of(answer) == expected, path
                assert expected != "absent" or seen(answer) == never


def test_a_superuser_has_every_model_of_the_admin(client, db):
    factories.sign_in(client, factories.make_person(is_staff=True, is_superuser=True))
    for label in MATRIX["others"]["admin/"]["models"]:
        path = reverse(f"admin:{label.lower().replace('.', '_')}_changelist")
        assert client.get(path).status_code == 200, path


def test_a_member_of_staff_who_is_no_superuser_has_none(client, db):
    factories.sign_in(client, factories.make_person(is_staff=True))
    assert client.get("/admin/").status_code == 404


def test_a_role_lowered_between_page_and_press_counts(client, stage):
    operator = stage.people["operator"]
    factories.sign_in(client, operator)
    page = client.get(f"/runs/{stage.ids['run']}/")
    assert page.status_code == 200 and settings.CSRF_COOKIE_NAME in client.cookies
    team.change_role(
        Membership.objects.get(user=stage.people["manager"]), operator.memberships.get(), "viewer"
    )
    ours = queries_of_ours(stage)
    before = rows_of(ours)
    answer = client.post(f"/runs/{stage.ids['run']}/notes/", {"text": "Too late"})
    assert answer.status_code == 403 and rows_of(ours) == before
