"""What the rows promise on SQLite they promise on Postgres: the same tests, on the other database and the
other channel layer."""

import os
import subprocess
import sys

import pytest

from tests.served import ROOT

pytestmark = pytest.mark.process

THE_SAME_TESTS = [
    "tests/people/test_audit.py",
    "tests/people/test_bell.py",
    "tests/people/test_equal_answers.py",
    "tests/people/test_idle.py",
    "tests/people/test_invitations.py",
    "tests/people/test_key.py",
    "tests/people/test_limits.py",
    "tests/people/test_oidc.py",
    "tests/people/test_rotation.py",
    "tests/people/test_sign_in.py",
    "tests/people/test_team.py",
    "tests/people/test_workspaces.py",
    "tests/test_access.py",
    "tests/test_access_matrix.py",
    "tests/test_access_sockets.py",
    "tests/test_claims.py",
    "tests/test_extending.py",
    "tests/test_following.py",
    "tests/test_hostile_fields.py",
    "tests/test_hostile_places.py",
    "tests/test_launching.py",
    "tests/test_listing.py",
    "tests/test_listing_bulk.py",
    "tests/test_listing_views.py",
    "tests/test_pages.py",
    "tests/test_people.py",
    "tests/test_search.py",
    "tests/test_set_back.py",
    "tests/test_settling.py",
    "tests/test_sockets.py",
    "tests/test_unstorable.py",
    "tests/test_watcher.py",
]


def test_the_same_tests_pass_on_postgres_and_redis(postgres, redis):
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *THE_SAME_TESTS],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": postgres.new_database(), "REDIS_URL": redis.url},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout
