"""A name to sign in with is one person's, however it is written, and whoever makes the account."""

import importlib

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.test import Client

from people import team
from people.models import SignInName
from people.sign_in_names import NameTaken
from tests import factories

PASSWORD = "a quite long password"
SAME = [
    ("Tom", "tom"),
    ("tom", "TOM"),
    ("tom", "ＴＯＭ"),
    ("straße", "STRASSE"),
    ("ΣΟΦΟΣ", "σοφος"),
    ("ﬁona", "fiona"),
]


@pytest.mark.parametrize("one, other", SAME)
class TestTheDatabaseTakesOneOf:
    def test_two_that_are_made(self, db, one, other):
        factories.make_person(username=one)
        with pytest.raises(IntegrityError):
            factories.make_person(username=other)
        assert get_user_model().objects.count() == 1

    def test_two_of_which_one_is_renamed(self, db, one, other):
        factories.make_person(username=one)
        person = factories.make_person(username="rita")
        person.username = other
        for fields in (None, ["username"]):
            with pytest.raises(IntegrityError):
                person.save(update_fields=fields)
        assert get_user_model().objects.filter(username="rita").exists()

    def test_two_rows(self, db, one, other):
        factories.make_person(username=one)
        folded = SignInName.objects.get().folded
        with pytest.raises(IntegrityError):
            SignInName.objects.create(user=factories.make_person(), folded=folded)

    def test_two_in_the_admin(self, client, db, one, other):
        factories.make_person(username=one)
        rita = factories.make_person(username="rita")
        factories.sign_in(client, factories.make_person(is_staff=True, is_superuser=True))
        form = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", "is_active": "on"}
        page = client.post(f"/admin/auth/user/{rita.pk}/change/", form | {"username": other})
        assert page.status_code == 200 and b"This name is taken." in page.content
        form = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
        page = client.post("/admin/auth/user/add/", form | {"username": other})
        assert page.status_code == 200 and b"This name is taken." in page.content

    def test_two_on_the_command_line(self, db, one, other):
        factories.make_person(username=one)
        with pytest.raises(CommandError, match=r"This name is taken|already taken"):
            call_command("createsuperuser", username=other, email="", interactive=False)
        assert get_user_model().objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_account_whose_name_was_free_a_moment_ago_is_not_made(monkeypatch):
    factories.make_person(username="Tom")
    monkeypatch.setattr("people.sign_in_names.is_taken", lambda *args, **kwargs: False)
    with pytest.raises(NameTaken):
        factories.make_person(username="tom")
    assert get_user_model().objects.count() == 1


def test_ones_own_name_may_be_written_in_another_way(db):
    person = factories.make_person(username="Tom")
    person.username = "tom"
    person.save()
    assert SignInName.objects.get().folded == "tom"


def test_a_name_that_was_given_up_is_free(db):
    person = factories.make_person(username="Tom")
    person.username = "rita"
    person.save()
    factories.make_person(username="tom")


def test_a_name_whose_letters_are_very_many_is_refused_at_its_field(client, workspace, manager):
    _invitation, token = team.invite(manager.memberships.get(), role="viewer")
    visitor = Client()
    visitor.get(f"/invitation/{token}/")
    page = visitor.post("/invitation/", {"username": "\ufb03" * 60, "password": PASSWORD})
    assert page.status_code == 422 and b"This name is too long." in page.content


@pytest.mark.parametrize("typed", ["Zoë", "ZOË", "zoe\u0308", "ＺＯＥ\u0308"])
def test_one_signs_in_however_the_name_is_written(workspace, typed):
    factories.make_person(workspace, username="Zoë", password=PASSWORD)
    assert Client().post("/accounts/login/", {"login": typed, "password": PASSWORD}).status_code == 302


class TestTheMigration:
    """Accounts of before, when names had to differ by a letter only."""

    def migrate(self):
        migration = importlib.import_module("people.migrations.0005_sign_in_names")
        migration.keep_names(apps, connection.schema_editor())

    @pytest.fixture
    def people(self, workspace):
        users = get_user_model()
        made = [
            users(username=name, is_active=name != "TOM") for name in ("Tom", "tom", "TOM", "tom-2", "rita")
        ]
        users.objects.bulk_create(made)
        users.objects.filter(username="tom").update(last_login="2026-11-01T00:00:00Z", last_name="Moss")
        return {name: users.objects.get(username=name) for name in ("Tom", "tom", "TOM", "tom-2", "rita")}

    def test_nobody_is_lost_and_who_came_last_keeps_the_name(self, people, capsys):
        before = {name: person.pk for name, person in people.items()}
        self.migrate()
        after = dict(get_user_model().objects.values_list("pk", "username"))
        assert after == {
            before["tom"]: "tom",
            before["tom-2"]: "tom-2",
            before["Tom"]: "Tom-3",
            before["TOM"]: "TOM-4",
            before["rita"]: "rita",
        }
        assert SignInName.objects.count() == len(people)
        assert get_user_model().objects.get(username="Tom-3").get_full_name() == "Tom"
        assert f"account {before['Tom']} (Tom) signs in as Tom-3 from now on" in capsys.readouterr().out

    def test_they_sign_in_afterwards(self, people, capsys):
        for person in people.values():
            person.set_password(PASSWORD)
        get_user_model().objects.bulk_update(people.values(), ["password"])
        self.migrate()
        for name in ("TOM", "tom-3", "TOM-2", "Rita"):
            assert Client().post("/accounts/login/", {"login": name, "password": PASSWORD}).status_code == 302
