"""What the rows of the runs list are drawn from. No queries."""

from functools import cache, lru_cache

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language

from runs.extending import next_token
from runs.models import Run

register = template.Library()


@register.simple_tag
def row_buttons() -> str:
    """The buttons that every row ends with."""
    return _row_buttons(get_language())


@cache
def _row_buttons(language: str) -> str:
    """Kept: a list shows them once a row."""
    return render_to_string("runs/_row_buttons.html")


@register.filter
@lru_cache(4096)
def address(run_id: int) -> str:
    """The path of a run's page. Kept: to ask for it takes longer than to draw half the row."""
    return reverse("run-detail", args=[run_id])


@register.filter
def extend_token(run: Run):
    """The token of the next +15 min for this run; "" when it has no computer, or one is under way."""
    if not run.can_be_extended or getattr(run, "is_extending", True):
        return ""
    return next_token(run.pk, run.extensions_made)
