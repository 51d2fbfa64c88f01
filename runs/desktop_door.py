"""Who may open a run's desktop, and by which token our own viewer proves it. No HTML, no sockets."""

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing

from people.models import membership_of
from runs.desktop import Desktop, Refused, check_address
from runs.models import Run
from runs.sealed import Unreadable

TOKEN_SALT = "desktop"  # noqa: S105 -- a name, not a secret
TOKEN_S = 600


def may_open(user, run: Run) -> bool:
    """Operators and managers of the run's workspace: a desktop's address allows control."""
    membership = membership_of(user, run.workspace_id)
    return bool(membership and membership.can_operate)


def checked_desktop(run: Run, *, own_origins: Iterable[str] = ()) -> Desktop:
    """The address as it is allowed now: the rules, or our own name, may have changed since it was stored.
    Raises Refused, also when the address cannot be read any more."""
    try:
        url = run.desktop_url
    except Unreadable:
        raise Refused("it was sealed with a key that is gone") from None
    local = run.workspace.giga_account.is_local
    return check_address(url, own_origins=[*settings.SITE_ORIGINS, *own_origins], allow_loopback=local)


def token_for(user, run: Run) -> str:
    """What the viewer in its frame, which has no cookies, shows instead of a login; good for ten minutes."""
    return signing.dumps({"run": run.pk, "user": user.pk}, salt=TOKEN_SALT)


def stream_of(token: str) -> str | None:
    """The address of the bare stream this token opens, if its person may still open it."""
    try:
        ids = signing.loads(token, salt=TOKEN_SALT, max_age=TOKEN_S)
        user = get_user_model().objects.get(pk=ids["user"], is_active=True)
        run = Run.objects.visible_to(user).select_related("workspace__giga_account").get(pk=ids["run"])
        if not run.has_desktop or not may_open(user, run):
            return None
        desktop = checked_desktop(run)
    except (signing.BadSignature, get_user_model().DoesNotExist, Run.DoesNotExist, Refused):
        return None
    return desktop.url if desktop.kind == "stream" else None
