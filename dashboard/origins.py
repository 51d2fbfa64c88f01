"""Which pages may open a socket: our own, by whatever name and port of ours their browser came."""

import logging

from django.conf import settings
from django.http.request import split_domain_port, validate_host

logger = logging.getLogger(__name__)

# Anybody can say any origin.
MAX_SAID, MAX_SHOWN = 10, 100
_said: set[str] = set()


class OnlyOurPages:
    """Sockets for pages whose origin, with scheme and port, is that of SITE_URL, or that by which this very
    request came: a port may be mapped elsewhere. Names of hosts alone would let in every other program on the
    same host; and one that is none of ours may be that of a page which had its own name lead here."""

    def __init__(self, application, *, or_from=()):
        self.application = application
        self.origins = [*settings.SITE_ORIGINS, *or_from]

    async def __call__(self, scope, receive, send):
        origin, host = _said_once(scope, b"origin"), _said_once(scope, b"host")
        if origin and (origin in self.origins or origin == _own_origin(host)):
            await self.application(scope, receive, send)
        else:
            say_refused(origin, host)
            await send({"type": "websocket.close"})


def _said_once(scope, name: bytes) -> str:
    """What the header of this name says; "" when it is missing, or said twice."""
    said = [value for header, value in scope["headers"] if header == name]
    return said[0].decode("latin-1") if len(said) == 1 else ""


def _own_origin(host: str) -> str | None:
    """Of the page that came by this `Host`, as Django's check of forms has it; None when it is not ours."""
    scheme = settings.SITE_ORIGINS[0].partition("://")[0]
    is_ours = validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)
    return f"{scheme}://{host}" if is_ours else None


def say_refused(origin: str, host: str) -> None:
    """Once for each origin, and with the setting that is the reason if the page was ours after all."""
    if not origin or origin in _said or len(_said) >= MAX_SAID:
        return
    _said.add(origin)
    logger.warning(
        "a page of %.*r was refused, which asked %.*r: people use %s. If they use another address, set "
        "SITE_URL to it, and let the proxy in front hand on Host.",
        MAX_SHOWN,
        origin,
        MAX_SHOWN,
        host,
        settings.SITE_ORIGINS[0],
    )
