"""What the runs list shows for a set of filters: rows, cursor and counts. Shared by the page and its
socket."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from runs.models import Run
from runs.querysets import RUN_GROUPS

PAGE_SIZE = 50
# A page on which more was loaded gets all of that again, up to this many rows.
MOST_ROWS = 500


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


def page_of(user, filters: dict, *, down_to: int | None = None) -> tuple[list[Run], int | None]:
    """One page of runs and the cursor of the next, None on the last. The page is longer when it takes more
    rows to reach down to a certain run."""
    runs = filtered(user, filters)
    if "before" in filters:
        runs = runs.filter(pk__lt=filters["before"])
    size = PAGE_SIZE
    if down_to is not None:
        size = min(max(size, runs.filter(pk__gte=down_to).count()), MOST_ROWS)
    rows = list(runs[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    return rows, rows[-1].pk if more else None


def active_count(user) -> int:
    """How many of the runs this person sees are active."""
    return Run.objects.visible_to(user).active().count()


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
