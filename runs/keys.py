"""A workspace's Giga key: how managers set, replace and test it, and the environment at a start. A new key is
tried before it takes the place of one that may be right."""

import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from people.audit import ENVIRONMENT, Act, audit
from people.models import Membership, Workspace
from runs import giga
from runs.accounts import ends_of
from runs.giga import Access, GigaError, Outcome
from runs.models import GigaAccount, Run
from runs.sayings import told
from runs.sealed import Unreadable

REQUESTS_A_MINUTE = 60
# Without a key there is no budget yet that tries could be taken from.
FIRST_KEY_EVERY_S = 2
NOT_ASKED = gettext_noop("Not asked: the requests of this minute are used up. Try again in a moment.")
OF_ANOTHER = gettext_noop(
    "Another workspace uses this key, and Giga counts the requests of both together: each needs its own."
)
ANSWERS_OF_NO_USE = (Outcome.NOT_SENT, Outcome.UNCLEAR)


@dataclass(frozen=True)
class KeyTest:
    """What came of asking Giga with the key, in a sentence, in English. `is_unreachable`: Giga said nothing
    of the key, because it could not be asked or gave no answer."""

    works: bool
    text: str
    is_unreachable: bool = False


class NotReplaced(Exception):
    """The key in use stays; the text says why. `is_unreachable`: the new one may be stored untried."""

    def __init__(self, text: str, *, is_unreachable: bool = False):
        super().__init__(text)
        self.is_unreachable = is_unreachable


def account_of(workspace: Workspace) -> GigaAccount | None:
    return GigaAccount.objects.filter(workspace=workspace).first()


def asks_simulator(account: GigaAccount | None) -> bool:
    """Whether this workspace's Giga is the demo's, or will be: there is nothing to set then."""
    return account.is_simulated if account else settings.IS_DEMO


def replace_key(membership: Membership, api_key: str, *, even_untried: bool = False) -> KeyTest:
    """Try this key, and ask Giga with it from now on. Runs go on being followed; launches that waited for a
    key are due at once. `even_untried`: also when Giga cannot be reached. Raises NotReplaced."""
    account = account_of(membership.workspace)
    if asks_simulator(account):
        raise NotReplaced(_("Not taken. Start Gigawatch with GIGA_API_KEY instead."))
    if _is_of_another(membership.workspace, api_key):
        tried = KeyTest(False, OF_ANOTHER)
    else:
        tried = _try_new(membership.workspace, account, api_key)
    if not tried.works and not (even_untried and tried.is_unreachable):
        audit(membership, Act.KEY_TESTED, after=_noted(api_key, tried))
        raise NotReplaced(_why_not(tried), is_unreachable=tried.is_unreachable)
    _store(membership, account, api_key, tried)
    return tried


def _why_not(tried: KeyTest) -> str:
    said = told(tried.text).rstrip(".")
    if tried.is_unreachable:
        return _("It could not be tried. %(problem)s.") % {"problem": said}
    return _("Not taken. %(problem)s.") % {"problem": said}


@transaction.atomic
def _store(membership: Membership, account: GigaAccount | None, key: str, tried: KeyTest) -> None:
    """Raises NotReplaced when somebody else replaced the key meanwhile."""
    workspace, by = membership.workspace, membership.user
    if account is None:
        is_stored = GigaAccount.objects.add(
            workspace, api_url=settings.GIGA_API_URL, api_key=key, is_simulated=False, by=by
        )
        before = {}
    else:
        before = {"key": ends_of(account.readable_key)}
        is_stored = account.set_key(key, by=by)
    if not is_stored:
        if _has_key(account_of(workspace), key):
            return  # the same press, twice
        raise NotReplaced(_("Somebody else replaced the key meanwhile. Look at it, then do it again."))
    _wake_launches(workspace)
    after = {"key": ends_of(key)} if tried.works else _noted(key, tried)
    audit(membership, Act.KEY_REPLACED, before=before, after=after)


