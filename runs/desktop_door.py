"""Who may open a run's desktop, and by which token our own viewer proves it. No HTML, no sockets."""

from collections.abc import Iterable

from django.conf import settings
from django.core import signing

from outbound.addresses import Refused
from people.models import membership_of
from people.permissions import OPERATE, allows
from people.sessions import person_signed_in
from runs.desktop import Desktop, check_address
from runs.models import Run
from runs.sealed import Unreadable, seal, unseal

TOKEN_SALT = "desktop"  # noqa: S105 -- a name, not a secret
TOKEN_S = 600


def checked_desktop(run: Run, *, own_origins: Iterable[str] = ()) -> Desktop:
    """The address as it is allowed now: the rules, or our own name, may have changed since it was stored.
    Raises Refused, also when the address cannot be read any more."""
    try:
        url = run.desktop_url
    except Unreadable:
        raise Refused("it was sealed with a key that is gone") from None
    local = run.workspace.giga_account.is_local
    return check_address(
        url,
        own_origins=[*settings.SITE_ORIGINS, *own_origins],
        networks=settings.DESKTOP_NETWORKS,
        allow_loopback=local,
    )


def token_for(session_key: str, run: Run) -> str:
    """What the viewer in its frame, which has no cookies, shows instead of its login; good for ten minutes,
    and no longer than the login."""
    return signing.dumps({"run": run.pk, "login": seal(session_key, place=_place(run.pk))}, salt=TOKEN_SALT)


def bearer_of(token: str) -> tuple[str, int] | None:
    """Whose login, and for which run, this token is; None when it was never one, or is too old."""
    try:
        said = signing.loads(token, salt=TOKEN_SALT, max_age=TOKEN_S)
        return unseal(said["login"], place=_place(said["run"])), said["run"]
    except (signing.BadSignature, Unreadable):
        return None


def stream_of(session_key: str, run_id: int) -> tuple[int, bool, str] | None:
    """Who this login belongs to, whether the run's Giga is on this machine, and the address of the run's bare
    stream, if they may have it now. A desktop's address allows control: it is for operators and managers."""
    user = person_signed_in(session_key)
    if user is None:
        return None
    run = Run.objects.visible_to(user).select_related("workspace__giga_account").filter(pk=run_id).first()
    if not run or not run.has_desktop or not allows(OPERATE, user, membership_of(user, run.workspace_id)):
        return None
    try:
        desktop = checked_desktop(run)
    except Refused:
        return None
    return (user.pk, run.workspace.giga_account.is_local, desktop.url) if desktop.kind == "stream" else None


def _place(run_id: int) -> str:
    return f"desktop_token:{run_id}:login"
