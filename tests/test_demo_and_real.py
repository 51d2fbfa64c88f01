"""An instance is a demo until it meets a real key, and never again afterwards. No start loses a key or closes
a real run, and whatever key comes or goes is noted."""

import re
import socket
import subprocess
import sys

import pytest
import requests
import responses
from django.core.management import CommandError, call_command
from websockets.sync.client import connect

from people.audit import Act, AuditEntry
from people.models import Workspace
from runs import instance
from runs.accounts import GigaAccountQuerySet, demo_key, is_demo_key
from runs.management.commands import prepare, serve
from runs.models import GigaAccount, Run
from runs.status import Status
from simulator.app import Config
from simulator.server import start_in_thread
from tests import factories
from tests.prepared import prepared_serve
from tests.served import KEY, PATIENCE_S, ROOT, STARTS_WITHIN_S, eventually

GIGA = "https://giga.example"
NEW = "giga_sk_" + "c" * 32
BILLING = f"{GIGA}/api/billing"


@pytest.fixture
def real(settings):
    """As with GIGA_API_KEY in the environment."""
    settings.IS_DEMO, settings.GIGA_API_KEY, settings.GIGA_API_URL = False, NEW, GIGA
    return settings


@pytest.fixture
def giga():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as giga:
        yield giga


def account_of(workspace) -> GigaAccount:
    return GigaAccount.objects.get(workspace=workspace)


def noted(act=Act.KEY_REPLACED) -> list[tuple]:
    entries = AuditEntry.objects.filter(act=act).order_by("number")
    return [(entry.actor, entry.before, entry.after) for entry in entries]


def with_only_a_real_key():
    factories.make_workspace()


def with_only_runs_of_a_key_that_is_gone():
    workspace = factories.make_workspace()
    factories.make_run(workspace)
    workspace.giga_account.delete()


def with_a_real_key_in_another_workspace():
    factories.make_workspace(is_simulated=True)
    factories.make_workspace("Other")


def with_real_runs_behind_a_demo_key():
    factories.make_run(factories.make_workspace(is_simulated=True))


@pytest.mark.parametrize(
    "stage",
    [
        with_only_a_real_key,
        with_only_runs_of_a_key_that_is_gone,
        with_a_real_key_in_another_workspace,
        with_real_runs_behind_a_demo_key,
    ],
)
def test_what_met_a_real_giga_is_no_demo_any_more(db, stage, monkeypatch):
    stage()
    before = list(GigaAccount.objects.values()), list(Run.objects.values())
    monkeypatch.setattr(serve, "start_simulator", lambda: pytest.fail("the simulator was started"))
    with pytest.raises(CommandError, match="set GIGA_API_KEY to go on"):
        serve.start_demo()
    assert (list(GigaAccount.objects.values()), list(Run.objects.values())) == before


def test_a_launch_that_waits_for_a_first_key_does_not_make_an_instance_real(workspace):
    factories.make_run(workspace, "queued", agent_session=factories.make_session(workspace, thread_id=""))
    workspace.giga_account.delete()
    assert not instance.has_met_giga()


def test_without_a_key_nothing_is_prepared(settings):
    settings.IS_DEMO = True
    with pytest.raises(CommandError, match="GIGA_API_KEY is not set"):
        call_command("prepare")


def test_each_start_of_the_demo_connects_all_workspaces_and_their_runs_go_on(db):
    first, second = (factories.make_workspace(name, is_simulated=True, key=demo_key()) for name in "AB")
    third = Workspace.objects.create(name="C")
    lost = factories.make_workspace("D", is_simulated=True)  # the key of another instance's demo
    run = factories.make_run(first, agent_session=factories.make_session(first, is_simulated=True))
    keys = [account_of(workspace).api_key for workspace in (first, second)]
    second.giga_account.pause("No.")
    instance.connect_demo("http://127.0.0.1:8002")
    accounts = [account_of(workspace) for workspace in (first, second, third, lost)]
    assert {account.api_url for account in accounts} == {"http://127.0.0.1:8002"}
    assert all(account.is_simulated and account.is_open for account in accounts)
    assert [account.api_key for account in accounts[:2]] == keys
    assert all(is_demo_key(account.api_key) for account in accounts)
    assert Run.objects.get(pk=run.pk).status == Status.RUNNING
    assert noted() == []


