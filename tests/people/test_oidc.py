"""Signing in at an OpenID Connect provider: every part of the exchange, bent once, is noticed."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client

from people.audit import Act, AuditEntry
from people.models import Membership
from tests import factories
from tests.people.provider import CLIENT_ID, CLIENT_SECRET, running_provider
from tests.refused_settings import refusal

pytestmark = [pytest.mark.any_database, pytest.mark.long]

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


@pytest.mark.parametrize(
    "said",
    [
        *(
            {name: odd}
            for name in ("name", "given_name", "preferred_username")
            for odd in (7, ["x"], {"a": 1})
        ),
        {"sub": "\ud800"},
        {"picture": ["\x00", {"\ud800": 1}]},
        {"updated_at": float("nan")},
        {"updated_at": float("inf")},
    ],
    ids=ascii,
)
def test_what_is_no_text_or_nothing_to_keep_keeps_nobody_out(client, provider, workspace, said):
    provider.person |= said
    assert sign_in(client, provider).url == "/runs/"
    user = get_user_model().objects.get()
    assert user.email == "nora@example.com" and not {"[", "{", "7"} & set(
        user.get_full_name() + user.username
    )


def test_an_address_that_only_the_id_token_tells_is_taken_from_it(client, provider):
    provider.forgets = ("email", "email_verified")
    assert sign_in(client, provider).url == "/runs/"


@pytest.mark.parametrize(
    "claims",
    [
        {"azp": CLIENT_ID},
        {"aud": [CLIENT_ID]},
        {"aud": ["another client", CLIENT_ID], "azp": CLIENT_ID},
    ],
    ids=ascii,
)
def test_a_token_that_was_issued_to_us_lets_in(client, provider, workspace, claims):
    provider.bent = claims
    sign_in(client, provider)
    assert is_in(client)


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
            {"nonce": "é"},
            {"nonce": "\ud800"},
            {"iss": "https://evil.example"},
            {"aud": "another client"},
            {"aud": None},
            {"azp": "another client"},
            {"aud": [CLIENT_ID, "another client"]},
            {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
            {"exp": 1},
            {"exp": None},
        ],
        ids=ascii,
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
            {"email": 7},
            {"email": True},
            {"email": ["nora@example.com"]},
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


class TestFromAnotherLogin:
    """Whoever is signed in here and comes by single sign-on comes in anew, by the same rules."""

    @pytest.fixture
    def again(self):
        elsewhere = factories.make_workspace("Other team")
        again = Client()
        factories.sign_in(again, factories.make_person(elsewhere, role="viewer", username="victor"))
        return again

    def test_whoever_left_the_domain_does_not_get_in(self, client, provider, again):
        sign_in(client, provider)
        provider.person["email"] = "nora@elsewhere.example"
        assert sign_in(again, provider).status_code == 403
        assert again.get("/me/").context["user"].username == "victor"

    def test_no_second_account_gets_the_address_of_another(self, provider, again, manager):
        factories.give_address(manager, "nora@example.com")
        assert b"There is an account with this address" in sign_in(again, provider).content
        assert get_user_model().objects.count() == 2 and not SocialAccount.objects.exists()


def test_an_address_that_somebody_merely_names_keeps_its_owner_out_of_nothing(client, provider, manager):
    factories.give_address(manager, "nora@example.com", is_confirmed=False)
    EmailAddress.objects.create(user=manager, email="nora@example.com")
    assert sign_in(client, provider).url == "/runs/"
    owner = client.get("/team/").context["user"]
    assert owner != manager and owner.emailaddress_set.get().verified


def test_an_account_is_not_taken_over_by_its_address(client, provider, manager):
    factories.give_address(manager, "nora@example.com")
    page = sign_in(client, provider)
    assert page.status_code == 403 and b"There is an account with this address" in page.content
    assert not is_in(client) and not SocialAccount.objects.exists()


def go_on(client, provider, address: str):
    """To the provider from here, says yes there, and comes back."""
    query = urlsplit(client.get(address).url).query
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    back = urlsplit(provider.authorize(asked))
    return client.get(f"{back.path}?{back.query}")


class TestConnecting:
    CONNECT = "/single-sign-on/connect/"

    @pytest.fixture(autouse=True)
    def by_mail(self, settings, manager):
        settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
        manager.email = "mona@example.com"
        manager.save()

    def test_a_person_connects_the_two_when_they_just_said_who_they_are(self, client, provider, manager):
        factories.sign_in(client, manager)
        onward = client.post(self.CONNECT).context["onward"]
        go_on(client, provider, onward)
        assert SocialAccount.objects.get().user == manager
        noted = AuditEntry.objects.get(act=Act.SIGN_ON_LINKED)
        assert (noted.username, noted.object) == ("mona", "Example Login")
        assert [sent.to for sent in mail.outbox] == [["mona@example.com"]]
        later = Client()
        sign_in(later, provider)
        assert later.get("/team/").context["user"] == manager

    def test_disconnecting_is_noted_and_told_too(self, client, provider, manager):
        account = SocialAccount.objects.create(user=manager, provider="sso", uid="1")
        factories.sign_in(client, manager)
        assert b"Disconnect" in client.get("/accounts/3rdparty/").content
        client.post("/accounts/3rdparty/", {"account": account.pk})
        assert not SocialAccount.objects.exists() and len(mail.outbox) == 1
        assert AuditEntry.objects.get(act=Act.SIGN_ON_UNLINKED).username == "mona"

    def test_a_link_connects_nothing(self, client, provider, manager):
        """Another site may have led there, with this browser's login."""
        factories.sign_in(client, manager)
        assert client.get(f"{LOGIN}?process=connect").url == "/accounts/3rdparty/"
        assert client.post(f"{LOGIN}?process=connect").url == "/accounts/3rdparty/"
        assert client.get(self.CONNECT).status_code == 405

    def test_a_form_of_ours_is_good_for_one_way_there(self, client, provider, manager):
        factories.sign_in(client, manager)
        client.post(self.CONNECT)
        assert client.get(f"{LOGIN}?process=connect").url.startswith(provider.issuer)
        assert client.get(f"{LOGIN}?process=connect").url == "/accounts/3rdparty/"

    def test_an_old_login_is_asked_again(self, client, provider, manager):
        factories.sign_in(client, manager, seconds_ago=301)
        assert client.post(self.CONNECT).url.startswith("/accounts/reauthenticate/")
        assert client.get(f"{LOGIN}?process=connect").url == "/accounts/3rdparty/"

    def test_a_login_that_became_old_on_the_way_connects_nothing(self, client, provider, manager):
        factories.sign_in(client, manager)
        onward = client.post(self.CONNECT).context["onward"]
        query = urlsplit(client.get(onward).url).query
        back = urlsplit(provider.authorize({name: values[0] for name, values in parse_qs(query).items()}))
        session = client.session
        session["account_authentication_methods"][0]["at"] -= 301
        session.save()
        assert client.get(f"{back.path}?{back.query}").url.startswith("/accounts/reauthenticate/")
        assert not SocialAccount.objects.exists()

    def test_coming_by_it_shows_nobody_who_one_is(self, client, provider, manager):
        """A browser that is signed in over there comes back without a question."""
        uid = f"{provider.issuer}#person-1"
        SocialAccount.objects.create(user=manager, provider="sso", uid=uid)
        sign_in(client, provider)
        assert is_in(client)
        assert client.get("/accounts/email/").url.startswith("/accounts/reauthenticate/")
        assert b"Password" in client.get("/accounts/reauthenticate/").content


