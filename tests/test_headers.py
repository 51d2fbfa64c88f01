"""What every answer says to the browser: one table, and every address is held against it."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, get_resolver, reverse
from django.urls.exceptions import NoReverseMatch
from whitenoise.middleware import WhiteNoiseMiddleware

from dashboard.headers import HEADERS, OF_DOCUMENTS, headers
from runs.models import Run
from tests import factories
from tests.access import same_login
from tests.walk import cell

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    **HEADERS,
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "frame-src": "'none'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
}
DESKTOP = "https://6080-abc.e2b.app/vnc.html"
# Where the table has an exception, by the name of the address.
FRAMES = {
    "run-detail": {"frame-src": "'self'"},
    "wall": {"frame-src": "'self'"},
    "run-desktop": {"frame-src": "'self' https://6080-abc.e2b.app", "frame-ancestors": "'self'"},
}
OTHERS = {
    "run-desktop": {"X-Frame-Options": "SAMEORIGIN"},
    "run-desktop-open": {"Referrer-Policy": "no-referrer"},
}


def patterns(resolver=None, namespace=""):
    """Every named address of ours, of allauth and of the admin."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLPattern):
            if pattern.name:
                yield namespace + pattern.name, list(pattern.pattern.converters)
        else:
            inner = f"{pattern.namespace}:" if pattern.namespace else namespace
            yield from patterns(pattern, inner)


def address(name: str, names: list[str], pk: int) -> str | None:
    try:
        return reverse(name, kwargs=dict.fromkeys(names, pk))
    except NoReverseMatch:
        return None  # made of an expression, not of converters: no page of ours is


@pytest.fixture
def run(workspace, operator):
    run = factories.make_run(
        workspace, by=operator, pk=7, agent_session=factories.make_session(workspace, pk=7)
    )
    Run.objects.filter(pk=7).update(
        sealed_desktop_url=run.sealed("desktop_url", DESKTOP), desktop_kind="page"
    )
    return run


def policy_of(response) -> dict[str, str]:
    directives = response.headers["Content-Security-Policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives)


def assert_as_in_the_table(response, *, exception_of: str = "") -> None:
    where = f"{response.request['REQUEST_METHOD']} {response.request['PATH_INFO']}"
    assert policy_of(response) == POLICY | FRAMES.get(exception_of, {}), where
    said = {header: response.headers.get(header) for header in ALWAYS}
    assert said == ALWAYS | OTHERS.get(exception_of, {}), where


def is_a_refusal(response) -> bool:
    return response.status_code >= 400 or "/accounts/" in response.headers.get("Location", "")


def addresses(pk: int) -> dict[str, str]:
    """Every address there is, by its name; those to sign out at are left out."""
    found = {name: address(name, names, pk) for name, names in patterns() if "logout" not in name}
    return {name: path for name, path in found.items() if path}


@pytest.mark.long
@pytest.mark.any_database
@pytest.mark.parametrize("who", ["anonymous", "viewer", "superuser"])
def test_every_address_answers_as_in_the_table(client, run, viewer, operator, who):
    if who == "superuser":
        operator.is_staff = operator.is_superuser = True
        operator.save()
    if who != "anonymous":
        client.force_login(viewer if who == "viewer" else operator)
    found, wrong = addresses(run.pk), []
    for name, path in found.items():
        for method in ("GET", "POST"):
            with cell(wrong, f"{method} {name} of {who}"):
                browser = same_login(client)
                browser.raise_request_exception = False
                response = browser.post(path) if method == "POST" else browser.get(path)
                assert_as_in_the_table(response, exception_of="" if is_a_refusal(response) else name)
                if who != "anonymous" and name not in ("healthz", "readyz"):
                    assert "no-store" in response.headers.get("Cache-Control", "")
    assert wrong == [] and len(found) > 20


def test_pages_that_say_no_are_in_the_table_too(client, run, operator, monkeypatch):
    assert_as_in_the_table(client.get("/nothing/here/"))
    client.force_login(operator)
    assert_as_in_the_table(client.get("/runs/999/"))
    monkeypatch.setattr("runs.views.sessions.AgentSession", None)
    client.raise_request_exception = False
    broken = client.get("/sessions/")
    assert broken.status_code == 500
    assert_as_in_the_table(broken)


def test_no_policy_is_loose(settings):
    loose = ("unsafe", "*", "https:", "http:", "wss:", "blob:")
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    said = [source for sources in directives.values() for source in sources]
    assert [source for source in said for word in loose if word in source] == []


@pytest.mark.parametrize(
    "path, policy",
    [
        ("vendor/novnc/novnc.min.js", "cross-origin"),
        ("css/tokens.css", "cross-origin"),
        ("js/live.js", "same-origin"),
        ("vendor/inter/inter.css", "same-origin"),
    ],
)
def test_only_what_the_viewers_frame_loads_is_open_to_other_origins(tmp_path, path, policy):
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("1")
    stack = WhiteNoiseMiddleware(lambda request: None)
    stack.add_files(str(tmp_path), prefix="/static/")
    answered = headers(stack)(RequestFactory().get(f"/static/{path}"))
    assert answered.headers["Cross-Origin-Resource-Policy"] == policy


KINDS = {
    "text/css": False,
    "text/javascript; charset=utf-8": False,
    "font/woff2": False,
    "image/svg+xml": True,
    "text/html": True,
    "application/json": True,
}


@pytest.mark.parametrize("kind, is_document", KINDS.items())
def test_what_is_said_of_documents_weighs_down_no_file_that_is_none(kind, is_document):
    said = {"Content-Security-Policy": "default-src 'none'", "Cross-Origin-Opener-Policy": "same-origin"}
    answer = headers(lambda request: HttpResponse("", content_type=kind, headers=said))(None)
    assert {name in answer.headers for name in OF_DOCUMENTS} == {is_document}
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
