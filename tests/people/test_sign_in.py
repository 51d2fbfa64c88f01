"""Signing in: passwords, second factors, tries, devices."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, TOTP, format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import identify_hasher
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from people.audit import Act, AuditEntry
from people.later import later
from people.models import Membership, Workspace, membership_of
from people.sessions import person_signed_in
from people.templatetags.team import device_name
from runs.models import Run
from tests import factories

pytestmark = pytest.mark.any_database

PASSWORD = "a long password of mona"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_now(secret: str = SECRET) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def give_password(client, *, password=PASSWORD, login="mona", **extra):
    return client.post("/accounts/login/", {"login": login, "password": password}, **extra)


def is_in(client) -> bool:
    return client.get("/runs/").status_code == 200


class TestPassword:
    def test_the_right_one_lets_in_and_that_is_noted(self, client, manager, workspace):
        assert give_password(client).url == "/runs/"
        assert is_in(client)
        entry = AuditEntry.objects.get()
        assert (entry.act, entry.actor, entry.workspace_id) == (Act.SIGNED_IN, "mona", workspace.pk)

    def test_it_is_kept_by_argon2(self, manager, settings):
        settings.PASSWORD_HASHERS = [
            f"django.contrib.auth.hashers.{name}" for name in ("Argon2PasswordHasher", "MD5PasswordHasher")
        ]
        assert identify_hasher(manager.password).algorithm == "md5"
        assert manager.check_password(PASSWORD)
        assert identify_hasher(manager.password).algorithm == "argon2"

    def test_a_wrong_one_and_an_unknown_name_are_answered_alike(self, client, manager):
        known = give_password(client, password="wrong").content.decode()
        unknown = give_password(Client(), login="nona", password="wrong").content.decode()
        sentence = "The username and/or password you specified are not correct."
        assert sentence in known and sentence in unknown

    @pytest.fixture
    def hashed(self, monkeypatch):
        """The passwords that got as far as the hash."""
        hashed, check = [], User.check_password
        monkeypatch.setattr(
            User, "check_password", lambda user, password: hashed.append(password) or check(user, password)
        )
        return hashed

    @pytest.mark.parametrize(
        "names",
        [["mona"], ["mona", "MONA", "Mona"], ["mona", "mona@example.com", "MONA@Example.com"], ["nona"]],
    )
    def test_from_one_address_ten_wrong_tries_a_minute_at_one_account_reach_the_hash(
        self, client, manager, hashed, monkeypatch, names
    ):
        """However the account is called, and whether there is one or not."""
        made_up = []
        monkeypatch.setattr(User, "set_password", lambda user, password: made_up.append(password))
        User.objects.filter(pk=manager.pk).update(email="mona@example.com")
        for n in range(15):
            answer = give_password(client, login=names[n % len(names)], password=f"wrong {n}")
        assert len(hashed + made_up) == 10
        assert "Too many failed login attempts" in answer.content.decode()

    @pytest.mark.parametrize("name", ["olga", "nobody", "nobody{}"])
    def test_wrong_tries_shut_out_nobody_else_behind_the_same_address(self, client, manager, operator, name):
        """As where everybody comes by a proxy that nobody told Gigawatch of."""
        for n in range(15):
            give_password(client, login=name.format(n), password=f"wrong {n}")
        assert give_password(Client()).url == "/runs/"

    def test_that_does_not_lock_the_owner_out(self, client, manager):
        for n in range(15):
            give_password(client, password=f"wrong {n}", REMOTE_ADDR="198.51.100.1")
        assert give_password(Client(), REMOTE_ADDR="203.0.113.9").url == "/runs/"

    @pytest.mark.parametrize("header", ["x-forwarded-for", "x-real-ip", "forwarded"])
    def test_a_forged_address_gets_no_further_tries(self, client, manager, hashed, header):
        for n in range(15):
            give_password(client, password=f"wrong {n}", headers={header: f"198.51.100.{n}"})
        assert len(hashed) == 10

    @pytest.mark.parametrize(
        "address, tries",
        [
            ("2001:db8::{:x}", 10),  # one customer's
            ("2001:db8:0:{:x}::1", 15),
            ("::ffff:198.51.100.{}", 15),  # as listening on IPv6 shows those of IPv4
        ],
    )
    def test_addresses_of_one_customer_are_one(self, client, manager, hashed, address, tries):
        for n in range(1, 16):
            give_password(client, password=f"wrong {n}", REMOTE_ADDR=address.format(n))
        assert len(hashed) == tries

    @pytest.mark.django_db(transaction=True)
    def test_a_forgotten_one_is_reset_by_mail_and_other_devices_are_out(self, client, manager, settings):
        settings.ACCOUNT_EMAIL_NOTIFICATIONS = False
        manager.email = "mona@example.com"
        manager.save()
        other = Client()
        give_password(other)
        client.post("/accounts/password/reset/", {"email": "mona@example.com"})
        later(int).result()  # after the mail
        link = next(word for word in mail.outbox[0].body.split() if "/accounts/password/reset/key/" in word)
        path = link.removeprefix(settings.SITE_ORIGINS[0])
        page = client.get(path)
        new = "quite another long password"
        client.post(page.url, {"password1": new, "password2": new})
        assert give_password(Client(), password=new).url == "/runs/"
        assert not is_in(other)
        assert client.get(path).status_code == 200
        assert b"This link is used up" in client.get(path, follow=True).content

    @pytest.mark.django_db(transaction=True)
    def test_the_mail_leads_here_whatever_host_the_request_named(self, client, manager, settings):
        """Another program on this host name, at another port, may have asked."""
        manager.email = "mona@example.com"
        manager.save()
        asked = {"email": "mona@example.com"}
        client.post("/accounts/password/reset/", asked, headers={"host": "testserver:6666"})
        later(int).result()
        sent = mail.outbox[0]
        assert "testserver" not in sent.body + sent.subject
        assert f"{settings.SITE_ORIGINS[0]}/accounts/password/reset/key/" in sent.body

    def test_nobody_signs_up(self, client, db):
        assert b"By invitation only" in client.get("/accounts/signup/").content

    def test_the_admins_own_door_leads_to_the_same_one(self, client, db):
        assert client.get("/admin/login/").url == "/accounts/login/?next=%2Fadmin%2Flogin%2F"


class TestAuthenticatorApp:
    @pytest.fixture(autouse=True)
    def app(self, manager):
        return TOTP.activate(manager, SECRET)

    def test_the_password_alone_does_not_let_in(self, client):
        assert give_password(client).url == "/accounts/2fa/authenticate/"
        assert not is_in(client)

    def test_one_may_turn_back_before_the_code(self, client):
        give_password(client)
        assert client.post("/accounts/logout/", {"next": "/accounts/login/"}).url == "/accounts/login/"
        assert client.get("/accounts/login/").status_code == 200

    def test_a_code_lets_in_once(self, client):
        code = code_now()
        give_password(client)
        assert client.post("/accounts/2fa/authenticate/", {"code": code}).url == "/runs/"
        assert is_in(client)
        again = Client()
        give_password(again)
        assert b"Incorrect code" in again.post("/accounts/2fa/authenticate/", {"code": code}).content
        assert not is_in(again)

    def test_a_code_is_good_once_for_as_long_as_it_is_good(self, client, monkeypatch):
        now = int(time.time()) // 30 * 30 + 1
        monkeypatch.setattr(time, "time", lambda: now)
        code = code_now()
        give_password(client)
        assert client.post("/accounts/2fa/authenticate/", {"code": code}).url == "/runs/"
        now += 31  # it is the one before now, which is still taken
        for wait_s in (0, 27):
            now += wait_s
            again = Client()
            give_password(again)
            assert b"Incorrect code" in again.post("/accounts/2fa/authenticate/", {"code": code}).content
            assert not is_in(again)

    def test_the_code_that_proved_a_new_app_lets_nobody_in(self, client):
        Authenticator.objects.all().delete()
        give_password(client)
        assert client.get("/accounts/2fa/totp/activate/").status_code == 200
        code = code_now(client.session[SECRET_SESSION_KEY])
        client.post("/accounts/2fa/totp/activate/", {"code": code})
        assert Authenticator.objects.filter(type=Authenticator.Type.TOTP).exists()
        again = Client()
        give_password(again)
        assert b"Incorrect code" in again.post("/accounts/2fa/authenticate/", {"code": code}).content
        assert not is_in(again)

    def test_a_wrong_code_lets_nobody_in_and_is_noted(self, client):
        give_password(client)
        wrong = f"{(int(code_now()) + 1) % 10**6:06}"
        client.post("/accounts/2fa/authenticate/", {"code": wrong})
        assert not is_in(client)
        assert AuditEntry.objects.get(act=Act.SIGN_IN_FAILED).after == {"with": "second factor"}

    @pytest.mark.parametrize("code", ["\u0661\u0662\u0663\u0664\u0665\u0666", "a\x00b", "\U0001f680"])
    def test_a_code_in_other_letters_is_refused(self, client, code):
        give_password(client)
        page = client.post("/accounts/2fa/authenticate/", {"code": code})
        assert page.status_code == 200 and b"digits and plain letters only" in page.content
        assert not is_in(client)

    def test_its_secret_is_sealed_in_the_database(self, app):
        assert SECRET not in str(Authenticator.objects.values().get())

    def test_removing_it_takes_the_password_again_and_ends_other_devices(self, client, manager):
        here, there = Client(), Client()
        for device, shift in ((here, 0), (there, 1)):  # each is still good when half a minute ends meanwhile
            give_password(device)
            code = format_hotp_value(hotp_value(SECRET, int(time.time()) // 30 + shift))
            device.post("/accounts/2fa/authenticate/", {"code": code})
        assert is_in(here) and is_in(there)
        here.post("/accounts/2fa/totp/deactivate/")
        assert is_in(here) and not is_in(there)
        assert AuditEntry.objects.filter(act=Act.FACTOR_REMOVED).count() == 1

    def test_an_old_login_cannot_remove_it(self, client, manager):
        factories.sign_in(client, manager, seconds_ago=301)
        answer = client.post("/accounts/2fa/totp/deactivate/")
        assert answer.url.startswith("/accounts/reauthenticate/")
        assert Authenticator.objects.filter(type="totp").exists()

    def test_a_recovery_code_lets_in_once_and_another_one_after_it(self, client, manager):
        codes = RecoveryCodes.activate(manager).generate_codes()
        for code, lets_in in ((codes[0], True), (codes[0], False), (codes[1], True)):
            visitor = Client()
            give_password(visitor)
            visitor.post("/accounts/2fa/authenticate/", {"code": code})
            assert is_in(visitor) == lets_in
        assert not any(code in str(list(Authenticator.objects.values())) for code in codes)


class TestSecondFactorRequired:
    @pytest.fixture(autouse=True)
    def required(self, workspace):
        Workspace.objects.filter(pk=workspace.pk).update(needs_second_factor=True)

    @pytest.fixture
    def client(self, client, operator):
        client.force_login(operator)
        return client

    def test_no_page_but_enrolment_answers(self, client, operator, workspace):
        run = factories.make_run(workspace)
        for path in ("/runs/", f"/runs/{run.pk}/", "/team/", "/sessions/", "/runs/new/", "/workspaces/"):
            assert client.get(path).url == "/accounts/2fa/", path
        page = client.post("/runs/new/", {})
        assert page.status_code == 403 and b"A second factor is needed" in page.content
        assert client.get("/runs/", headers={"hx-request": "true"}).status_code == 403
        assert client.get("/accounts/2fa/").status_code == 200

    def test_the_page_to_bring_one_says_why_one_is_there(self, client, operator):
        sentence = "Acme Ops asks for a second factor"
        assert sentence in client.get("/accounts/2fa/").content.decode()
        TOTP.activate(operator, SECRET)
        assert sentence not in client.get("/accounts/2fa/").content.decode()

    def test_nothing_is_seen_by_any_query_either(self, operator, workspace):
        factories.make_run(workspace)
        assert membership_of(operator) is None
        assert membership_of(operator, workspace.pk) is None
        assert not Run.objects.visible_to(operator).exists()

    def test_with_a_second_factor_all_is_there(self, client, operator, workspace):
        run = factories.make_run(workspace)
        TOTP.activate(operator, SECRET)
        assert client.get("/runs/").status_code == 200
        assert list(Run.objects.visible_to(operator)) == [run]
        assert membership_of(operator).workspace == workspace

    def test_recovery_codes_alone_are_none(self, client, operator):
        RecoveryCodes.activate(operator)
        assert client.get("/runs/").url == "/accounts/2fa/"

    def test_one_may_go_on_in_another_workspace(self, client, operator):
        other = factories.make_workspace("Beta Lab")
        Membership.objects.create(user=operator, workspace=other, role="viewer")
        client.post("/workspaces/switch/", {"workspace": other.pk})
        assert client.get("/runs/").status_code == 200


class TestDevices:
    def test_a_person_sees_their_devices_and_ends_the_others(self, client, manager, operator):
        phone = Client(headers={"user-agent": "A phone"})
        give_password(phone)
        give_password(client)
        page = client.get("/accounts/sessions/")
        assert b"A phone" in page.content
        phones_key = phone.session.session_key
        client.post("/accounts/sessions/")
        assert is_in(client) and not is_in(phone)
        assert person_signed_in(phones_key) is None
        assert UserSession.objects.count() == 1

    @pytest.mark.parametrize(
        "user_agent, name",
        [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1",
                "Safari on iPhone",
            ),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
            ("curl/8", "curl/8"),
            ("", "Unknown browser"),
        ],
    )
    def test_a_device_has_a_name(self, user_agent, name):
        assert device_name(user_agent) == name

    def test_no_session_key_is_on_the_page(self, client, manager):
        give_password(client)
        assert client.session.session_key.encode() not in client.get("/accounts/sessions/").content

    def test_signing_out_is_noted(self, client, manager):
        give_password(client)
        client.post("/accounts/logout/")
        assert AuditEntry.objects.first().act == Act.SIGNED_OUT

    def test_signing_out_is_no_link(self, client, manager):
        give_password(client)
        client.get("/accounts/logout/")
        assert is_in(client)


class TestALoginThatEnded:
    """Whoever signs in again is on the page they were on, and not at an address that only takes forms."""

    @pytest.mark.parametrize(
        "path", ["/runs/7/notes/", "/runs/7/follow-up/", "/runs/7/relaunch/", "/runs/new/", "/runs/bulk/"]
    )
    def test_a_form_leads_back_to_its_page(self, client, db, path):
        page = "/runs/new/?run=5"
        answer = client.post(path, headers={"referer": f"http://testserver{page}"})
        assert answer.url == "/accounts/login/?next=/runs/new/%3Frun%3D5"

    @pytest.mark.parametrize("referer", ["", "http://evil.example/runs/7/", "//evil.example", "http://["])
    def test_a_form_from_nowhere_leads_to_the_start(self, client, db, referer):
        answer = client.post("/runs/7/notes/", headers={"referer": referer})
        assert answer.url == "/accounts/login/?next=/"

    @pytest.mark.parametrize("door", ["/accounts/login/", "/accounts/logout/", "/admin/login/"])
    @pytest.mark.parametrize(
        "onward",
        [
            "http://[",
            "//[::1",
            "https://]",
            "http://a℀b/",
            "http://127.0.0.1/",
            "http://localhost:1/",
            "//evil",
        ],
    )
    def test_nobody_is_led_to_what_is_no_page_of_ours(self, client, manager, door, onward):
        page = client.get(door, {"next": onward}, follow=True)
        assert page.status_code == 200
        answer = client.post("/accounts/login/", {"login": "mona", "password": PASSWORD, "next": onward})
        assert answer.url == "/runs/"

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_a_part_of_a_page_is_never_filled_with_the_door(self, client, db, method):
        page = "/runs/?status=active"
        htmx = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}
        answer = getattr(client, method)("/runs/7/peek/", headers=htmx)
        assert (answer.status_code, answer.content) == (401, b"")
        assert answer.headers["HX-Redirect"] == "/accounts/login/?next=/runs/%3Fstatus%3Dactive"
