"""Signing in at an OpenID Connect provider: every part of the exchange, bent once, is noticed."""

from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user_model
from django.test import Client

from people.audit import Act, AuditEntry
from people.models import Membership
from tests import factories
from tests.people.provider import CLIENT_ID, CLIENT_SECRET, running_provider
from tests.refused_settings import refusal

LOGIN = "/accounts/oidc/sso/login/"


@pytest.fixture
def provider(settings, workspace):
    with running_provider() as provider:
        settings.OIDC_ISSUER = provider.issuer
        settings.OIDC_NAME = "Example Login"
        settings.OIDC_ALLOWED_DOMAINS = ["example.com"]
        settings.OIDC_ROLE = "operator"
        app = {
            "provider_id": "sso",
            "name": "Example Login",
            "client_id": CLIENT_ID,
            "secret": CLIENT_SECRET,
            "settings": {"server_url": provider.issuer, "oauth_pkce_enabled": True},
        }
        settings.SOCIALACCOUNT_PROVIDERS = {
            "openid_connect": {**settings.SOCIALACCOUNT_PROVIDERS["openid_connect"], "APPS": [app]}
        }
        yield provider


def asked_of(client) -> dict:
    """What the browser is sent to the provider with."""
    query = urlsplit(client.get(LOGIN).url).query
    return {name: values[0] for name, values in parse_qs(query).items()}


def sign_in(client, provider, **bent):
    """Goes to the provider, says yes there, and comes back."""
    asked = {**asked_of(client), **bent}
    back = urlsplit(provider.authorize(asked))
    return client.get(f"{back.path}?{back.query}")


def is_in(client) -> bool:
    return client.get("/runs/").status_code == 200


def test_the_login_page_offers_it(client, provider):
    assert b"Sign in with Example Login" in client.get("/accounts/login/").content


def test_without_a_provider_it_is_not_offered(client, db):
    assert b"Sign in with Single" not in client.get("/accounts/login/").content
    assert client.get(LOGIN).status_code == 404


def test_a_person_of_the_domain_gets_an_account_and_the_role(client, provider, workspace):
    assert sign_in(client, provider).url == "/runs/"
    assert is_in(client)
    membership = Membership.objects.get(user__username="nora")
    assert (membership.workspace, membership.role) == (workspace, "operator")
    assert (membership.user.email, membership.user.has_usable_password()) == ("nora@example.com", False)
    assert SocialAccount.objects.get().uid == f"{provider.issuer}#person-1"
    assert AuditEntry.objects.filter(act=Act.JOINED, actor="Nora Berg").count() == 1


def test_the_second_time_it_is_the_same_account(client, provider):
    sign_in(client, provider)
    provider.person["email"] = "nora.berg@example.com"
    again = Client()
    sign_in(again, provider)
    assert is_in(again)
    assert get_user_model().objects.count() == 1


@pytest.mark.parametrize(
    "one, other", [("a" + "x" * 200, "b" + "x" * 200), ("x" * 200, "x" * 201), ("a\n", "a")]
)
def test_people_of_long_ids_stay_two(client, provider, one, other):
    for sub, address in ((one, "nora"), (other, "olaf")):
        provider.person |= {"sub": sub, "preferred_username": address, "email": f"{address}@example.com"}
        visitor = Client()
        sign_in(visitor, provider)
        assert visitor.get("/team/").context["user"].email == f"{address}@example.com"
    assert SocialAccount.objects.count() == 2


def test_an_address_that_only_the_id_token_tells_is_taken_from_it(client, provider):
    provider.forgets = ("email", "email_verified")
    assert sign_in(client, provider).url == "/runs/"


def test_everything_that_protects_the_exchange_is_sent(client, provider):
    asked = asked_of(client)
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["nonce"]) >= 22 and len(asked["state"]) >= 16 and asked["code_challenge"]
    assert sorted(asked["scope"].split()) == ["email", "openid", "profile"]


