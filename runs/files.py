"""Files of a session's deployment: what there is, and where one is right now. Asks Giga, keeps nothing for
longer than seconds. Plain functions of models; no requests, no templates."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext as _

from outbound.addresses import Refused
from runs import giga
from runs.desktop import check_address
from runs.giga import Access, GigaError, Outcome, RemoteFile
from runs.models import AgentSession
from runs.sayings import told

Answer = TypeVar("Answer")

TOKEN_SALT = "file"  # noqa: S105 -- a name, not a secret
# Presigned addresses carry their signature, and often a whole session token.
LONGEST_ADDRESS = 8000
# A list that was read so long ago is not asked for again.
FRESH_S = 10


class NotRead(Exception):
    """Giga was not asked, or did not say; the text says why. `is_gone`: it knows no such thing."""

    def __init__(self, message: str, *, is_gone: bool = False):
        super().__init__(message)
        self.is_gone = is_gone


def list_files(agent_session: AgentSession, person_id: int) -> tuple[RemoteFile, ...]:
    """The files of this session's deployment, as of this moment or of a few seconds ago; none when it has no
    deployment. Raises NotRead."""
    deployment_id = agent_session.deployment_id
    if not deployment_id:
        return ()
    key = f"files-of-session:{agent_session.pk}"
    if (found := cache.get(key)) is None:
        call = partial(giga.list_files, deployment_id=deployment_id)
        found = [asdict(file) for file in _ask(agent_session, call, person_id)]
        cache.set(key, found, timeout=FRESH_S)
    return tuple(RemoteFile(**file) for file in found)


def token_of(agent_session: AgentSession, file: RemoteFile) -> str:
    """Stands for this file in our own address: only what was listed for a session is fetched by its page."""
    return signing.dumps([agent_session.pk, file.file_id], salt=TOKEN_SALT)


def file_id_of(agent_session: AgentSession, token: str) -> str:
    """Giga's id of the file behind the token. Raises NotRead."""
    try:
        session_id, file_id = signing.loads(token, salt=TOKEN_SALT)
    except (signing.BadSignature, ValueError):
        session_id, file_id = None, ""
    if session_id != agent_session.pk:
        raise NotRead(_("This session has no such file."), is_gone=True)
    return file_id


def address_of(agent_session: AgentSession, token: str, person_id: int) -> str:
    """Where the file behind the token is for a short time, asked for anew. Raises NotRead."""
    file_id = file_id_of(agent_session, token)
    url = _ask(agent_session, partial(giga.get_download_url, file_id=file_id), person_id)
    try:
        place = check_address(
            url,
            own_origins=settings.SITE_ORIGINS,
            networks=settings.DESKTOP_NETWORKS,
            allow_loopback=agent_session.workspace.giga_account.is_local,
            longest=LONGEST_ADDRESS,
        )
    except Refused as reason:
        raise NotRead(_("Giga's address for this file is not followed: %s.") % reason) from None
    if place.kind != "page":
        raise NotRead(_("Giga's address for this file is not one of the web."))
    return place.url


def _ask(agent_session: AgentSession, call: Callable[[Access], Answer], person_id: int) -> Answer:
    """One question to the Giga this session belongs to, out of what is free for people."""
    account = getattr(agent_session.workspace, "giga_account", None)
    if account is None or agent_session.is_simulated != account.is_simulated:
        raise NotRead(_("This session belongs to another Giga than the one connected now."))
    if why_not := account.take_or_why_not(person_id):
        raise NotRead(told(why_not))
    try:
        answer = call(account.access)
    except GigaError as error:
        account.note(error)
        request = f" ({error.request_id})" if error.request_id else ""
        raise NotRead(f"{told(error.message)}{request}", is_gone=error.outcome == Outcome.GONE) from None
    account.answered(timezone.now())
    return answer
