"""Characters that no database stores, in every field, query and cookie: replaced, never an error. Postgres is
the strict one about NUL."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import get_resolver, reverse

from dashboard.asgi import application
from people.models import Workspace
from runs import health
from runs.forms import BulkForm, FlagForm, FollowUpForm, LaunchForm, NoteForm, RunFilterForm, SavedViewForm
from runs.models import AgentSession, Run
from tests import factories
from tests.access import MATRIX, same_login
from tests.asgi_socket import Socket
from tests.walk import cell

pytestmark = pytest.mark.strictest_database

NUL, HALF = "a\x00b", "a\ud800b"
FORMS = [BulkForm, FlagForm, FollowUpForm, LaunchForm, NoteForm, RunFilterForm, SavedViewForm]
OTHER_FIELDS = """
    api_key decision density email from go_over kept language name needs_second_factor next other_template
    password remote_id role run shown time_zone times token username verdict workspace example login
"""
FIELDS = sorted({*OTHER_FIELDS.split(), *(name for form in FORMS for name in form.base_fields)})
# A body may say by which rules its bytes are read; by these they become halves of pairs.
IN_ESCAPES = "multipart/form-data; boundary=x; charset=unicode_escape"


def post_in_escapes(client, address: str, fields: dict):
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in fields.items()
    ]
    body = ("".join(parts) + "--x--\r\n").encode("unicode_escape").replace(b"\\r\\n", b"\r\n")
    return client.generic("POST", address, body, IN_ESCAPES)


@pytest.fixture
def signed_in(client, manager):
    factories.sign_in(client, manager)
    return client


@pytest.fixture
def run(workspace, manager):
    return factories.make_run(workspace, by=manager)


def addresses(run) -> dict:
    """Of every page of ours, about this run; or with the character where an address holds a text."""
    found = {"account_email": reverse("account_email")}
    for pattern in get_resolver().url_patterns[-2:]:
        for page in pattern.url_patterns:
            kinds = page.pattern.converters
            kwargs = {name: run.pk if name == "pk" else NUL for name in kinds}
            found[page.name] = reverse(page.name, kwargs=kwargs)
    return found


@pytest.mark.long
@pytest.mark.parametrize("text, character", [(NUL, "%00"), (HALF, "%ED%A0%80")], ids=["nul", "half"])
def test_no_page_breaks(signed_in, run, text, character):
    query = "&".join(f"{field}=a{character}b" for field in FIELDS)
    fields = dict.fromkeys(FIELDS, text)
    found, wrong = addresses(run), []
    health.watcher_was_here()
    assert found.keys() == MATRIX["routes"].keys()
    for name, address in found.items():
        with cell(wrong, name):
            assert same_login(signed_in).get(f"{address}?{query}").status_code < 500
            if text == NUL:
                assert same_login(signed_in).post(address, fields).status_code < 500
            assert post_in_escapes(same_login(signed_in), address, fields).status_code < 500
    assert wrong == []


@pytest.mark.parametrize("address", ["/accounts/login/", "/accounts/password/reset/", "/accounts/signup/"])
def test_no_door_breaks(client, db, address):
    assert client.post(address, dict.fromkeys(FIELDS, NUL)).status_code < 500
    assert post_in_escapes(client, address, dict.fromkeys(FIELDS, HALF)).status_code < 500


def launched(client, user_prompt: str, *, is_escaped: bool = False) -> str:
    """The task as it is stored after a launch with it."""
    form = client.get("/runs/new/").context["form"]
    fields = {name: str(form[name].value() or "") for name in form.fields}
    fields |= {"user_prompt": user_prompt, "goal_prompt": "All are there"}
    del fields["launch_anyway"]
    post = post_in_escapes if is_escaped else Client.post
    answer = post(client, "/runs/new/", fields)
    assert answer.status_code == 302, answer.context["form"].errors
    return AgentSession.objects.latest("id").user_prompt


def test_who_sends_such_a_character_sees_where_it_was(signed_in):
    assert launched(signed_in, NUL) == "a\ufffdb"
    assert launched(signed_in, HALF, is_escaped=True) == "a\ufffdb"
    assert Run.objects.count() == 2


def test_what_can_be_stored_is_left_alone(signed_in):
    text = "é 👩‍🚀 \u202e שלום \x01\x7f\ufffd"
    assert launched(signed_in, text) == text


def test_a_cookie_with_such_a_character_is_nobody_s(db):
    client = Client(headers={"cookie": f'{settings.SESSION_COOKIE_NAME}="aaaaaaaaaaaa\\000bbbb"'})
    assert client.get("/runs/").headers["Location"].startswith("/accounts/login/")


@pytest.mark.django_db(transaction=True)
async def test_a_socket_with_such_a_cookie_is_nobody_s(caplog):
    cookie = f'{settings.SESSION_COOKIE_NAME}="aaaaaaaaaaaa\\000bbbb"'.encode()
    origin = settings.SITE_ORIGINS[0].encode()
    live = Socket(application, "/ws/runs/?q=%00", [(b"origin", origin), (b"cookie", cookie)])
    assert await live.connect()
    assert await live.closed_with() == 4401
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert await Workspace.objects.acount() == 0
