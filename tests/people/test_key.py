"""The Giga key: set, replaced and tested by managers, shown to nobody."""

import uuid
from datetime import timedelta

import pytest
import responses
from django.utils import timezone

from people.audit import Act, AuditEntry
from runs import accepting, following, instance
from runs.accounts import is_demo_key
from runs.models import GigaAccount, Run
from runs.sealed import seal
from runs.status import Status
from tests import factories
from tests.served import KEY

NEW = "giga_sk_" + "c" * 32
GIGA = "http://127.0.0.1:9"
BILLING = f"{GIGA}/api/billing"


@pytest.fixture
def client(client, manager):
    factories.sign_in(client, manager)
    return client


@pytest.fixture
def giga():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as giga:
        yield giga


def works(giga, *, left="41"):
    headers = {"X-RateLimit-Remaining": left} if left else {}
    body = {"success": True, "data": {"billing": {"totalBalance": 7}}}
    return giga.get(BILLING, json=body, headers=headers)


def refuses(giga):
    body = {"error": {"code": "INVALID_API_KEY", "message": f"Unknown key {NEW}"}}
    return giga.get(BILLING, json=body, status=401)


def account_of(workspace) -> GigaAccount:
    return GigaAccount.objects.get(workspace=workspace)


def test_a_test_says_what_is_left_and_changes_nothing_at_giga(client, workspace, giga):
    call = works(giga)
    page = client.post("/team/key/test/", follow=True)
    assert "Works: 41 of 60 requests left" in page.content.decode()
    assert call.calls[0].request.headers["Authorization"] == f"Bearer {KEY}"
    assert [(c.request.method, c.request.url) for c in giga.calls] == [("GET", BILLING)]


@pytest.mark.parametrize("left", ["", "many", "-1", "9" * 20])
def test_where_giga_does_not_say_what_is_left_the_page_does_not_either(client, workspace, giga, left):
    works(giga, left=left)
    assert "Works: Giga answered in" in client.post("/team/key/test/", follow=True).content.decode()


def test_a_test_costs_the_budget_and_waits_for_it(client, workspace, giga):
    works(giga)
    now = timezone.now().timestamp()
    client.post("/team/key/test/")
    assert account_of(workspace).free_at > now
    GigaAccount.objects.update(free_at=now + 99)
    page = client.post("/team/key/test/", follow=True)
    assert "the requests of this minute are used up" in page.content.decode()
    assert len(giga.calls) == 1


def test_a_refused_key_is_said_and_nothing_more_is_asked(client, workspace, giga):
    refuses(giga)
    page = client.post("/team/key/test/", follow=True).content.decode()
    assert "Unknown key" in page
    assert account_of(workspace).paused_at
    client.post("/team/key/test/")
    assert len(giga.calls) == 1


def test_a_new_key_is_tried_at_once_and_never_shown(client, workspace, giga):
    call = works(giga)
    page = client.post("/team/key/", {"api_key": NEW}, follow=True).content.decode()
    assert "Works: 41 of 60" in page and "giga_sk_…cccc" in page and NEW not in page
    assert call.calls[0].request.headers["Authorization"] == f"Bearer {NEW}"
    account = account_of(workspace)
    assert (account.api_key, account.key_set_by.username) == (NEW, "mona")
    entry = AuditEntry.objects.get(act=Act.KEY_REPLACED)
    assert (entry.before, entry.after) == ({"key": "…cdef"}, {"key": "…cccc"})


def test_an_answer_that_quotes_the_key_does_not_carry_it_to_the_page_or_the_log(client, workspace, giga):
    refuses(giga)
    page = client.post("/team/key/", {"api_key": NEW}, follow=True).content.decode()
    assert "Unknown key (key)" in page and NEW not in page
    assert NEW not in str(list(AuditEntry.objects.values()))