def test_a_real_key_ends_the_demo_and_nothing_of_it_is_launched_for_money(real, db):
    first, second = (factories.make_workspace(name, is_simulated=True) for name in "AB")
    demo = [
        factories.make_run(w, status, agent_session=factories.make_session(w, is_simulated=True, **thread))
        for w in (first, second)
        for status, thread in [
            ("queued", {"thread_id": ""}),
            ("queued", {}),
            ("running", {}),
            ("unknown", {}),
        ]
    ]
    over = factories.make_run(
        first, "completed", agent_session=factories.make_session(first, is_simulated=True)
    )
    prepare.connect_giga(first)
    statuses = [Run.objects.get(pk=run.pk).status for run in demo]
    assert statuses == ["not_started", "not_started", "lost", "lost"] * 2
    assert Run.objects.get(pk=over.pk).status == "completed"
    account = account_of(first)
    assert (account.api_key, account.api_url, account.is_simulated) == (NEW, GIGA, False)
    assert not GigaAccount.objects.filter(workspace=second).exists(), "nobody answers there any more"
    assert noted() == [("the environment", {}, {"key": "…cccc", "Giga": GIGA})]


def test_a_start_leaves_all_real_runs_as_they_are(real, giga, workspace):
    giga.get(BILLING, json={"success": True, "data": {}})
    other = factories.make_workspace("Other")
    Workspace.objects.create(name="Without")
    for each in (workspace, other):
        for status in Status:
            factories.make_run(each, status)
    other.giga_account.delete()
    before = list(Run.objects.order_by("pk").values())
    prepare.connect_giga(workspace)
    assert list(Run.objects.order_by("pk").values()) == before


def test_a_key_of_the_environment_is_tried_before_it_takes_the_place_of_another(real, giga, workspace):
    call = giga.get(BILLING, json={"success": True, "data": {}})
    prepare.connect_giga(workspace)
    assert call.calls[0].request.headers["Authorization"] == f"Bearer {NEW}"
    assert account_of(workspace).api_key == NEW
    before = {"key": "…cdef", "Giga": "http://127.0.0.1:9"}
    assert noted() == [("the environment", before, {"key": "…cccc", "Giga": GIGA})]
    prepare.connect_giga(workspace)
    assert len(giga.calls) == 1 and len(noted()) == 1, "the same again is nothing new"


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {"error": {"code": "INVALID_API_KEY", "message": f"Unknown key {NEW}"}}, "status": 401},
        {"json": {"error": {"code": "RATE_LIMITED", "message": "Too many"}}, "status": 429},
        {"body": responses.ConnectionError("refused")},
        {"body": "", "status": 503},
    ],
    ids=["refused", "limited", "unreachable", "down"],
)
def test_a_key_of_the_environment_that_giga_does_not_take_leaves_the_one_in_use(
    real, giga, workspace, answer, caplog
):
    giga.get(BILLING, **answer)
    before = GigaAccount.objects.values().get(workspace=workspace)
    prepare.connect_giga(workspace)
    assert GigaAccount.objects.values().get(workspace=workspace) == before
    assert noted() == [] and noted(Act.KEY_TESTED)[0][0] == "the environment"
    said = caplog.messages[-1]
    assert "…cccc" in said and "…cdef stays in use" in said and NEW not in said
    assert NEW not in str(list(AuditEntry.objects.values()))


def paused(account):
    account.pause("Giga refuses this workspace's key.")


def sealed_with_lost_keys(account):
    GigaAccount.objects.update(sealed_api_key="sealed with a key that is gone")


@pytest.mark.parametrize("happened", [paused, sealed_with_lost_keys, GigaAccount.delete])
def test_where_there_is_no_key_to_lose_none_is_tried(real, giga, workspace, happened):
    happened(account_of(workspace))
    prepare.connect_giga(workspace)
    assert (account_of(workspace).api_key, account_of(workspace).paused_at) == (NEW, None)
    assert not giga.calls


@pytest.mark.parametrize("has_key", [True, False])
def test_a_key_of_the_environment_that_another_workspace_uses_is_not_taken(
    real, giga, workspace, has_key, caplog
):
    """Two that keep to what Giga allows for one key would together ask twice as often."""
    factories.make_workspace("Other team", key=NEW)
    if not has_key:
        account_of(workspace).delete()
    before = list(GigaAccount.objects.values())
    prepare.connect_giga(workspace)
    assert list(GigaAccount.objects.values()) == before and not giga.calls
    assert "Another workspace uses this key" in caplog.messages[-1] and NEW not in caplog.text


def test_a_key_that_a_manager_set_stays_and_is_not_asked_about(real, giga, workspace, manager):
    account_of(workspace).set_key(KEY, by=manager)
    prepare.connect_giga(workspace)
    account = account_of(workspace)
    assert (account.api_key, account.key_set_by, noted()) == (KEY, manager, []) and not giga.calls


