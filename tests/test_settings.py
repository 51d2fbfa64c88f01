"""Beyond one process by settings: what is refused, in one line, and what the default does not need."""

import os
import subprocess
import sys

import pytest
from django.http.request import split_domain_port, validate_host

from tests.refused_settings import refusal, settings_of
from tests.served import KEY, ROOT

DATABASE, REDIS = "postgres://giga:hidden@127.0.0.1:5432/watch", "redis://:hidden@127.0.0.1:6379"
SCALE_PACKAGES = "celery,channels_redis,dj_database_url,django_tasks_fennel,psycopg,psycopg_pool,redis"

# Makes the named packages missing, as where requirements-scale.txt is not installed.
WITHOUT = """
import importlib.util, sys
hidden, is_there = sys.argv[1].split(","), importlib.util.find_spec
importlib.util.find_spec = lambda name, *package: None if name in hidden else is_there(name, *package)
sys.modules |= dict.fromkeys(hidden)
import django
django.setup()
import dashboard.asgi
"""
HOLD_THE_FOLDER_AND_START_ANOTHER = """
import django, subprocess, sys
django.setup()
from runs import instance
assert instance.hold_folder()
other = [sys.executable, "-m", "uvicorn", "--port", "0", "dashboard.asgi:application"]
sys.exit(subprocess.run(other).returncode)
"""


@pytest.fixture
def python(tmp_path):
    """Runs Python as somebody with these settings would; how it ended."""

    def run(*arguments: str, **env: str) -> subprocess.CompletedProcess:
        names = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "GIGA_API_KEY")
        clean = {name: value for name, value in os.environ.items() if name not in names}
        settings = {"DJANGO_SETTINGS_MODULE": "dashboard.settings", "GIGAWATCH_DATA": str(tmp_path / "data")}
        program = [sys.executable, *arguments]
        return subprocess.run(
            program, cwd=ROOT, env={**clean, **settings, **env}, capture_output=True, text=True, timeout=60
        )

    return run


WRONG_ADDRESSES = [
    ({"DATABASE_URL": "mysql://giga:hidden@host/watch"}, "DATABASE_URL must look like postgres://"),
    ({"DATABASE_URL": "postgres://giga:hidden@host:port/watch"}, "DATABASE_URL must look like"),
    ({"DATABASE_URL": "postgres://giga:hidden@host"}, "DATABASE_URL must look like"),
    ({"REDIS_URL": "hidden:6379"}, "REDIS_URL must look like redis://"),
    ({"CELERY_BROKER_URL": "amqp://giga:hidden@host"}, "CELERY_BROKER_URL must look like redis://"),
    ({"CELERY_BROKER_URL": REDIS}, "CELERY_BROKER_URL needs DATABASE_URL"),
    ({"CELERY_BROKER_URL": REDIS, "DATABASE_URL": DATABASE}, "CELERY_BROKER_URL needs REDIS_URL"),
    (
        {"CELERY_BROKER_URL": REDIS, "DATABASE_URL": DATABASE, "REDIS_URL": REDIS},
        "CELERY_BROKER_URL needs GIGA_API_KEY",
    ),
]


def test_a_wrong_address_is_refused_in_one_line_that_does_not_quote_it(tmp_path):
    said = [(words, refusal(tmp_path / "data", **env)) for env, words in WRONG_ADDRESSES]
    assert [
        (words, line) for words, line in said if words not in line or "\n" in line or "hidden" in line
    ] == []


@pytest.mark.process
def test_the_line_is_all_that_is_printed(python):
    ended = python("manage.py", "work", DATABASE_URL="mysql://giga:hidden@host/watch")
    assert ended.returncode == 1
    assert "DATABASE_URL must look like" in ended.stderr and ended.stderr.count("\n") == 1, ended.stderr
    assert "hidden" not in ended.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    "env, package",
    [
        ({"DATABASE_URL": DATABASE}, "psycopg"),
        ({"REDIS_URL": REDIS}, "channels_redis"),
        ({"CELERY_BROKER_URL": REDIS}, "django_tasks_fennel"),
    ],
)
def test_a_missing_package_is_named_with_the_way_to_get_it(python, env, package):
    ended = python("-c", WITHOUT, package, **env)
    message = f"{next(iter(env))} needs {package}: pip install -r requirements-scale.txt"
    assert ended.stderr.splitlines()[-1].endswith(message)


@pytest.mark.process
def test_one_process_needs_none_of_these_packages(python):
    ended = python("-c", WITHOUT, SCALE_PACKAGES)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.process
