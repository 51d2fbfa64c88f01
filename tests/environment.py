"""The environment the suite runs in, set before Django reads its settings: demo mode, a folder of its own,
and with `--database=postgres` a Postgres and a Redis instead of SQLite and memory.

Workers inherit it from the process that starts them. They share the folder and the servers, where each has a
database, a Redis database and a prefix of channels of its own."""

import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.test import SimpleTestCase

from dashboard.data_folder import keep_secret, new_secret_key
from runs.sealed import new_encryption_key
from tests.served import WORKER_NUMBER
from tests.servers import Postgres, Redis

# No example has a deadline: a busy machine is no fault. With `CI` set, the examples are the same every time.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

SETTINGS = (
    "GIGA_API_KEY",
    "GIGA_API_URL",
    "SITE_URL",
    "HOST",
    "PORT",
    "SECRET_KEY",
    "ENCRYPTION_KEYS",
    "DEBUG",
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "TIME_ZONE",
    "ALLOWED_HOSTS",
    "TRUSTED_PROXIES",
    "DESKTOP_NETWORKS",
    "SESSION_IDLE_HOURS",
    "SESSION_DAYS",
    "SMTP_URL",
    "MAIL_FROM",
    "OIDC_ISSUER",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "OIDC_ALLOWED_DOMAINS",
    "OIDC_ROLE",
    "OIDC_NAME",
    "STATIC_ROOT",
    "SIMULATOR_SPEED",
    "CRASH_AT",
)
DATABASE_FIXTURES = {"db", "transactional_db"}
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

# Each of the many processes would compile everything anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
if not WORKER:
    for name in SETTINGS:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    os.environ["ENV_FILE"] = ""
    # What is said at DEBUG is searched for secrets.
    os.environ["LOG_LEVEL"] = "DEBUG"
    os.environ["GIGAWATCH_DATA"] = tempfile.mkdtemp(prefix="gigawatch-tests-")
    os.mkdir(os.path.join(os.environ["GIGAWATCH_DATA"], "static"))
    for name, text in (("secret_key", new_secret_key()), ("encryption_keys", new_encryption_key())):
        keep_secret(Path(os.environ["GIGAWATCH_DATA"], name), text)

_servers: list[Postgres | Redis] = []


def pytest_addoption(parser):
    parser.addoption(
        "--database",
        choices=["sqlite", "postgres"],
        default="sqlite",
        help="what the tests that touch a database run on; with postgres, the others are left out",
    )


def pytest_collection_finish():
    """What is there by now stays: the collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config, parser, args):
    if parser.parse_known_args(args).database == "postgres" and not WORKER:
        _servers.extend([Postgres().make().start(), Redis().start()])
        os.environ["DATABASE_URL"] = _servers[0].new_database()
        os.environ["REDIS_URL"] = _servers[1].url
    return (yield)


def pytest_unconfigure():
    if not WORKER:
        for server in _servers:
            server.remove()
        shutil.rmtree(os.environ["GIGAWATCH_DATA"], ignore_errors=True)


def pytest_configure():
    if WORKER and settings.REDIS_URL:
        number = WORKER_NUMBER + 1
        settings.CACHES["default"]["LOCATION"] += f"/{number}"
        layer = settings.CHANNEL_LAYERS["default"]["CONFIG"]
        layer["hosts"][0]["address"] += f"/{number}"
        layer["prefix"] += f"-{WORKER}"


def pytest_collection_modifyitems(config, items):
    is_postgres = config.option.database == "postgres"
    chosen = [item for item in items if (touches_sql(item) if is_postgres else not needs_postgres(item))]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def needs_postgres(item) -> bool:
    return bool(item.get_closest_marker("strictest_database"))


def touches_sql(item) -> bool:
    """In this process: what starts others says itself which database they use."""
    if item.get_closest_marker("process") or item.get_closest_marker("any_database"):
        return False
    is_django_test = issubclass(item.cls or object, SimpleTestCase)
    uses_fixture = not DATABASE_FIXTURES.isdisjoint(item.fixturenames)
    return is_django_test or uses_fixture or bool(item.get_closest_marker("django_db"))
