"""The page of the audit log: rows lead to what they are about, and are found by kind, person and day."""

from datetime import UTC, datetime

import pytest

from people.audit import KINDS, Act, AuditEntry, acts_of, audit
from people.models import Preferences
from people.templatetags.audit import leads_to
from tests import factories
from tests.streamed import body_of

pytestmark = pytest.mark.any_database


@pytest.fixture
def client(client, manager):
    client.force_login(manager)
    return client


def found(client, query: str) -> list[str]:
    return [entry.object for entry in client.get(f"/team/audit/{query}").context["entries"]]


@pytest.mark.parametrize(
    "act, object, url",
    [
        ("launched", "7: Count the lions", "/runs/7/"),
        ("run-note", "7: Count the lions", "/runs/7/"),
        ("run-follow_up", "7: 8: nine", "/runs/7/"),
        ("desktop-opened", "7: Count", "/runs/7/"),
        ("file-opened", "5: Count", "/sessions/5/"),
        ("thread-read", "5: Count", "/sessions/5/"),
        ("refused", "POST /runs/7/notes/", "/runs/7/"),
        ("refused", "GET /sessions/5/", "/sessions/5/"),
        ("refused", "7: Count the lions", "/runs/7/"),
        ("refused", "GET /team/key/", ""),
        ("refused", "GET //evil.example/7/", ""),
        ("key-tested", "", "/team/key/"),
        ("key-replaced", "", "/team/key/"),
        ("limits-changed", "Acme", "/team/limits/"),
        ("workspace-changed", "Acme", "/team/settings/"),
        ("role-changed", "olga", "/team/"),
        ("invited", "7: nobody", "/team/"),
        ("sign-in", "7: olga", ""),
        ("run-note", "no number", ""),
        ("run-note", f"{'9' * 30}: long", ""),
        ("run-note", "٧: seven", ""),
        ("an act of old", "7: old", ""),
    ],
)
def test_a_row_leads_to_what_it_is_about(act, object, url):
    assert leads_to(AuditEntry(act=act, object=object)) == url


def test_the_page_has_the_links(client, manager, workspace):
    run = factories.make_run(workspace, by=manager)
    run.write_note("Look at this", by=manager)
    page = client.get("/team/audit/").text
    assert f'href="/runs/{run.pk}/"' in page and 'href="?by=mona"' in page


def test_what_changed_is_said_in_words_and_at_the_reader_s_time(client, manager):
    Preferences.objects.create(user=manager, time_zone="Asia/Kolkata")
    by = manager.memberships.get()
    audit(by, Act.ROLE_CHANGED, "olga", before={"role": "operator"}, after={"role": "viewer"})
    audit(by, Act.LIMITS_CHANGED, "Acme", before={"active_runs": None}, after={"active_runs": 5})
    audit(by, Act.DESKTOP_SEEN, "7: Count", after={"times": 3, "since": "2026-11-24T09:42:07+00:00"})
    audit(by, Act.EXPORTED, "audit.csv", after={"since": "2026-11-24"})
    audit(by, Act.RENAMED, "mona", after={"name": "True"})
    page = client.get("/team/audit/").text
    said = [
        "role: <s>Operator</s> → Viewer",
        "Runs active at once: <s>–</s> → 5",
        "since: Tue 24 Nov 2026 15:12:07 IST",
        "since: 2026-11-24<",
        "name: True",
    ]
    assert [words for words in said if words not in page] == []


def test_it_is_searched_by_kind_person_and_day_together(client, manager, operator):
    audit(manager.memberships.get(), Act.INVITED, "by mona")
    audit(operator.memberships.get(), Act.RUN_NOTE, "7: by olga")
    audit(operator.memberships.get(), Act.RUN_TAG, "7: tagged")
    audit(None, Act.SIGN_IN_FAILED, "olga", workspace=manager.memberships.get().workspace)
    assert found(client, "?by=olga") == ["7: tagged", "7: by olga"]
    assert found(client, "?kind=run-note") == ["7: by olga"]
    assert found(client, "?kind=runs&by=olga&q=tagged") == ["7: tagged"]
    assert found(client, "?kind=team") == ["by mona"]
    assert found(client, "?kind=refusals") == ["olga"]
    assert found(client, "?by=nobody") == []
    audit(manager.memberships.get(), Act.EXPORTED, "=not a name")


def test_days_are_those_of_the_reader(client, manager, monkeypatch):
    place = manager.memberships.get()
    for hour, name in ((21, "before"), (23, "after")):
        at = datetime(2026, 3, 1, hour, 30, tzinfo=UTC)
        monkeypatch.setattr("people.audit.timezone.now", lambda at=at: at)
        audit(place, Act.INVITED, name)
    monkeypatch.undo()
    client.post("/me/", {"time_zone": "Europe/Berlin", "times": "relative", "name": "", "language": ""})
    assert found(client, "?kind=invited&until=2026-03-01") == ["before"]
    assert found(client, "?kind=invited&since=2026-03-02&until=2026-03-02") == ["after"]


@pytest.mark.parametrize("query", ["?kind=nothing", "?since=soon", "?until=9999-99-99", "?by=" + "x" * 200])
def test_what_cannot_be_read_is_said_and_not_exported(client, manager, query):
    factories.sign_in(client, manager)
    assert client.get(f"/team/audit/{query}").context["unread"]
    assert client.get(f"/team/audit/export/{query}").status_code == 422


def test_the_file_has_the_rows_of_the_page(client, manager, operator):
    audit(operator.memberships.get(), Act.RUN_NOTE, "7: by olga")
    factories.sign_in(client, manager)
    page = client.get("/team/audit/?by=olga&kind=runs&since=2026-01-01")
    assert page.context["exports"]["csv"] == "?by=olga&kind=runs&since=2026-01-01&format=csv"
    text = body_of(client.get("/team/audit/export/" + page.context["exports"]["csv"])).decode()
    assert len(text.splitlines()) == 2 and "7: by olga" in text
    assert AuditEntry.objects.get(act=Act.EXPORTED).after["by"] == "olga"


@pytest.mark.parametrize("count", [1, 3])
def test_it_takes_the_same_queries_for_one_row_and_three(
    client, manager, workspace, count, django_assert_num_queries
):
    run = factories.make_run(workspace, by=manager)
    for _ in range(count):
        run.write_note("Look at this", by=manager)
    client.get("/team/audit/")
    with django_assert_num_queries(6):
        client.get("/team/audit/?by=mona&kind=runs&since=2026-01-01")


def test_every_act_is_of_a_kind():
    assert set().union(*map(acts_of, KINDS)) == {*Act.values}
