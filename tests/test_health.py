"""Whether the instance works, as `/healthz` says where workers watch in other processes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from runs import health
from runs.models import GigaAccount
from tests import factories


@pytest.fixture(autouse=True)
def many_processes(settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1"


def watcher() -> str:
    return health.report(timezone.now())["watcher"]


def test_without_runs_nobody_needs_to_watch(workspace):
    assert watcher() == "ok"


def test_a_key_with_runs_that_no_worker_holds_is_told(workspace):
    factories.make_run(workspace)
    assert watcher() == "no worker watches 1 of the keys"


def test_a_held_key_is_watched(workspace):
    factories.make_run(workspace)
    assert GigaAccount.objects.take("somebody", [workspace.giga_account.pk], at_most=1)
    assert watcher() == "ok"


def test_a_lease_that_ended_is_nobodys(workspace):
    factories.make_run(workspace)
    GigaAccount.objects.update(lease_holder="somebody", lease_until=timezone.now() - timedelta(seconds=1))
    assert watcher() == "no worker watches 1 of the keys"


def test_a_refused_key_needs_no_worker(workspace):
    factories.make_run(workspace)
    workspace.giga_account.pause("No.")
    assert watcher() == "ok"