class TestConfirmingAtTheProvider:
    """Somebody who has neither password nor passkey here says there again who they are."""

    ASK = "/accounts/reauthenticate/?next=/accounts/email/"

    @pytest.fixture
    def client(self, client, provider, settings):
        settings.OIDC_ROLE = "manager"
        sign_in(client, provider)
        return client

    def way(self, client) -> str:
        assert client.get("/accounts/email/").url.startswith("/accounts/reauthenticate/")
        return client.get(self.ASK).url

    def test_it_is_asked_to_ask_anew_and_leads_back(self, client, provider):
        way = self.way(client)
        query = parse_qs(urlsplit(client.get(way).url).query)
        assert (query["prompt"], query["max_age"]) == (["login"], ["0"])
        assert go_on(client, provider, way).url == "/accounts/email/"
        assert client.get("/accounts/email/").status_code == 200

    def test_a_provider_that_says_it_asked_just_now_is_believed(self, client, provider):
        provider.person["auth_time"] = time.time() - 20
        go_on(client, provider, self.way(client))
        assert client.get("/accounts/email/").status_code == 200

    @pytest.mark.parametrize("asked_at", [lambda: time.time() - 301, lambda: "soon", lambda: float("nan")])
    def test_a_provider_that_did_not_ask_again_is_not(self, client, provider, asked_at):
        provider.person["auth_time"] = asked_at()
        assert b"The sign-in did not work" in go_on(client, provider, self.way(client)).content
        assert client.get("/accounts/email/").status_code == 302

    def test_somebody_else_over_there_confirms_nothing(self, client, provider):
        way = self.way(client)
        provider.person |= {"sub": "person-2", "preferred_username": "olaf", "email": "olaf@example.com"}
        assert b"The sign-in did not work" in go_on(client, provider, way).content
        assert client.get("/accounts/email/").status_code == 302

    def test_a_link_asks_for_no_more_than_we_do(self, client, provider):
        address = f"{LOGIN}?auth_params=prompt%3Dnone%26max_age%3D99&scope=admin"
        query = parse_qs(urlsplit(Client().get(address).url).query)
        assert "prompt" not in query and "max_age" not in query and "admin" not in query["scope"][0]


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