def _is_of_another(workspace: Workspace, key: str) -> bool:
    """Whether another workspace asks Giga with this key: each keeps to Giga's limit by itself, and together
    they would go over it."""
    others = GigaAccount.objects.exclude(workspace=workspace).iterator()
    return any(_has_key(account, key) for account in others)


def _wake_launches(workspace: Workspace) -> None:
    waiting = Run.objects.filter(workspace=workspace, status="queued", waits_for_computer=False)
    waiting.filter(claimed_until=None).update(due_at=timezone.now())


def _has_key(account: GigaAccount | None, key: str) -> bool:
    return account is not None and account.readable_key == key


def _try_new(workspace: Workspace, account: GigaAccount | None, key: str) -> KeyTest:
    """Ask Giga with a key that is not in use yet, within the budget of the one that is. What it says of a new
    key says nothing of the old one."""
    if account is None:
        if not cache.add(f"first-key-{workspace.pk}", True, FIRST_KEY_EVERY_S):
            return KeyTest(False, NOT_ASKED)
        account = GigaAccount(workspace=workspace, api_url=settings.GIGA_API_URL)
    is_in_use = account.readable_key == key
    if is_in_use and account.not_before and account.not_before > timezone.now():
        return KeyTest(False, account.rate_limit)
    if account.pk and not account.take_for_new_key():
        return KeyTest(False, NOT_ASKED)
    tried, error = _ask(Access(account.api_url, key, client_id=f"gigawatch-{workspace.pk}"))
    if is_in_use and error:
        account.note(error)
    return tried


def why_environment_is_not_used(workspace: Workspace) -> str:
    """At a start: "" when GIGA_API_KEY may become this workspace's key, else why the one in use stays, a
    sentence for the log. Where there is a key to lose the new one is tried first, with one request."""
    account, key = account_of(workspace), settings.GIGA_API_KEY
    old_key = account.readable_key if account and not account.paused_at else ""
    is_in_use = account and (settings.GIGA_API_URL, key) == (account.api_url, old_key)
    if is_in_use or (account and account.key_set_at):
        return ""
    if _is_of_another(workspace, key):
        tried = KeyTest(False, OF_ANOTHER)
    elif old_key:
        tried, _error = _ask(Access(settings.GIGA_API_URL, key, client_id=f"gigawatch-{workspace.pk}"))
    else:
        return ""
    if tried.works:
        return ""
    audit(ENVIRONMENT, Act.KEY_TESTED, workspace=workspace, after=_noted(key, tried))
    stays = f"the key {ends_of(old_key)} stays in use" if old_key else "and no other is in use"
    return f"GIGA_API_KEY ({ends_of(key)}) is not taken, {stays}: {tried.text}"


def _noted(key: str, tried: KeyTest) -> dict[str, str]:
    return {"key": ends_of(key), "result": tried.text}


def try_key(membership: Membership, account: GigaAccount) -> KeyTest:
    """Ask Giga something that changes nothing, within the key's budget."""
    result = _tried(account)
    audit(membership, Act.KEY_TESTED, after={"result": result.text})
    return result


def _tried(account: GigaAccount) -> KeyTest:
    if account.paused_at:
        return KeyTest(False, account.paused_reason)
    if not account.take_for_person():
        return KeyTest(False, NOT_ASKED)
    try:
        access = account.access
    except Unreadable:
        return KeyTest(
            False, gettext_noop("The key cannot be opened with the encryption keys of this start.")
        )
    result, error = _ask(access)
    if error:
        account.note(error)
    else:
        account.answered(timezone.now())
    return result


def _ask(access: Access) -> tuple[KeyTest, GigaError | None]:
    """One request, what came of it, and what went wrong."""
    start = time.monotonic()
    try:
        left = giga.requests_left(access)
    except GigaError as error:
        return KeyTest(False, error.message, is_unreachable=error.outcome in ANSWERS_OF_NO_USE), error
    ms = round(1000 * (time.monotonic() - start))
    if left is None:
        return KeyTest(True, f"Works: Giga answered in {ms} ms."), None
    return KeyTest(True, f"Works: {left} of {REQUESTS_A_MINUTE} requests left, {ms} ms."), None
