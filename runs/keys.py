"""A workspace's Giga key, as managers set, replace and test it."""

import time
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from people.audit import Act, audit
from people.models import Membership
from runs import giga
from runs.giga import GigaError
from runs.models import GigaAccount, Run
from runs.sealed import Unreadable

REQUESTS_A_MINUTE = 60


@dataclass(frozen=True)
class KeyTest:
    """What came of asking Giga with the key, in a sentence, in English."""

    works: bool
    text: str


def ends_of(account: GigaAccount) -> str:
    """The last four characters of the key, to tell one from another; "" when it cannot be read."""
    try:
        return account.api_key[-4:]
    except Unreadable:
        return ""


@transaction.atomic
def replace_key(membership: Membership, key: str) -> GigaAccount:
    """Ask Giga with this key from now on. Runs go on being followed; launches that waited for a key are due
    at once."""
    account = GigaAccount.objects.filter(workspace=membership.workspace).first()
    before = {"key": f"…{ends_of(account)}"} if account else {}
    if account is None:
        account = GigaAccount(workspace=membership.workspace, api_url=settings.GIGA_API_URL)
        if simulated := GigaAccount.objects.filter(is_simulated=True).first() if settings.IS_DEMO else None:
            account.api_url, account.is_simulated = simulated.api_url, True
        account.api_key = key
        account.save()
    account.set_key(key, by=membership.user)
    waiting = Run.objects.filter(workspace=membership.workspace, status="queued", waits_for_computer=False)
    waiting.filter(claimed_until=None).update(due_at=timezone.now())
    audit(membership, Act.KEY_REPLACED, before=before, after={"key": f"…{key[-4:]}"})
    return account


def try_key(membership: Membership, account: GigaAccount) -> KeyTest:
    """Ask Giga something that changes nothing, within the key's budget."""
    result = _tried(account)
    audit(membership, Act.KEY_TESTED, after={"result": result.text})
    return result


def _tried(account: GigaAccount) -> KeyTest:
    if account.paused_at:
        return KeyTest(False, account.paused_reason)
    if not account.take_for_person():
        return KeyTest(
            False, gettext_noop("Not asked: the requests of this minute are used up. Try again in a moment.")
        )
    start = time.monotonic()
    try:
        left = giga.requests_left(account.access)
    except Unreadable:
        return KeyTest(
            False, gettext_noop("The key cannot be opened with the encryption keys of this start.")
        )
    except GigaError as error:
        account.note(error)
        return KeyTest(False, error.message)
    account.answered(timezone.now())
    ms = round(1000 * (time.monotonic() - start))
    if left is None:
        return KeyTest(True, f"Works: Giga answered in {ms} ms.")
    return KeyTest(True, f"Works: {left} of {REQUESTS_A_MINUTE} requests left, {ms} ms.")
