"""What an instance needs before it can serve: its folder for itself, a workspace, an administrator, a
connected Giga. No HTTP.

An instance is a demo until it meets a real key, and never again afterwards: what is real costs money and must
not be closed, overwritten or asked of a simulator by a start that lost its variables."""

import fcntl
import re

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext_noop

from people.audit import ENVIRONMENT, Act, audit
from people.models import Membership, Workspace
from runs.accounts import demo_key, ends_of, is_demo_key
from runs.models import AgentSession, GigaAccount, Run
from runs.status import Status

DEFAULT_WORKSPACE = "Home"
# Giga's pages on API keys.
KEY_PATTERN = re.compile(r"giga_sk_[0-9a-f]{32}")
DEMO_IS_OVER = gettext_noop("It was a run of the demo, whose simulated Giga is gone.")
_folder_lock = None


def hold_folder() -> bool:
    """Whether this process has the data folder for itself, from now on and as long as it lives. It is made
    where there is none."""
    global _folder_lock
    if _folder_lock is None:
        settings.DATA_FOLDER.make()
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
    if user.email:  # whoever runs the machine says whose it is
        EmailAddress.objects.create(user=user, email=user.email.lower(), verified=True, primary=True)
    return user


def has_met_giga() -> bool:
    """Whether a real key is kept here, or a session that was made with one."""
    real_sessions = AgentSession.objects.filter(is_simulated=False).exclude(thread_id="")
    return GigaAccount.objects.filter(is_simulated=False).exists() or real_sessions.exists()


def why_no_demo() -> str:
    """Why this cannot be started as a demo, in a line; "" when it can."""
    if not has_met_giga():
        return ""
    where, other = f"the data folder {settings.DATA}", "GIGAWATCH_DATA to another folder"
    if settings.DATABASE_URL:
        where, other = "this database", "DATABASE_URL to another one"
    return f"{where} has been used with a real Giga: set GIGA_API_KEY to go on, or for a demo {other}"


def connect_account(workspace, *, api_url: str, api_key: str, is_simulated: bool) -> GigaAccount:
    """Make this the workspace's Giga, and ask it even after a refused key. A key that a manager set stays,
    and a real one is never replaced by the demo's. With a real one the workspace's demo is over."""
    account = GigaAccount.objects.filter(workspace=workspace).first()
    if account and not account.is_simulated and (is_simulated or account.key_set_at):
        return account
    if not is_simulated:
        close_demo_runs(Run.objects.filter(workspace=workspace))
    new = {"api_url": api_url, "is_simulated": is_simulated}
    old_key = account.readable_key if account else ""
    if account and old_key == api_key and {name: getattr(account, name) for name in new} == new:
        account.resume()
        return account
    with transaction.atomic():
        if account is None:
            before = {}
            is_connected = bool(GigaAccount.objects.add(workspace, api_key=api_key, **new))
        else:
            before = {"key": ends_of(old_key), "Giga": account.api_url}
            is_connected = account.set_key(api_key, **new)
        if is_connected and not is_simulated:
            after = {"key": ends_of(api_key), "Giga": api_url}
            audit(ENVIRONMENT, Act.KEY_REPLACED, workspace=workspace, before=before, after=after)
    return GigaAccount.objects.get(workspace=workspace)


def connect_demo(api_url: str) -> None:
    """Each workspace asks the simulated Giga there, with a key of its own that only this demo takes."""
    for workspace in Workspace.objects.order_by("id"):
        account = GigaAccount.objects.filter(workspace=workspace).first()
        key = account.readable_key if account else ""
        key = key if is_demo_key(key) else demo_key()
        connect_account(workspace, api_url=api_url, api_key=key, is_simulated=True)


def end_demo() -> None:
    """A real key is here. What is left of the demo is closed: other workspaces have no key until a manager
    sets theirs. Nothing of a real run is touched."""
    close_demo_runs(Run.objects)
    GigaAccount.objects.filter(is_simulated=True).delete()


def close_demo_runs(runs) -> None:
    """Those that went on are lost with their simulated Giga; those that still wait would else be launched for
    money."""
    for run in runs.active().filter(agent_session__is_simulated=True).select_related("agent_session"):
        status = Status.NOT_STARTED if run.status == Status.QUEUED else Status.LOST
        run.move_to(status, why=DEMO_IS_OVER, reason=DEMO_IS_OVER)
