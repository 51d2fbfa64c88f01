"""How times, durations and icons are written in templates. No queries."""

from datetime import date, datetime
from functools import cache, lru_cache

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from people.reading import wants_exact_times
from people.texts import shortened
from runs import sayings

register = template.Library()
register.filter(shortened)


@register.filter
def duration(seconds) -> str:
    """`0:04`, `12:51`, `1:46:09`; a dash for None."""
    if seconds is None:
        return "–"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@register.filter
def about(seconds) -> str:
    """`~3 min`, `~1 h`, `~2 h 5 min`: an estimate, and said to be one. Empty for None."""
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    words = ([f"{hours} h"] if hours else []) + ([f"{minutes} min"] if minutes or not hours else [])
    return "~" + " ".join(words)


@register.filter
def clock(at: datetime | None) -> str:
    """The time of day, `10:46:09`, in the reader's zone, with its day when that is not today; a dash for
    None."""
    return sayings.clock(at, "%H:%M:%S") if at else "–"


@register.filter
def hour(at: datetime) -> str:
    """As `clock`, without seconds."""
    return sayings.clock(at)


@register.filter
def time_of_day(at: datetime) -> str:
    """`10:46:09`, in the reader's zone, where the day stands above."""
    return timezone.localtime(at).strftime("%H:%M:%S")


@register.simple_tag
def moment(at: datetime):
    """A <time> with the time of day, exact on hover, where the day stands above."""
    return _moment(at, timezone.get_current_timezone_name(), get_language())


@lru_cache(4096)
def _moment(at: datetime, zone: str, language: str):
    """Kept: a history is drawn again with every push, and a long one has many."""
    how = '<time datetime="{}" title="{}">{}</time>'
    return format_html(how, at.isoformat(), exactly(at), time_of_day(at))


@register.filter
def day(at: datetime) -> date:
    """The day in the reader's zone."""
    return timezone.localtime(at).date()


@register.filter
def is_today(day: date) -> bool:
    """Whether it is that day now, in the reader's zone."""
    return day == timezone.localdate()


@register.filter
def exactly(at: datetime) -> str:
    """Day, time and zone of the reader: `Tue 24 Nov 2026 10:42:07 CET`, `Di 24.11.2026 10:42:07 CET`."""
    return _exactly(at, timezone.get_current_timezone_name(), get_language())


@lru_cache(4096)
def _exactly(at: datetime, zone: str, language: str) -> str:
    """Kept: what is drawn again with every push shows the same times, and a long history many of them."""
    local = timezone.localtime(at)
    return f"{date_format(local, 'DATETIME_FORMAT')} {local.tzname()}"


@register.simple_tag
def when(at: datetime | None):
    """A <time> that says how long ago, exact on hover; the script keeps it current. For those who want exact
    times, the day and the time of day. A dash for None."""
    if at is None:
        return "–"
    how = (
        '<time datetime="{}" title="{}">{}</time>'
        if wants_exact_times()
        else '<time datetime="{}" title="{}" data-relative>{}</time>'
    )
    text = day_and_time(at) if wants_exact_times() else ago(at)
    return format_html(how, at.isoformat(), exactly(at), text)


@register.filter(name="ago_words")
def ago(at: datetime) -> str:
    """`now`, `5 min ago`, `3 h ago`, then the day. The same words as the script's."""
    minutes = int((timezone.now() - at).total_seconds() // 60)
    if minutes < 1:
        return _("now")
    if minutes < 60:
        return _("%s min ago") % minutes
    if minutes < 24 * 60:
        return _("%s h ago") % (minutes // 60)
    return day_and_time(at)


@register.filter
def day_and_time(at: datetime) -> str:
    """`24 Nov 17:35`, `24. Nov. 17:35`, of another year `24 Nov 2025`: in the reader's zone and words."""
    local = timezone.localtime(at)
    is_of_this_year = local.year == timezone.localdate().year
    return date_format(local, "SHORT_DATETIME_FORMAT" if is_of_this_year else "SHORT_DATE_FORMAT")


@register.simple_tag
@cache
def icon(name: str, css_class: str = ""):
    """An icon of the sprite, for the eye only: the word stands beside it. Kept: a page shows the same few
    hundreds of times."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css_class,
        static("icons.svg"),
        name,
    )