SAYS_NOTHING_OF_THE_KEY = {
    "no connection": {"body": responses.ConnectionError("refused")},
    "broken off": {"body": "{"},
    "a page of a proxy": {"body": "<h1>Bad gateway</h1>", "status": 502},
    "an outage": {"json": {"error": {"code": "INTERNAL_ERROR", "message": "Down"}}, "status": 500},
    "forbidden by a proxy": {"body": "No.", "status": 403},
    "nothing": {"json": {}},
    "an error that is none": {"json": {"error": "invalid key"}},
    "somebody else": {"json": {"message": "Welcome", "status": "ok"}},
    "no success": {"json": {"success": False, "data": {}}},
    "success as a word": {"json": {"success": "true", "data": {}}},
}
SAYS_NO = {
    "unknown": {"json": {"error": {"code": "INVALID_API_KEY", "message": "Unknown key"}}, "status": 401},
    "unknown, without a word": {"body": "", "status": 401},
    "revoked": {"json": {"error": {"code": "FORBIDDEN", "message": "It was revoked"}}, "status": 403},
    "unpaid": {"json": {"error": {"code": "PAYMENT_REQUIRED", "message": "Pay first"}}, "status": 402},
    "another site": {"body": "", "status": 404},
    "used up": {"json": {"error": {"code": "RATE_LIMITED", "message": "Too many"}}, "status": 429},
}


@pytest.mark.parametrize("insists", [{}, {"even_untried": "on"}], ids=["asked", "insisted"])
@pytest.mark.parametrize("answer", SAYS_NO.values(), ids=SAYS_NO)
def test_a_key_that_giga_refuses_does_not_take_the_place_of_the_one_in_use(
    client, workspace, giga, answer, insists
):
    giga.get(BILLING, **answer)
    before = GigaAccount.objects.values().get(workspace=workspace)
    page = client.post("/team/key/", {"api_key": NEW, **insists})
    error = answer.get("json", {"error": {"message": "Giga gave HTTP"}})["error"]["message"]
    at_the_field = page.content.decode().split('id="id_api_key-error"')[1].split("</p>")[0]
    assert page.status_code == 422 and error in at_the_field
    assert NEW not in page.content.decode() and b"even_untried" not in page.content
    after = GigaAccount.objects.values().get(workspace=workspace)
    assert after.pop("free_at") > before.pop("free_at") and after == before
    assert len(giga.calls) == 1
    noted = AuditEntry.objects.get(act=Act.KEY_TESTED)
    assert noted.after["key"] == "…cccc" and not AuditEntry.objects.filter(act=Act.KEY_REPLACED)


@pytest.mark.parametrize("answer", SAYS_NOTHING_OF_THE_KEY.values(), ids=SAYS_NOTHING_OF_THE_KEY)
def test_only_where_giga_says_nothing_of_a_key_it_may_be_stored_untried(client, workspace, giga, answer):
    giga.get(BILLING, **answer)
    page = client.post("/team/key/", {"api_key": NEW})
    assert page.status_code == 422 and b"could not be tried" in page.content
    assert b'name="even_untried"' in page.content and NEW not in page.content.decode()
    assert account_of(workspace).api_key == KEY
    page = client.post("/team/key/", {"api_key": NEW, "even_untried": "on"}, follow=True)
    assert b"Stored, and not tried" in page.content
    assert account_of(workspace).api_key == NEW
    noted = AuditEntry.objects.get(act=Act.KEY_REPLACED)
    assert noted.after["key"] == "…cccc" and noted.after["result"]


def test_trying_a_new_key_costs_the_budget_and_waits_for_it(client, workspace, giga):
    works(giga)
    used_up = timezone.now().timestamp() + 99
    GigaAccount.objects.update(free_at=used_up)
    page = client.post("/team/key/", {"api_key": NEW, "even_untried": "on"})
    assert b"requests of this minute are used up" in page.content
    assert account_of(workspace).api_key == KEY and not giga.calls


