"""What the runs list shows for a set of filters: rows, cursor and counts. Shared by the page and its
socket."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from runs.models import RUN_GROUPS, Run

PAGE_SIZE = 50


@dataclass(frozen=True)
class Chip:
    """A group to filter by, with its count. `query` is the address of the list filtered so."""

    key: str
    label: str
    count: int
    is_current: bool
    query: str


def filtered(user, filters: dict):
    """The runs this person sees under these filters, newest first."""
    runs = Run.objects.visible_to(user).for_display().order_by("-id")
    runs = runs.in_group(filters.get("status", "")).matching(filters.get("q", ""))
    if "who" in filters:
        runs = runs.filter(created_by=filters["who"])
    return runs


def page_of(user, filters: dict) -> tuple[list[Run], int | None]:
    """One page of runs and the cursor of the next, None on the last."""
    runs = filtered(user, filters)
    if "before" in filters:
        runs = runs.filter(pk__lt=filters["before"])
    rows = list(runs[: PAGE_SIZE + 1])
    more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    return rows, rows[-1].pk if more else None


def chips_of(user, filters: dict) -> list[Chip]:
    """The groups with their counts, over everything this person sees."""
    counts = Run.objects.visible_to(user).aggregate(
        all=Count("pk"), **{key: Count("pk", filter=Q(query)) for key, query in RUN_GROUPS.items()}
    )
    labels = {
        "": _("All"),
        "active": _("Active"),
        "unknown": _("Unknown"),
        "failed": _("Failed"),
        "ended": _("Ended"),
    }
    others = {key: value for key, value in filters.items() if key not in ("status", "before")}
    current = filters.get("status", "")
    return [
        Chip(
            key=key or "all",
            label=label,
            count=counts[key or "all"],
            is_current=key == current,
            query="?" + urlencode({**({"status": key} if key else {}), **others}),
        )
        for key, label in labels.items()
    ]