def test_the_demo_never_overwrites_a_real_key(workspace):
    instance.connect_account(workspace, api_url="http://127.0.0.1:1", api_key=demo_key(), is_simulated=True)
    account = account_of(workspace)
    assert (account.api_key, account.is_simulated) == (KEY, False)


def test_connecting_writes_nothing_that_workers_changed_meanwhile(workspace, monkeypatch):
    account, leases = account_of(workspace), []
    update = GigaAccountQuerySet.update

    def take_then_update(self, **fields):
        if "sealed_api_key" in fields and not leases:
            leases.append(GigaAccount.objects.take("other worker", [account.pk], at_most=1))
            GigaAccount.objects.filter(pk=account.pk).update(free_at=7)
        return update(self, **fields)

    monkeypatch.setattr(GigaAccountQuerySet, "update", take_then_update)
    instance.connect_account(workspace, api_url=GIGA, api_key=NEW, is_simulated=False)
    account.refresh_from_db()
    assert (account.api_key, account.fence, account.lease_holder) == (NEW, 1, "other worker")
    assert account.free_at == 7 and leases


def test_the_same_key_again_does_not_shorten_what_retry_after_said(workspace):
    account_of(workspace).wait(300)
    account_of(workspace).pause("No.")
    until = account_of(workspace).not_before
    instance.connect_account(workspace, api_url="http://127.0.0.1:9", api_key=KEY, is_simulated=False)
    assert (account_of(workspace).not_before, account_of(workspace).paused_at) == (until, None)


@pytest.mark.parametrize("key", ["", "giga_sk_", "giga_sk_" + "a" * 32, "giga_sk_é" + "a" * 31, KEY])
def test_only_the_keys_of_this_instance_are_demo_keys(key):
    assert is_demo_key(demo_key()) and not is_demo_key(key)
    assert demo_key() in serve.DemoKeys() and key not in serve.DemoKeys()


# Real processes


@pytest.mark.process
def test_a_start_without_its_key_is_refused_in_one_line_and_the_next_one_goes_on(tmp_path):
    simulator = start_in_thread(Config(speed=4, run_seconds=3600))
    env = {"GIGA_API_KEY": KEY, "GIGA_API_URL": simulator.url}
    served = prepared_serve(tmp_path / "data", **env).start().ready()
    try:
        session = served.signed_in()
        run = served.launch(session, "Anything")
        eventually(lambda: served.status_of(session, run) == "running")
        served.end()
        without = prepared_serve(tmp_path / "data").start()
        assert without.process.wait(STARTS_WITHIN_S) == 1
        assert f"the data folder {served.data} has been used with a real Giga: set GIGA" in without.said
        assert without.said.startswith("CommandError: ") and without.said.count("\n") == 1
        program = [sys.executable, "-m", "uvicorn", "--port", "0", "dashboard.asgi:application"]
        bare = subprocess.run(program, cwd=ROOT, env=without.env, capture_output=True, text=True)
        assert bare.returncode == 3 and "set GIGA_API_KEY to go on" in bare.stderr
        again = prepared_serve(tmp_path / "data", PORT=str(served.port), **env).start().ready()
        assert again.status_of(again.signed_in(), run) == "running"
        again.kill()
    finally:
        served.kill()
        simulator.stop()


@pytest.mark.process
def test_the_demo_asks_a_giga_that_only_this_machine_reaches_and_shows_its_desktop(tmp_path):
    """As in a container: the server listens everywhere, and only its own port is published."""
    served = prepared_serve(tmp_path / "data", HOST="0.0.0.0", SIMULATOR_SPEED="8").start().ready()
    try:
        port = int(re.search(r"simulated on port (\d+)", served.said)[1])
        socket.create_connection(("127.0.0.2", served.port), PATIENCE_S).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), PATIENCE_S)
        api = f"http://127.0.0.1:{port}/api/billing"
        stranger = {"Authorization": "Bearer giga_sk_" + "a" * 32}
        assert requests.get(api, headers=stranger, timeout=PATIENCE_S).status_code == 401
        session = served.signed_in()
        run = served.launch(session, "Look around")
        eventually(lambda: served.status_of(session, run) == "running")
        frame = f"{served.url}/runs/{run}/desktop/"
        page = eventually(lambda: (answer := session.get(frame, timeout=PATIENCE_S)).ok and answer.text)
        path = re.search(r'data-socket="(/ws/desktop/[^"]+)"', page)[1]
        address = f"ws://127.0.0.1:{served.port}{path}"
        with connect(address, origin="null", subprotocols=["binary"]) as desktop:
            assert desktop.recv(PATIENCE_S).startswith(b"RFB 003.")
    finally:
        served.kill()
