"""What an instance needs before it can serve: its folder for itself, a workspace, an administrator, a
connected Giga. No HTTP."""

import fcntl
import re
import secrets
import string

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from people.models import Membership, Workspace
from runs.models import GigaAccount, Run
from runs.status import Status

DEFAULT_WORKSPACE = "Home"
# Giga's pages on API keys.
KEY_PATTERN = re.compile(r"giga_sk_[0-9a-f]{32}")
_folder_lock = None


def hold_folder() -> bool:
    """Whether this process has the data folder for itself, from now on and as long as it lives."""
    global _folder_lock
    if _folder_lock is None:
        lock = open(settings.DATA / "serve.lock", "a")  # noqa: SIM115 -- open as long as the process
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        _folder_lock = lock
    return True


@transaction.atomic
def first_workspace() -> Workspace:
    """The oldest workspace; on the first start it is made."""
    return Workspace.objects.order_by("id").first() or Workspace.objects.create(name=DEFAULT_WORKSPACE)


@transaction.atomic
def first_administrator(workspace: Workspace, *, username: str, password: str, email: str):
    """The first superuser, who manages the first workspace; None when there is one already. Without a
    password the account can be entered by a one-time link only."""
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    user = users.create_superuser(username or "admin", email or "", password or None)
    Membership.objects.create(user=user, workspace=workspace, role=Membership.Role.MANAGER)
    return user


def demo_key() -> str:
    """A key of the documented shape, for the simulator only."""
    return "giga_sk_" + "".join(secrets.choice(string.hexdigits[:16]) for _ in range(32))


def connect_account(workspace, *, api_url: str, api_key: str, is_simulated: bool) -> GigaAccount:
    """Make this the workspace's Giga. Asking begins anew even after a refused key; runs of a simulated Giga
    that is no longer there are closed as lost."""
    account = GigaAccount.objects.filter(workspace=workspace).first() or GigaAccount(workspace=workspace)
    if account.key_set_at and not is_simulated and not account.is_simulated:
        return account  # a manager set its key on its page
    account.api_url, account.api_key, account.is_simulated = api_url, api_key, is_simulated
    account.paused_at, account.paused_reason, account.not_before = None, "", None
    account.save()
    stranded = (
        Run.objects.active().filter(workspace=workspace).exclude(agent_session__is_simulated=is_simulated)
    )
    for run in stranded.exclude(agent_session__thread_id=""):
        why = "It belongs to another Giga than the one connected now."
        run.move_to(Status.LOST, why=why, reason=why)
    return account
