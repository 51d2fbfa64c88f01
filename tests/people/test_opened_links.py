"""A link that is printed, mailed or passed on is opened by programs before its person does: nothing is spent
by that, and nobody is signed in or out (emdash-cms/emdash #3298, better-auth #9690, TryGhost #12347)."""

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from django.test import Client
from django.urls import reverse

from people import team
from people.links import sign_in_path
from people.models import Invitation
from people.sessions import person_signed_in
from tests import factories

pytestmark = pytest.mark.any_database

PASSWORD = "a quite long password"
NEW = {"password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def nina(workspace):
    return factories.make_person(workspace, username="nina", email="nina@example.com")


def signs_in(nina) -> tuple:
    path = sign_in_path(nina)
    return path, lambda person: person.post(path), lambda person: person.get("/runs/").status_code == 200


def gives_a_new_password(nina) -> tuple:
    key = f"{user_pk_to_url_str(nina)}-{default_token_generator.make_token(nina)}"
    path = reverse("account_reset_password_from_key", args=[user_pk_to_url_str(nina), key.partition("-")[2]])

    def use(person):
        return person.post(person.get(path).url, NEW)

    return path, use, lambda person: type(nina).objects.get(pk=nina.pk).check_password(PASSWORD)


def confirms_an_address(nina) -> tuple:
    address = EmailAddress.objects.create(user=nina, email=nina.email)
    path = reverse("account_confirm_email", args=[EmailConfirmationHMAC(address).key])
    return path, lambda person: person.post(path), lambda person: EmailAddress.objects.get().verified


def invites(nina) -> tuple:
    manager = factories.make_person(nina.memberships.get().workspace, role="manager")
    path = reverse("invitation", args=[team.invite(manager.memberships.get(), role="viewer")[1]])

    def use(person):
        return person.post(
            person.get(path).url, {"username": "tom", "password": PASSWORD, "csrfmiddlewaretoken": "x"}
        )

    return path, use, lambda person: Invitation.objects.exclude(accepted_at=None).exists()


@pytest.mark.parametrize("link", [signs_in, gives_a_new_password, confirms_an_address, invites])
def test_a_link_is_its_persons_still_after_programs_have_opened_it(nina, link):
    path, use, is_used = link(nina)
    for _ in range(2):
        robot = Client(headers={"user-agent": "Slackbot-LinkExpanding 1.0"})
        robot.head(path)
        robot.get(path, follow=True)
        assert not is_used(robot) and robot.get("/runs/").status_code == 302
    person = Client()
    use(person)
    assert is_used(person)


def test_a_link_signs_nobody_out(nina):
    client = Client()
    client.force_login(nina)
    for path in ("/accounts/logout/", "/admin/logout/"):
        client.get(path)
    assert person_signed_in(client.session.session_key) == nina
