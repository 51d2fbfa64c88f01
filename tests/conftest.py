"""What every test stands on."""

from datetime import datetime

import pytest
from coverage import Coverage
from django.conf import settings
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db.models.signals import post_migrate
from django.test import override_settings
from django.utils import timezone

from dashboard import outages
from runs import broadcast, live
from runs.accounts import DatabaseSeconds
from tests import factories
from tests.access import stage
from tests.browser.failures import delete_output_dir, pytest_sessionstart, pytest_terminal_summary
from tests.ears import ears, no_secret_comes_out

__all__ = [
    "delete_output_dir",
    "ears",
    "no_secret_comes_out",
    "pytest_sessionstart",
    "pytest_terminal_summary",
    "stage",
]


def forget_content_types(**kwargs):
    ContentType.objects.clear_cache()


@pytest.fixture(scope="session")
def django_db_keepdb():
    """Databases go with the folder or the server they are in; to drop one waits for whoever still looks."""
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """Tables are emptied behind each test that commits. Django then makes a permission and a type of content
    for each model anew, which takes twenty times as long as the rest; a type is made when it is asked for,
    and for permissions nothing asks."""
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)
    post_migrate.connect(forget_content_types)


@pytest.fixture(autouse=True)
def measured_without_walks(request):
    """Long walks and browsers take half as long again when each line is counted, and run few that no other
    test runs."""
    measuring = Coverage.current()
    if measuring and any(request.node.get_closest_marker(name) for name in ("long", "browser")):
        measuring.stop()
        yield
        measuring.start()
    else:
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_settings():
    """Fast passwords, and static files as they lie there."""
    plain_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        STORAGES={**settings.STORAGES, "staticfiles": plain_files},
    ):
        yield


@pytest.fixture(autouse=True)
def nothing_left_over(monkeypatch):
    """Of another test."""
    monkeypatch.setattr("runs.health._watcher_round_at", None)
    monkeypatch.setattr("runs.health.ASKED_EVERY_S", 0.0)
    broadcast.use_server_loop(None)
    cache.clear()
    live.run_push.cache_clear()


@pytest.fixture(autouse=True)
def no_outage_outlasts_its_test(monkeypatch):
    """A thread asks when it ends, and says so in whatever test comes later."""
    monkeypatch.setattr(outages.Outage, "_wait", lambda outage: None)
    for outage in (outages.database, outages.channel_layer, outages.broker):
        outage.began_at = None


@pytest.fixture(autouse=True)
def no_heart_beats_by_itself(monkeypatch):
    """A socket says what a test did, and nothing in between on a machine that takes its time. A test that
    waits for a heartbeat says how often it comes."""
    for consumers in ("runs.consumers", "runs.desktop_consumer"):
        monkeypatch.setattr(f"{consumers}.HEARTBEAT_S", 3600)


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def budget_clock(monkeypatch):
    """The database's clock, by which budgets leak."""
    clock = Clock()

    def now(self, compiler, connection, **context):
        return "CAST(%s AS double precision)", [clock.now]

    monkeypatch.setattr(DatabaseSeconds, "as_sqlite", now)
    monkeypatch.setattr(DatabaseSeconds, "as_postgresql", now)
    return clock


class AnyDatetime(type):
    def __instancecheck__(cls, value):
        return isinstance(value, datetime)


@pytest.fixture
def noon(monkeypatch):
    """It is noon of today and stays so: what is of today is not of yesterday a moment later. To be asked for
    first, so that a login is of this noon, too."""
    at = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)

    class Standing(datetime, metaclass=AnyDatetime):
        @classmethod
        def now(cls, tz=None):
            return at

    # Below `timezone.now` itself, which models hold as their default.
    monkeypatch.setattr("django.utils.timezone.datetime", Standing)
    return at


@pytest.fixture
def rung(monkeypatch):
    """The ids of what was handed to the background, where nothing carries it out."""
    rung = []
    monkeypatch.setattr("runs.tasks.ring", lambda run_id, *more: rung.append(run_id))
    return rung


@pytest.fixture
def workspace(db):
    return factories.make_workspace()


@pytest.fixture
def operator(workspace):
    return factories.make_person(workspace, role="operator", username="olga")


@pytest.fixture
def viewer(workspace):
    return factories.make_person(workspace, role="viewer", username="victor")


@pytest.fixture
def manager(workspace):
    return factories.make_person(
        workspace, role="manager", username="mona", password="a long password of mona"
    )


@pytest.fixture
def stranger(db):
    """Somebody of another team, and a manager there."""
    return factories.make_person(factories.make_workspace("Other team"), role="manager", username="stella")