def test_a_wait_that_giga_asked_of_the_key_in_use_holds_for_that_key_alone(client, workspace, giga):
    call = works(giga)
    account_of(workspace).wait(60)
    assert b"Waiting for the rate limit" in client.post("/team/key/", {"api_key": KEY}).content
    assert not giga.calls
    client.post("/team/key/", {"api_key": NEW})
    assert call.call_count == 1 and account_of(workspace).is_open


def test_first_keys_are_not_tried_one_after_the_other(client, workspace, giga, settings):
    settings.IS_DEMO, settings.GIGA_API_URL = False, GIGA
    GigaAccount.objects.all().delete()
    refuses(giga)
    client.post("/team/key/", {"api_key": NEW})
    page = client.post("/team/key/", {"api_key": NEW})
    assert b"Try again in a moment" in page.content and len(giga.calls) == 1
    assert not GigaAccount.objects.exists()


@pytest.mark.parametrize("other", [NEW, "giga_sk_" + "d" * 32])
def test_of_two_who_replace_it_at_once_the_first_one_stands(client, workspace, manager, giga, other):
    def meanwhile(request):
        account_of(workspace).set_key(other, by=manager)
        return 200, {}, '{"success": true, "data": {}}'

    giga.add_callback("GET", BILLING, meanwhile)
    page = client.post("/team/key/", {"api_key": NEW}, follow=True)
    assert (b"Somebody else replaced the key meanwhile" in page.content) is (other != NEW)
    assert account_of(workspace).api_key == other


@pytest.mark.parametrize(
    "key", ["", "  ", "short", "with space inside it", "naïve-key-of-letters", "x" * 201]
)
def test_what_is_no_key_is_refused_and_not_sent_back(client, workspace, key, giga):
    page = client.post("/team/key/", {"api_key": key})
    assert page.status_code == 422 and b"field-error" in page.content
    assert not key.strip() or f'value="{key}"'.encode() not in page.content
    assert account_of(workspace).api_key == KEY and not giga.calls


def test_a_paused_account_resumes_and_waiting_launches_are_due(client, workspace, giga):
    works(giga)
    account_of(workspace).pause("Giga refuses this workspace's key.")
    waiting = factories.make_run(workspace, Status.QUEUED, due_at=timezone.now() + timedelta(seconds=60))
    client.post("/team/key/", {"api_key": NEW})
    account = account_of(workspace)
    assert (account.paused_at, account.paused_reason, account.is_open) == (None, "", True)
    assert Run.objects.get(pk=waiting.pk).due_at <= timezone.now()


def test_replacing_it_leaves_the_lease_and_the_runs_as_they_are(client, workspace, giga):
    works(giga)
    run = factories.make_run(workspace)
    account = account_of(workspace)
    leased = GigaAccount.objects.take("watcher", [account.pk], at_most=1)
    due_at = Run.objects.get(pk=run.pk).due_at
    client.post("/team/key/", {"api_key": NEW})
    assert GigaAccount.objects.renew("watcher") == leased
    run.refresh_from_db()
    assert (run.status, run.due_at) == (Status.RUNNING, due_at)


def test_the_next_reading_of_a_run_asks_with_the_new_key(client, workspace, giga):
    works(giga)
    run = factories.make_run(workspace)
    reading = giga.get(
        f"{GIGA}/api/sessions/{run.agent_session.thread_id}/runs/{run.remote_id}",
        json={"status": "EXECUTING", "isCompleted": False},
    )
    client.post("/team/key/", {"api_key": NEW})
    following.refresh(run.pk)
    assert reading.calls[0].request.headers["Authorization"] == f"Bearer {NEW}"


def test_a_refusal_of_the_old_key_that_comes_late_does_not_pause_the_new_one(workspace, manager):
    asked_with_the_old = account_of(workspace)
    account_of(workspace).set_key(NEW, by=manager)
    asked_with_the_old.pause("Giga refuses this workspace's key.")
    assert account_of(workspace).is_open


