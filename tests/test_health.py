"""Whether this process lives, and whether it can do its work, as `/healthz` and `/readyz` say."""

import re
import threading
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from runs import health
from runs.models import GigaAccount
from runs.sealed import new_encryption_key
from tests import factories
from tests.served import free_port

PARTS = {"database", "layer", "broker", "watcher", "disk", "keys"}


@pytest.fixture
def watched():
    health.watcher_was_here()


@pytest.fixture
def many_processes(settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1"


def lost(client) -> dict[str, str]:
    """What is not as it should be."""
    answer = client.get("/readyz")
    found = {part: said for part, said in answer.json().items() if said != "ok"}
    assert answer.json().keys() == PARTS and answer.status_code == (503 if found else 200)
    return found


def test_a_process_whose_watcher_is_dead_lives_and_is_not_ready(client, db):
    assert client.get("/healthz").status_code == 200
    assert lost(client) == {"watcher": "not running in this process"}


def test_it_is_ready_when_nothing_is_lost(client, workspace, watched):
    factories.make_run(workspace)
    assert lost(client) == {}


def test_that_it_lives_is_said_without_the_database_and_a_login(client):
    """No fixture lends this test a database: a query would fail."""
    client.cookies["gigawatch-8000"] = "a-login-of-somebody"
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"process": "ok"})
    assert client.head("/healthz").status_code == 200 and client.post("/healthz").status_code == 405


@pytest.mark.parametrize("host", ["10.3.4.5:8000", "gigawatch-web-7d4f", "x" * 300, ""])
def test_machines_ask_by_any_name_and_are_sent_nowhere(settings, host, db):
    settings.SECURE_SSL_REDIRECT, settings.SECURE_SSL_HOST = True, "watch.example.com"
    client = Client(headers={"host": host})
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503  # no watcher
    assert client.get("/healthz/").status_code in (301, 400)


@pytest.mark.django_db(transaction=True)
def test_no_number_and_no_address_stands_in_what_is_said(client, settings, caplog):
    factories.make_run(factories.make_workspace(), due_at=timezone.now() - timedelta(hours=1))
    settings.REDIS_URL = settings.CELERY_BROKER_URL = f"redis://:canary@127.0.0.1:{free_port()}/0"
    settings.ENCRYPTION_KEYS = [new_encryption_key()]
    said = client.get("/readyz").text
    assert not re.search(r"\d|canary|redis:|v1:|giga_account", said), said
    assert set(lost(client)) == {"layer", "broker", "watcher", "keys"}
    assert "readyz" not in caplog.text  # a machine that asks every second is no news


def test_a_redis_that_is_away_is_told_of_layer_and_broker_each(client, db, watched, settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert lost(client) == {"layer": "does not answer"}


@pytest.mark.any_database
def test_a_full_disk_is_told_before_nothing_can_be_kept(client, db, watched, monkeypatch):
    monkeypatch.setattr("runs.room.NEEDED_BYTES", 1 << 60)
    assert lost(client) == {"disk": "too little room"}


@pytest.mark.any_database
def test_a_data_folder_that_cannot_be_written_is_told(client, db, watched, settings, tmp_path):
    settings.DATA = tmp_path / "gone"
    assert lost(client) == {"disk": "the data folder cannot be written"}
    settings.DATA.mkdir()
    assert lost(client) == {}


@pytest.mark.django_db(transaction=True)
def test_lost_encryption_keys_are_told_until_they_are_back(client, settings):
    workspace = factories.make_workspace()
    health.watcher_was_here()
    kept = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [new_encryption_key()]
    assert set(lost(client)) == {"keys"}
    settings.ENCRYPTION_KEYS = [new_encryption_key(), *kept]
    assert lost(client) == {} and workspace.giga_account.api_key == factories.KEY


def test_a_watcher_that_is_silent_for_long_is_told(client, db, monkeypatch):
    monkeypatch.setattr(health, "_watcher_round_at", health.time.monotonic() - 9)
    assert lost(client) == {"watcher": "silent for 9 s"}


def test_a_part_that_hangs_counts_as_lost_and_holds_up_one_thread(monkeypatch):
    hung, asked = threading.Event(), []

    def hang() -> str:
        asked.append(1)
        hung.wait()
        return "ok"

    part = health.Part(hang)
    monkeypatch.setattr(health, "PARTS", {"database": part})
    monkeypatch.setattr(health, "ANSWERS_WITHIN_S", 0.01)
    assert [health.readiness() for _ in range(3)] == [{"database": "does not answer"}] * 3
    assert asked == [1]
    hung.set()
    assert part.answer.result(60) == "ok" and health.readiness() == {"database": "ok"}


def test_a_part_is_not_asked_more_often_than_it_takes(monkeypatch):
    asked = []
    monkeypatch.setattr(health, "ASKED_EVERY_S", 3600.0)
    monkeypatch.setattr(health, "PARTS", {"disk": health.Part(lambda: asked.append(1) or "ok")})
    assert [health.readiness() for _ in range(3)] == [{"disk": "ok"}] * 3 and asked == [1]


def test_a_part_that_cannot_be_asked_is_lost(monkeypatch):
    monkeypatch.setattr(health, "PARTS", {"disk": health.Part(lambda: 1 // 0)})
    assert health.readiness() == {"disk": "cannot be asked (ZeroDivisionError)"}


FOLLOWED, NOT_FOLLOWED = "ok", "no worker follows some of the runs"


@pytest.fixture
def overdue(workspace, many_processes):
    """A run that somebody should read."""
    return factories.make_run(workspace, due_at=timezone.now() - timedelta(minutes=1))


def test_without_runs_nobody_needs_to_watch(workspace, many_processes):
    assert health.watcher() == "ok"


def test_a_run_that_no_worker_follows_is_told(overdue):
    assert health.watcher() == NOT_FOLLOWED


def test_a_run_whose_turn_has_only_come_is_about_to_be_followed(workspace, many_processes):
    factories.make_run(workspace)
    assert health.watcher() == "ok"


def test_a_held_key_is_watched(overdue):
    assert GigaAccount.objects.take("somebody", [overdue.workspace.giga_account.pk], at_most=1)
    assert health.watcher() == "ok"


@pytest.mark.parametrize(
    "left_s, said", [(14, FOLLOWED), (8, FOLLOWED), (6, NOT_FOLLOWED), (-1, NOT_FOLLOWED)]
)
def test_a_lease_that_is_not_renewed_is_told_before_it_ends(overdue, left_s, said):
    GigaAccount.objects.update(
        lease_holder="somebody", lease_until=timezone.now() + timedelta(seconds=left_s)
    )
    assert health.watcher() == said


def test_a_refused_key_needs_no_worker(overdue):
    overdue.workspace.giga_account.pause("No.")
    assert health.watcher() == "ok"


def test_launches_that_no_worker_takes_up_are_told(workspace, many_processes):
    factories.make_run(workspace, "queued", due_at=timezone.now() - timedelta(minutes=1))
    assert health.watcher() == "no worker takes up launches"
