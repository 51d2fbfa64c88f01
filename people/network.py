"""Where a request comes from: the one place that decides who is believed about it. For the scheme, see
SECURE_PROXY_SSL_HEADER; what a proxy says of the host is believed nowhere."""

import ipaddress
import logging
from functools import lru_cache
from zlib import crc32

from django.conf import settings
from django.core.cache import cache

logger = logging.getLogger(__name__)

# By which proxies say the same otherwise.
OTHERS_OF_PROXIES = {"HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP"}
MET_TOGETHER_S = 60
ONE_ADDRESS = "behind a proxy of yours everybody seems to come from its address."


def address_of(request) -> str:
    """The client's network address, as far as it is known: what a client claims in a header counts only
    behind as many proxies as TRUSTED_PROXIES says. "" where there is none, as behind a Unix socket."""
    direct = _plain(request.META.get("REMOTE_ADDR", ""))
    claimed = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if not claimed:
        # What comes over https came by a proxy: nothing here speaks TLS.
        if OTHERS_OF_PROXIES & request.META.keys() or request.is_secure():
            warn_once(
                f"Requests come by a proxy without X-Forwarded-For, and nothing else is read: {ONE_ADDRESS}"
            )
        return direct
    if not settings.TRUSTED_PROXIES:
        warn_once(f"X-Forwarded-For is not believed, as TRUSTED_PROXIES is 0: {ONE_ADDRESS}")
        return direct
    entries = claimed.split(",")
    # Each proxy adds whom it was asked by, so the last ones are theirs. Fewer: one was gone around.
    return _plain(entries[-min(settings.TRUSTED_PROXIES, len(entries))]) or direct


def warn_of_untrusted_proxy() -> None:
    """Say so where a proxy must stand in front, as nothing here speaks TLS, and none is trusted."""
    if settings.SITE_URL.startswith("https://") and not settings.TRUSTED_PROXIES:
        warn_once(
            "SITE_URL is https, so a proxy stands in front, and TRUSTED_PROXIES is 0: everybody seems to "
            "come from its address. Set TRUSTED_PROXIES to the number of proxies that add to X-Forwarded-For."
        )


def _plain(text: str) -> str:
    """An address in its one spelling, without port, brackets and zone; "" for what is none. One of IPv4 that
    is written as IPv6, as listening on both has them, is of IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


@lru_cache
def warn_once(text: str) -> None:
    """Once in a process, and of several that meet it together by one."""
    if cache.add(f"warned-{crc32(text.encode())}", 1, timeout=MET_TOGETHER_S):
        logger.warning(text)