@pytest.mark.parametrize("command", ["web", "work"])
def test_one_of_many_is_refused_where_one_process_does_everything(python, command):
    ended = python("manage.py", command)
    assert ended.returncode == 1
    assert ended.stderr.startswith("CommandError: CELERY_BROKER_URL is not set")


@pytest.mark.process
def test_the_one_process_is_refused_where_many_do_the_work(python):
    many = {"CELERY_BROKER_URL": REDIS, "DATABASE_URL": DATABASE, "REDIS_URL": REDIS, "GIGA_API_KEY": KEY}
    ended = python("manage.py", "serve", **many)
    assert ended.returncode == 1
    assert ended.stderr.startswith("CommandError: CELERY_BROKER_URL is set: start `prepare` once")


@pytest.mark.process
def test_a_second_web_process_on_one_folder_is_refused(python):
    """As `uvicorn --workers 2` would start: its pages would never hear of what the other does."""
    ended = python("-c", HOLD_THE_FOLDER_AND_START_ANOTHER)
    assert ended.returncode == 3
    assert "another process serves" in ended.stderr and "Traceback" not in ended.stderr


PRODUCTION = {"SITE_URL": "https://watch.example.com", "GIGA_API_KEY": KEY}


@pytest.mark.process
def test_production_settings_leave_the_deployment_check_nothing_to_say(python):
    ended = python("manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "System check identified no issues (2 silenced).\n"


def test_https_is_asked_for_on_this_host_name_alone(tmp_path):
    """Other programs under it may not speak TLS."""
    settings = settings_of(tmp_path, SITE_URL=PRODUCTION["SITE_URL"])
    assert settings["SECURE_HSTS_SECONDS"] >= 180 * 24 * 3600
    assert not settings.get("SECURE_HSTS_INCLUDE_SUBDOMAINS") and not settings.get("SECURE_HSTS_PRELOAD")


DANGEROUS = [
    ({"SITE_URL": "http://watch.example.com"}, "SITE_URL must be https"),
    ({"SITE_URL": "https://tools.example.com/gigawatch/"}, "a path is not supported"),
    ({"SITE_URL": "https://tools.example.com/#gigawatch"}, "SITE_URL must look like https://host.example"),
    ({"SITE_URL": "https://[2001:db8::zz]"}, "SITE_URL must look like https://host.example"),
    ({"SITE_URL": "https://tools.example.com:0"}, "SITE_URL must look like https://host.example"),
    ({"SITE_URL": "https://giga_watch:8443"}, "SITE_URL must look like https://host.example"),
    ({"SITE_URL": "https://tools..example.com"}, "SITE_URL must look like https://host.example"),
    ({"SITE_URL": "https://the tools.example.com"}, "SITE_URL must look like https://host.example"),
    ({"SITE_URL": "https://tools.example.com\\"}, "SITE_URL must look like https://host.example"),
    ({"SITE_URL": "https://tools.example.com;x"}, "SITE_URL must look like https://host.example"),
    ({"SITE_URL": "https://.example.com"}, "SITE_URL must look like https://host.example"),
    ({"SITE_URL": "https://"}, "SITE_URL must look like https://host.example"),
    ({"SITE_URL": "https://me:hidden@tools.example.com"}, "not 'https://…@tools.example.com'"),
    ({"ALLOWED_HOSTS": "tools.example.com:8443"}, "ALLOWED_HOSTS must be names of hosts without ports"),
    ({"GIGA_API_URL": "https://api.example.com/v1"}, "a path is not supported"),
    ({"ALLOWED_HOSTS": "watch.example.com:8443"}, "ALLOWED_HOSTS must be names of hosts without ports"),
    ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must name each host"),
    ({"ALLOWED_HOSTS": "a.example,*.example"}, "ALLOWED_HOSTS must name each host"),
    ({"SECRET_KEY": "x" * 60}, "SECRET_KEY must be at least 50 characters long, and random"),
    ({"SECRET_KEY": "short"}, "SECRET_KEY must be at least 50 characters long, and random"),
    ({"DEBUG": "true"}, "DEBUG shows code with each error"),
    ({"DEBUG": "1", "SITE_URL": "HTTPS://watch.example.com"}, "DEBUG shows code"),
    ({"DEBUG": "true", "SITE_URL": "https://localhost"}, "DEBUG shows code"),
    ({"DEBUG": "true", "SITE_URL": "", "HOST": "0.0.0.0"}, "DEBUG shows code"),
    ({"DEBUG": "true", "SITE_URL": "", "HOST": "::"}, "DEBUG shows code"),
    ({"DEBUG": "true", "SITE_URL": "", "ALLOWED_HOSTS": "watch.example.com"}, "DEBUG shows code"),
    ({"DEBUG": "true", "SITE_URL": "", "TRUSTED_PROXIES": "1"}, "DEBUG shows code"),
    ({"SMTP_URL": "smtp://host", "MAIL_FROM": "Gigawatch"}, "MAIL_FROM must look like gigawatch@"),
    ({"GIGA_API_KEY": "giga_sk_ with spaces"}, "GIGA_API_KEY must be one word"),
    ({"GIGA_API_KEY": "giga_sk_schlüssel"}, "GIGA_API_KEY must be one word"),
    ({"GIGA_API_KEY": "giga"}, "GIGA_API_KEY must be one word"),
]


def test_a_dangerous_setting_is_refused_in_one_line(tmp_path):
    said = [(words, refusal(tmp_path / "data", **PRODUCTION | env)) for env, words in DANGEROUS]
    assert [(words, line) for words, line in said if words not in line or "\n" in line] == []


SAID = [
    ("https://Watch.Example.COM", "https://watch.example.com"),
    ("https://watch.example.com:443/", "https://watch.example.com"),
    ("https://watch.example.com:8443", "https://watch.example.com:8443"),
    ("http://[::1]:80", "http://[::1]"),
    ("https://[2001:DB8:0::1]:8443", "https://[2001:db8::1]:8443"),
    ("https://münchen.example", "https://xn--mnchen-3ya.example"),
    ("https://Straße.example", "https://xn--strae-oqa.example"),
    ("https://watch.example.com.", "https://watch.example.com"),
]


@pytest.mark.parametrize("site_url, origin", SAID)
def test_our_own_origin_is_that_which_browsers_say(tmp_path, site_url, origin):
    """Otherwise everything there is refused (Kludex/starlette #3456, ansible/awx #15967)."""
    settings = settings_of(tmp_path / "data", SITE_URL=site_url)
    assert settings["SITE_ORIGINS"] == [origin]
    host = origin.partition("://")[2]
    assert validate_host(split_domain_port(host)[0], settings["ALLOWED_HOSTS"])


def test_further_names_may_be_written_as_they_are_said_or_without_brackets(tmp_path):
    names = " 2001:DB8::1,[2001:db8::2],Watch.Example"
    allowed = settings_of(tmp_path / "data", ALLOWED_HOSTS=names)["ALLOWED_HOSTS"]
    for host in ("[2001:db8::1]:8443", "[2001:db8::2]", "watch.example"):
        assert validate_host(split_domain_port(host)[0], allowed), host


@pytest.mark.process
def test_over_https_cookies_are_bound_to_the_host(python):
    shown = "from django.conf import settings as s; import django; django.setup(); "
    shown += "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE)"
    ended = python("-c", shown, **PRODUCTION)
    assert ended.stdout == "__Host-gigawatch __Host-gigawatch-csrf True True\n"


@pytest.mark.parametrize(
    "env, prefix",
    [
        ({}, "gigawatch-8000"),
        ({"PORT": "8010"}, "gigawatch-8010"),
        ({"SITE_URL": "http://localhost:9000", "PORT": "8010"}, "gigawatch-9000"),
        ({"SITE_URL": "http://[::1]:9001"}, "gigawatch-9001"),
        ({"SITE_URL": "http://127.0.0.1"}, "gigawatch-80"),
        (PRODUCTION, "__Host-gigawatch"),
        ({**PRODUCTION, "SITE_URL": "https://watch.example.com:443"}, "__Host-gigawatch"),
        ({**PRODUCTION, "SITE_URL": "https://watch.example.com:8443"}, "__Host-gigawatch-8443"),
    ],
)
def test_every_cookie_is_of_this_instance_alone(tmp_path, env, prefix):
    """Browsers send cookies to every port of a host name (OctoPrint #1479, elastic/kibana #189311)."""
    found = settings_of(tmp_path / "data", **env)
    names = {name: value for name, value in found.items() if name.endswith("COOKIE_NAME")}
    assert names == {
        "SESSION_COOKIE_NAME": prefix,
        "CSRF_COOKIE_NAME": f"{prefix}-csrf",
        "MESSAGES_COOKIE_NAME": f"{prefix}-messages",
    }
