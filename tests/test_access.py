"""Who may see and do what. What a person may not see answers like what does not exist."""

import pytest
from django.urls import get_resolver, reverse

from runs.models import Run
from runs.status import Status
from tests import factories

DESKTOP = "https://6080-abc.e2b.app/vnc.html"


@pytest.fixture
def run(workspace, operator):
    run = factories.make_run(workspace, by=operator, prompt="Count the zebras")
    Run.objects.filter(pk=run.pk).update(
        sealed_desktop_url=run.sealed("desktop_url", DESKTOP), desktop_kind="page"
    )
    return run


def pages_of(run) -> list[str]:
    return [
        f"/runs/{run.pk}/",
        f"/runs/{run.pk}/desktop/",
        f"/runs/{run.pk}/desktop/open/",
        f"/sessions/{run.agent_session_id}/",
    ]


OPEN_TO_ALL = {"healthz", "readyz", "enter", "invitation", "invitation-opened"}


def test_every_page_but_the_door_asks_a_stranger_to_sign_in(client, run):
    for pattern in get_resolver().url_patterns:
        for inner in getattr(pattern, "url_patterns", []):
            if getattr(inner, "name", None) in OPEN_TO_ALL or str(pattern.pattern).startswith(
                ("accounts", "admin")
            ):
                continue
            names = list(inner.pattern.converters)
            path = reverse(inner.name, kwargs=dict.fromkeys(names, run.pk))
            for method in (client.get, client.post):
                answer = method(path)
                assert answer.status_code == 302, path
                assert answer.headers["Location"].startswith("/accounts/login/"), path


def test_nobody_signs_up_by_themselves(client, db):
    form = {"username": "eve", "password1": "a long password 1", "password2": "a long password 1"}
    client.post("/accounts/signup/", form)
    assert not factories.get_user_model().objects.filter(username="eve").exists()


def test_another_teams_run_answers_like_one_that_does_not_exist(client, run, stranger):
    client.force_login(stranger)
    for path in pages_of(run):
        there, absent = client.get(path), client.get(path.replace(f"/{run.pk}/", "/999999/"))
        assert there.status_code == absent.status_code == 404
        assert there.content == absent.content
    assert client.post(f"/runs/{run.pk}/settle/", {"decision": "never"}).status_code == 404
    assert client.post(f"/sessions/{run.agent_session_id}/thread/").status_code == 404


def test_lists_hold_nothing_of_another_team(client, run, stranger):
    client.force_login(stranger)
    for path in ("/runs/", "/sessions/", "/runs/?q=count", f"/runs/new/?from={run.agent_session_id}"):
        assert b"zebras" not in client.get(path).content


def test_a_viewer_reads_but_gets_no_desktop_and_launches_nothing(client, run, viewer):
    client.force_login(viewer)
    page = client.get(f"/runs/{run.pk}/")
    assert page.status_code == 200 and b"<iframe" not in page.content
    assert client.get(f"/runs/{run.pk}/desktop/").status_code == 403
    assert client.get(f"/runs/{run.pk}/desktop/open/").status_code == 403
    assert client.get("/runs/new/").status_code == 403
    assert client.post("/runs/new/", {}).status_code == 403
    unknown = factories.make_run(run.workspace, Status.UNKNOWN)
    assert client.post(f"/runs/{unknown.pk}/settle/", {"decision": "never"}).status_code == 403


def test_a_role_counts_in_its_own_workspace_only(client, run, stranger):
    factories.Membership.objects.create(user=stranger, workspace=run.workspace, role="viewer")
    unknown = factories.make_run(run.workspace, Status.UNKNOWN)
    client.force_login(stranger)
    client.post("/workspaces/switch/", {"workspace": run.workspace_id})
    assert b"<iframe" not in client.get(f"/runs/{run.pk}/").content
    assert client.get(f"/runs/{run.pk}/desktop/").status_code == 403
    assert client.post(f"/runs/{unknown.pk}/settle/", {"decision": "never"}).status_code == 403


def test_somebody_without_a_workspace_is_told_so(client, db):
    client.force_login(factories.make_person())
    for path in ("/runs/", "/sessions/"):
        answer = client.get(path)
        assert answer.status_code == 403 and b"workspace" in answer.content
    assert client.get("/runs/new/").status_code == 403


def test_the_admin_is_for_superusers(client, run, operator):
    client.force_login(operator)
    assert client.get("/admin/").status_code == 404


def test_an_operator_gets_the_desktop_in_a_frame_that_may_hold_one_place_only(client, run, operator):
    client.force_login(operator)
    frame = client.get(f"/runs/{run.pk}/desktop/")
    policy = frame.headers["Content-Security-Policy"]
    assert "frame-src 'self' https://6080-abc.e2b.app;" in policy + ";"
    assert "frame-ancestors 'self'" in policy and frame.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert b"e2b.app" not in frame.content
    assert client.get(f"/runs/{run.pk}/desktop/open/").headers["Location"] == DESKTOP


def test_pages_carry_a_strict_policy_and_stay_out_of_caches(client, run, operator):
    client.force_login(operator)
    for path in ("/runs/", "/runs/new/", f"/runs/{run.pk}/", "/sessions/", "/no-such-page/"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy and headers["X-Frame-Options"] == "DENY"
        assert "no-store" in headers["Cache-Control"]
        assert headers["Referrer-Policy"] == "same-origin"
    assert "frame-src 'self'" in client.get(f"/runs/{run.pk}/").headers["Content-Security-Policy"]
    assert "frame-src 'none'" in client.get("/runs/").headers["Content-Security-Policy"]


def test_no_page_holds_a_secret(client, run, operator):
    Run.objects.filter(pk=run.pk).update(
        sealed_public_token=run.sealed("public_token", "public-token-canary")
    )
    client.force_login(operator)
    for path in [
        *pages_of(run)[:2],
        "/runs/",
        "/sessions/",
        f"/sessions/{run.agent_session_id}/",
        "/healthz",
    ]:
        content = client.get(path).content.decode()
        for secret in (factories.KEY, "e2b.app", "public-token-canary", run.sealed_desktop_url or "v1:"):
            assert secret not in content, path
