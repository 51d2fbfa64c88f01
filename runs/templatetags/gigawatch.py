"""How times, durations and icons are written in templates. No queries."""

from datetime import datetime

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html

register = template.Library()


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
    """The time of day, `10:46:09`, in the reader's zone; a dash for None."""
    return timezone.localtime(at).strftime("%H:%M:%S") if at else "–"


@register.simple_tag
def when(at: datetime | None):
    """A <time> that says how long ago, exact on hover; the script keeps it current. A dash for None."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        at.isoformat(),
        local.strftime("%a %d %b %Y %H:%M:%S %Z"),
        ago(at),
    )


def ago(at: datetime) -> str:
    """`now`, `5 min ago`, `3 h ago`, then the day. The same words as the script's."""
    minutes = int((timezone.now() - at).total_seconds() // 60)
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 24 * 60:
        return f"{minutes // 60} h ago"
    return timezone.localtime(at).strftime("%d %b %H:%M")


@register.simple_tag
def icon(name: str, css_class: str = ""):
    """An icon of the sprite, for the eye only: the word stands beside it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css_class,
        static("icons.svg"),
        name,
    )
