"""In which language and time zone a person reads, for pages and for what is pushed to them."""

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from zoneinfo import available_timezones

from django.utils import timezone, translation
from django.utils.translation.trans_real import parse_accept_lang_header

# The cookie in which the browser says its time zone (first.js).
ZONE_COOKIE = "gigawatch-zone"
_exact_times = ContextVar("exact_times", default=False)


@contextmanager
def reading_as(user, accept_language: str = "", browser_zone: str = ""):
    """Whatever is rendered inside speaks this person's language and tells the time of their zone, as they
    like it. Who chose none reads those of their browser, as it says in `accept_language` and in the cookie;
    what nobody said is the instance's."""
    chosen = getattr(user, "preferences", None)
    language = (chosen and chosen.language) or language_of(accept_language) or translation.get_language()
    zone = (chosen and chosen.time_zone) or known_zone(browser_zone) or timezone.get_current_timezone_name()
    before = _exact_times.set(bool(chosen and chosen.remembered.get("exact_times")))
    try:
        with translation.override(language), timezone.override(zone):
            yield
    finally:
        _exact_times.reset(before)


def way_of_reading() -> tuple:
    """All that makes one person's page differ from another's of the same role: equal for those who read the
    same texts and times."""
    return translation.get_language(), timezone.get_current_timezone_name(), wants_exact_times()


def wants_exact_times() -> bool:
    """Whether who reads wants `24 Nov 17:35` where others read `5 min ago`."""
    return _exact_times.get()


def known_zone(name: str) -> str:
    """The zone of this name; "" for what is none."""
    return name if name in all_zones() else ""


@cache
def all_zones() -> frozenset[str]:
    """To find them opens six hundred files."""
    return frozenset(available_timezones())


def language_of(accept_language: str) -> str | None:
    """The first of a browser's languages that is spoken here; None without one."""
    for code, _quality in parse_accept_lang_header(accept_language[:500]):
        if code == "*":
            return None
        try:
            return translation.get_supported_language_variant(code)
        except LookupError:
            continue
    return None
