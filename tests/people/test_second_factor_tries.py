"""Wrong tries at the second factor are counted for the account, wherever they come from; nobody who has not
got its password uses them up."""

import itertools
import json
import time

import pytest
from allauth.account.internal.userkit import user_id_to_str
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core import mail
from django.core.cache import cache
from django.test import Client
from fido2.utils import websafe_encode

from people.audit import Act, AuditEntry
from tests import factories

pytestmark = [pytest.mark.any_database, pytest.mark.long]

PASSWORD = "a long password of mona"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECOND_STEP, CONFIRMED_BY_CODE = "/accounts/2fa/authenticate/", "/accounts/2fa/reauthenticate/"
addresses = (f"198.51.100.{number}" for number in itertools.count(1))


@pytest.fixture
def person(manager, settings):
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    factories.give_address(manager, "mona@example.com")
    TOTP.activate(manager, SECRET)
    return manager


@pytest.fixture
def codes(person) -> list[str]:
    return RecoveryCodes.activate(person).generate_codes()


def code_now(shift: int = 0) -> str:
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30 + shift))


def wrong_code() -> str:
    right = {code_now(shift) for shift in range(-3, 4)}
    return next(code for code in map("{:06}".format, range(99)) if code not in right)


def credential(person) -> str:
    """A passkey's answer, well formed, of a key that nobody has."""
    said = {
        "id": "AAAA",
        "rawId": "AAAA",
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "authenticatorData": websafe_encode(b"\0" * 37),
            "clientDataJSON": websafe_encode(
                json.dumps(
                    {"type": "webauthn.get", "challenge": "AAAA", "origin": "http://testserver"}
                ).encode()
            ),
            "signature": "AAAA",
            "userHandle": websafe_encode(user_id_to_str(person).encode()),
        },
    }
    return json.dumps(said)


def signed_in_with(**typed) -> bool:
    """From an address of its own, by a login of its own."""
    visitor, address = Client(REMOTE_ADDR=next(addresses)), {"login": "mona", "password": PASSWORD}
    visitor.post("/accounts/login/", address)
    answer = visitor.post(SECOND_STEP, typed)
    return answer.status_code == 302 and answer.url == "/runs/"


def wrong_tries(person) -> list[dict]:
    return [{"code": wrong_code()}, {"code": "abcd-efgh"}, {"credential": credential(person)}]


@pytest.mark.parametrize("kind", range(3), ids=["app", "recovery code", "passkey"])
def test_after_five_wrong_tries_from_five_addresses_the_right_one_is_not_looked_at(person, codes, kind):
    for _ in range(5):
        assert not signed_in_with(**wrong_tries(person)[kind])
    assert not signed_in_with(code=code_now()) and not signed_in_with(code=codes[0])
    assert [sent.to for sent in mail.outbox if sent.subject == "Wrong codes for your account"] == [
        ["mona@example.com"]
    ]
    cache.clear()  # as after five minutes
    assert signed_in_with(code=code_now())


def of_another_form(person) -> list[str]:
    """What no passkey says."""
    good = json.loads(credential(person))
    parts = set(good["response"])
    texts = ["{}", "[]", "null", "x", "1", '{"id":1}', "[" * 3000]
    for name in (*good, *parts):
        for odd in (None, 1, [], {}, "é", "\ud800", "!!!", "AAA", ""):
            changed = json.loads(credential(person))
            (changed["response"] if name in parts else changed)[name] = odd
            texts.append(json.dumps(changed))
    return texts


@pytest.mark.parametrize(
    "path",
    ["/accounts/2fa/webauthn/login/", SECOND_STEP, "/accounts/2fa/webauthn/add/"],
    ids=lambda path: path,
)
def test_a_passkeys_answer_of_another_form_is_a_wrong_one(person, path):
    visitor = Client()
    if path == SECOND_STEP:
        visitor.post("/accounts/login/", {"login": "mona", "password": PASSWORD})
    elif path.endswith("add/"):
        factories.sign_in(visitor, person)
    for said in of_another_form(person):
        cache.clear()
        visitor.get(path, headers={"X-Requested-With": "XMLHttpRequest"})
        answer = visitor.post(path, {"credential": said, "name": "Key"})
        where = (302, "/accounts/login/") if "login" in path else (200, "")
        assert (answer.status_code, answer.headers.get("Location", "")) == where, said


def test_kinds_of_wrong_tries_count_together(person, codes):
    for typed in [*wrong_tries(person), *wrong_tries(person)][:5]:
        signed_in_with(**typed)
    assert not signed_in_with(code=codes[0])


def test_right_ones_do_not_count(person, codes):
    for code in codes[:7]:
        assert signed_in_with(code=code)
    for _ in range(4):
        signed_in_with(code=wrong_code())
    assert signed_in_with(code=codes[7]) and mail.outbox == []


def test_right_ones_of_its_owner_give_nobody_more_tries(person, codes):
    for code in codes[:4]:
        signed_in_with(code=wrong_code())
        assert signed_in_with(code=code)
    signed_in_with(code=wrong_code())
    assert not signed_in_with(code=codes[5])


def test_a_day_has_twenty_wrong_ones(person, codes, monkeypatch):
    now = time.time()
    for number in range(20):
        monkeypatch.setattr(time, "time", lambda at=now + 400 * number: at)
        assert not signed_in_with(code="aaaa-bbbb")
    monkeypatch.setattr(time, "time", lambda: now + 400 * 20)
    assert not signed_in_with(code=codes[0])
    monkeypatch.setattr(time, "time", lambda: now + 400 * 20 + 86400)
    assert signed_in_with(code=codes[0])


def test_a_stranger_uses_none_of_them_up(person, codes):
    """Not by wrong passwords, nor by passkeys that name the account: whose it is anybody can say."""
    for _ in range(12):
        stranger = Client(REMOTE_ADDR=next(addresses))
        stranger.post("/accounts/login/", {"login": "mona", "password": "wrong"})
        stranger.post(SECOND_STEP, {"code": wrong_code()})
        stranger.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"})
        stranger.post("/accounts/2fa/webauthn/login/", {"credential": credential(person)})
    assert signed_in_with(code=code_now()) and mail.outbox == []


def test_a_borrowed_login_guesses_no_code_and_keeps_its_owner_from_nothing(client, person, codes):
    factories.sign_in(client, person, seconds_ago=301)
    for _ in range(5):
        client.post(CONFIRMED_BY_CODE, {"code": wrong_code()})
    client.post(CONFIRMED_BY_CODE, {"code": codes[0], "next": "/team/key/"})
    assert client.get("/accounts/email/").status_code == 302
    assert len(mail.outbox) == 1 and signed_in_with(code=codes[0])


@pytest.mark.parametrize("kind", range(3), ids=["app", "recovery code", "passkey"])
def test_every_wrong_try_is_noted(person, codes, kind):
    signed_in_with(**wrong_tries(person)[kind])
    assert AuditEntry.objects.get(act=Act.SIGN_IN_FAILED).after == {"with": "second factor"}
