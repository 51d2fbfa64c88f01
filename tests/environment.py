"""The environment the suite runs in, set before Django reads its settings: demo mode, a folder of its own."""

import os
import shutil
import tempfile

import hypothesis

# No example has a deadline: a busy machine is no fault. With `CI` set, the examples are the same every time.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
for name in (
    "GIGA_API_KEY",
    "GIGA_API_URL",
    "SITE_URL",
    "HOST",
    "PORT",
    "SECRET_KEY",
    "ENCRYPTION_KEYS",
    "DEBUG",
    "CELERY_BROKER_URL",
    "TIME_ZONE",
    "ALLOWED_HOSTS",
    "TRUSTED_PROXIES",
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
):
    os.environ.pop(name, None)
# What is said at DEBUG is searched for secrets.
os.environ["LOG_LEVEL"] = "DEBUG"
os.environ["GIGAWATCH_DATA"] = tempfile.mkdtemp(prefix="gigawatch-tests-")
os.mkdir(os.path.join(os.environ["GIGAWATCH_DATA"], "static"))


def pytest_unconfigure():
    shutil.rmtree(os.environ["GIGAWATCH_DATA"], ignore_errors=True)
