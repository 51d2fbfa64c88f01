"""The dashboard with the addresses of `failing.urls`."""

from dashboard.settings import *  # noqa: F403

ROOT_URLCONF = "tests.failing.urls"