def test_a_key_that_cannot_be_opened_is_said_and_can_be_replaced(client, workspace, giga):
    works(giga)
    GigaAccount.objects.update(sealed_api_key=seal("x", place="elsewhere"))
    assert b"cannot be opened" in client.get("/team/key/").content
    assert b"cannot be opened" in client.post("/team/key/test/", follow=True).content
    client.post("/team/key/", {"api_key": NEW})
    assert account_of(workspace).api_key == NEW


def test_a_workspace_without_a_key_gets_its_own(client, workspace, manager, giga, settings):
    settings.IS_DEMO = False
    settings.GIGA_API_URL = GIGA
    works(giga)
    GigaAccount.objects.all().delete()
    assert b"no key to test yet" in client.post("/team/key/test/", follow=True).content
    client.post("/team/key/", {"api_key": NEW})
    assert (account_of(workspace).api_key, account_of(workspace).api_url) == (NEW, GIGA)


@pytest.mark.parametrize("has_account", [True, False])
def test_a_demo_takes_no_key_and_says_how_to_leave_it(client, workspace, giga, has_account):
    GigaAccount.objects.update(is_simulated=True)
    if not has_account:
        GigaAccount.objects.all().delete()
    page = client.get("/team/key/").content.decode()
    assert "GIGA_API_KEY" in page and 'name="api_key"' not in page
    answer = client.post("/team/key/", {"api_key": NEW, "even_untried": "on"})
    assert answer.status_code == 422 and "GIGA_API_KEY" in answer.content.decode()
    assert NEW not in answer.content.decode() and not giga.calls
    assert not any(account.api_key == NEW for account in GigaAccount.objects.all())


def test_a_workspace_made_in_the_demo_asks_the_simulated_giga_with_a_key_of_its_own(workspace, stranger):
    GigaAccount.objects.update(is_simulated=True, api_url="http://127.0.0.1:8001")
    other = stranger.memberships.get()
    GigaAccount.objects.filter(workspace=other.workspace).delete()
    run = accepting.accept_launch(
        other,
        launch_token=uuid.uuid4(),
        user_prompt="Look",
        goal_prompt="Seen",
        sandbox_template="giga-mini",
        duration_hours=1,
    )
    account = account_of(other.workspace)
    assert (account.is_simulated, account.api_url) == (True, "http://127.0.0.1:8001")
    assert run.agent_session.is_simulated and is_demo_key(account.api_key)
    assert account.api_key != account_of(workspace).api_key


def test_the_page_says_whose_key_it_is(client, workspace, manager, giga):
    assert b"by the environment, at the start" in client.get("/team/key/").content
    works(giga)
    assert (
        b"mona" in client.post("/team/key/", {"api_key": NEW}, follow=True).content.split(b"<dt>Set</dt>")[1]
    )
    GigaAccount.objects.update(is_simulated=True, key_set_at=None)
    assert b"by the demo" in client.get("/team/key/").content


def test_the_key_of_the_page_outlives_the_one_of_the_environment(workspace, manager):
    account_of(workspace).set_key(NEW, by=manager)
    instance.connect_account(workspace, api_url=GIGA, api_key=KEY, is_simulated=False)
    assert account_of(workspace).api_key == NEW


def test_each_workspace_has_a_key_of_its_own(client, workspace, stranger, giga):
    works(giga)
    client.post("/team/key/", {"api_key": NEW})
    assert account_of(stranger.memberships.get().workspace).api_key == KEY


def test_a_key_is_one_workspace_s_alone(client, workspace, giga):
    """Two that keep to what Giga allows for one key would together ask twice as often."""
    works(giga)
    factories.make_workspace("Other team", key=NEW)
    page = client.post("/team/key/", {"api_key": NEW})
    assert "Another workspace uses this key" in page.content.decode() and page.status_code == 422
    assert account_of(workspace).api_key == KEY and len(giga.calls) == 0
    assert AuditEntry.objects.get(act=Act.KEY_TESTED).after["key"].endswith(NEW[-4:])