class TestBent:
    """Nobody gets in, no account is made, and it is noted."""

    @pytest.fixture(autouse=True)
    def nobody_got_in(self, client, provider):
        yield
        assert not is_in(client)
        assert not get_user_model().objects.exists()
        assert AuditEntry.objects.filter(act=Act.SIGN_IN_FAILED).count() == 1

    @pytest.mark.parametrize(
        "claims",
        [
            {"nonce": "another"},
            {"nonce": None},
            {"iss": "https://evil.example"},
            {"aud": "another client"},
            {"aud": None},
            {"exp": 1},
            {"exp": None},
        ],
        ids=lambda claims: str(claims),
    )
    def test_a_wrong_claim(self, client, provider, claims):
        provider.bent = claims
        assert b"The sign-in did not work" in sign_in(client, provider).content

    def test_a_provider_that_calls_itself_another(self, client, provider):
        provider.bent = {"discovered_issuer": "https://evil.example", "iss": "https://evil.example"}
        assert b"The sign-in did not work" in sign_in(client, provider).content

    def test_a_wrong_state(self, client, provider):
        assert b"The sign-in did not work" in sign_in(client, provider, state="another").content

    def test_a_code_of_another_challenge(self, client, provider):
        assert b"The sign-in did not work" in sign_in(client, provider, code_challenge="another").content
        assert len(provider.refused) == 1

    def test_user_info_of_another_person(self, client, provider):
        provider.told = {"sub": "person-2"}
        assert b"The sign-in did not work" in sign_in(client, provider).content

    @pytest.mark.parametrize("sub", [None, "", 7, ["person-1"]])
    def test_an_id_token_that_names_nobody(self, client, provider, sub):
        provider.person["sub"] = sub
        assert b"The sign-in did not work" in sign_in(client, provider).content

    @pytest.mark.parametrize(
        "claims, told",
        [
            ({}, {"email": "boss@example.com", "email_verified": None}),
            ({"email": "nora@evil.example"}, {"email": "boss@example.com", "email_verified": None}),
            ({}, {"email": None, "email_verified": True}),
            ({"email_verified": False}, {"email_verified": True}),
        ],
    )
    def test_an_address_that_another_answer_calls_verified(self, client, provider, claims, told):
        """What one answer says of its address says nothing of the address in the other."""
        provider.bent = claims
        provider.told = told if "email" in told else {**told, "email": None}
        assert b"This account may not enter" in sign_in(client, provider).content

    def test_a_callback_of_another_browser(self, client, provider):
        back = urlsplit(provider.authorize(asked_of(Client())))
        assert b"The sign-in did not work" in client.get(f"{back.path}?{back.query}").content

    @pytest.mark.parametrize(
        "person",
        [
            {"email": "nora@evil.example"},
            {"email": "nora@example.com.evil.example"},
            {"email": "nora@sub.example.com"},
            {"email_verified": False},
            {"email_verified": "true"},
            {"email": ""},
        ],
        ids=lambda person: str(person),
    )
    def test_somebody_who_may_not_enter(self, client, provider, person):
        provider.person |= person
        page = sign_in(client, provider)
        assert page.status_code == 403 and b"This account may not enter" in page.content


def test_whoever_left_the_domain_does_not_get_in_any_more(client, provider):
    sign_in(client, provider)
    provider.person["email"] = "nora@elsewhere.example"
    again = Client()
    assert sign_in(again, provider).status_code == 403
    assert not is_in(again)


def test_an_account_is_not_taken_over_by_its_address(client, provider, manager):
    manager.email = "nora@example.com"
    manager.save()
    page = sign_in(client, provider)
    assert page.status_code == 403 and b"There is an account with this address" in page.content
    assert not is_in(client) and not SocialAccount.objects.exists()


def test_a_person_connects_the_two_when_signed_in(client, provider, manager):
    factories.sign_in(client, manager)
    query = urlsplit(client.get(f"{LOGIN}?process=connect").url).query
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    back = urlsplit(provider.authorize(asked))
    client.get(f"{back.path}?{back.query}")
    assert SocialAccount.objects.get().user == manager
    later = Client()
    sign_in(later, provider)
    assert later.get("/team/").context["user"] == manager


def test_a_provider_that_is_away_is_told_in_a_sentence(client, provider):
    provider.server.shutdown()
    provider.server.server_close()
    page = client.get(LOGIN)
    assert page.status_code == 401 and b"The sign-in did not work" in page.content


NO_SENSE = [
    ({"OIDC_ISSUER": "http://login.example"}, "OIDC_ISSUER must be https"),
    ({"OIDC_ISSUER": "https://login.example"}, "needs OIDC_CLIENT_ID"),
    ({"OIDC_ROLE": "owner"}, "OIDC_ROLE"),
    ({"WORKSPACE_CREATION": "everyone"}, "WORKSPACE_CREATION"),
    ({"SMTP_URL": "mail.example"}, "SMTP_URL must look like"),
    ({"SMTP_URL": "smtp://u:secret-word@mail.example"}, "needs MAIL_FROM"),
]


def test_settings_that_make_no_sense_stop_the_start(tmp_path):
    said = [(sentence, refusal(tmp_path / "data", **env)) for env, sentence in NO_SENSE]
    assert [pair for pair in said if pair[0] not in pair[1] or "secret-word" in pair[1]] == []
