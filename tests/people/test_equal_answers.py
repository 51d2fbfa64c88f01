"""What may not be known is not told by time either: where nobody is, the same work is done as where somebody
is."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from people import team
from people.later import later
from people.models import Membership
from tests import factories

pytestmark = [pytest.mark.any_database, pytest.mark.long]


class Counting(MD5PasswordHasher):
    """Counts what takes long with a hasher that does."""

    hashed = 0

    def encode(self, *args):
        Counting.hashed += 1
        return super().encode(*args)


@pytest.fixture
def work(settings, workspace):
    """Does something, and returns how often it hashed and what it asked of the database."""
    settings.PASSWORD_HASHERS = [f"{__name__}.Counting"]

    def done_by(act) -> tuple[int, list[str]]:
        Counting.hashed = 0
        with CaptureQueriesContext(connection) as asked:
            act()
        return Counting.hashed, [
            re.split(" WHERE | VALUES | SET |SAVEPOINT ", query["sql"])[0] for query in asked
        ]

    return done_by


@pytest.fixture
def people(settings, workspace):
    """Somebody of each kind that a name or an address can belong to."""
    settings.PASSWORD_HASHERS = [f"{__name__}.Counting"]
    fields = {"password": "a long password of mona", "email": "mona@example.com"}
    mona = factories.make_person(workspace, username="mona", **fields)
    EmailAddress.objects.create(user=mona, email=mona.email, verified=True, primary=True)
    factories.make_person(workspace, username="olga", email="olga@example.com", password="a long one of olga")
    factories.make_person(workspace, username="sso", email="sso@example.com")  # has no password
    factories.make_person(workspace, username="gone", password="a long one of gone", is_active=False)
    factories.make_person(username="nowhere", password="a long one of nowhere")


NAMES = ["mona", "mona@example.com", "MONA", "olga@example.com", "sso", "sso@example.com", "gone", "nowhere"]


@pytest.mark.parametrize("login", NAMES)
def test_a_wrong_password_is_hashed_once_whether_somebody_is_called_so_or_not(people, work, login):
    def sign_in(name):
        answer = Client().post("/accounts/login/", {"login": name, "password": "wrong"})
        assert answer.status_code == 200 and b"not correct" in answer.content

    sign_in("first")  # after it the log has its first row
    nobody = work(lambda: sign_in("nobody"))
    assert nobody[0] == 1
    assert work(lambda: sign_in(login)) == nobody


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", ["mona@example.com", "OLGA@example.com", "sso@example.com"])
def test_whose_address_was_forgotten_is_looked_up_after_the_answer(people, work, client, address):
    def forget(email):
        answer = client.post("/accounts/password/reset/", {"email": email})
        assert answer.url == "/accounts/password/reset/done/"

    nobody = work(lambda: forget("nobody@example.com"))
    assert work(lambda: forget(address)) == nobody
    later(int).result()  # after all that was to be done before it
    assert [message.to for message in mail.outbox] == [[address.lower()]]


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_is_away_is_not_told_either(people, client, monkeypatch, caplog):
    def fail(*args):
        raise ConnectionRefusedError("nobody listens there")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", fail)
    assert client.post("/accounts/password/reset/", {"email": "mona@example.com"}).status_code == 302
    later(int).result()
    assert "nobody listens there" in caplog.text
    caplog.clear()


@pytest.mark.parametrize("path", ["/runs/{run}/", "/sessions/{session}/", "/runs/{run}/desktop/"])
def test_another_teams_rows_take_as_many_queries_as_none(work, client, manager, path):
    theirs = factories.make_run(factories.make_workspace("Other team"))
    client.force_login(manager)

    def look(run, session):
        assert client.get(path.format(run=run, session=session)).status_code == 404

    look(0, 0)
    assert work(lambda: look(theirs.pk, theirs.agent_session_id)) == work(lambda: look(999999, 999999))


def test_a_used_a_revoked_and_an_invented_invitation_take_as_many_queries(work, client, manager):
    place = Membership.objects.get(user=manager)
    used, used_token = team.invite(place, role="viewer", email="")
    team.join(factories.make_person(), used)
    revoked, revoked_token = team.invite(place, role="viewer", email="")
    team.revoke(place, revoked)

    def follow(token):
        assert client.get(f"/invitation/{token}/").status_code == 410

    invented = work(lambda: follow("x" * 43))
    assert work(lambda: follow(used_token)) == work(lambda: follow(revoked_token)) == invented
