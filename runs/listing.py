"""What the runs list shows for a set of filters: rows, cursor and counts. Shared by the page and its
socket. `filters` is what `RunFilterForm` read of an address (`asked`)."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from urllib.parse import urlencode

from django.db.models import F, IntegerField, OuterRef, Q, Subquery, Value, prefetch_related_objects
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from people.models import Membership, Workspace
from runs import search
from runs.history import RunEvent
from runs.models import Run
from runs.querysets import DAYS, RUN_GROUPS
from runs.status import LOOKS, Status

PAGE_SIZE = 50
# A page on which more was loaded gets all of that again, up to this many rows.
MOST_ROWS = 500
# Nobody reads the difference between ten thousand and a million; counting would take longer than the list.
MOST_COUNTED = 10_000
# Ids grow with time, but for runs that were accepted in the same moment.
OUT_OF_ORDER = 1000
GROUP_LABELS: dict[str, str | Promise] = {
    "active": gettext_lazy("Active"),
    "needs_you": gettext_lazy("Needs you"),
    "unknown": gettext_lazy("Unknown"),
    "failed": gettext_lazy("Failed"),
    "to_judge": gettext_lazy("To judge"),
}

# Counted beside every page: what moves, and what waits for a person, because somebody called or nobody
# else can say what became of it.
BESIDE = {
    "active_count": RUN_GROUPS["active"],
    "needs_count": RUN_GROUPS["active"] & (RUN_GROUPS["needs_you"] | RUN_GROUPS["unknown"]),
}


class CappedCount(Subquery):
    """How many rows a sliced queryset has."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) capped)"
    output_field = IntegerField()


@dataclass(frozen=True)
class Chip:
    """A group to filter by, with its count. `query` is the address of the list filtered so."""

    key: str
    label: str
    count: int
    is_current: bool
    query: str

    @property
    def shown(self) -> str:
        return shown_count(self.count)

    @property
    def is_offered(self) -> bool:
        """Nobody needs a chip for "nobody is needed"."""
        return self.key != "needs_you" or self.count > 0 or self.is_current


@dataclass(frozen=True)
class Applied:
    """One filter that is on, in words, and the address of the list without it. `is_group` ones have a
    chip."""

    words: str
    query: str
    is_group: bool = False

    def __str__(self):
        return self.words


def shown_count(count: int) -> str:
    """`412`, or `10,000+` where counting ends."""
    return f"{MOST_COUNTED:,}+" if count > MOST_COUNTED else str(count)


def query_of(filters: dict, **changes) -> str:
    """The address of the list under these filters, from the `?` on; a change to None leaves one out."""
    kept = {**filters, "before": None, **changes}
    return "?" + urlencode({name: value for name, value in kept.items() if value is not None})


def filtered(membership: Membership, filters: dict):
    """The runs of this person's workspace under these filters, newest first."""
    runs = Run.objects.visible_to(membership.user).in_workspace(membership.workspace_id)
    runs = runs.in_group(filters.get("status", ""))
    facts = {name: filters[name] for name in ("template", "tag") if name in filters}
    text, key = filters.get("q", ""), "pk"
    if text or facts:
        if "who" in filters:
            facts["who"] = filters["who"]
        runs = runs.matching(text, workspace=membership.workspace_id, **facts)
        key = runs.newest_by
        if "status" in filters:
            # A word may stand in every run, and the group have few: none older than its oldest is looked at.
            group = Run.objects.in_workspace(membership.workspace_id).in_group(filters["status"])
            oldest = Subquery(group.order_by("pk").values("pk")[:1])
            runs = runs.filter(**{f"{key}__gte": Coalesce(oldest, Value(2**62))})
    if "who" in filters:
        runs = runs.filter(created_by=filters["who"])
    if "template" in filters:
        runs = runs.filter(agent_session__sandbox_template=filters["template"])
    since, until = _times(filters)
    if since:
        runs = runs.filter(**{"queued_at__gte": since, f"{key}__gte": _first_id(membership, since, 1)})
    if until:
        runs = runs.filter(**{"queued_at__lt": until, f"{key}__lte": _first_id(membership, until, -1)})
    if "before" in filters:
        runs = runs.filter(**{f"{key}__lt": filters["before"]})
    return runs.order_by(F(key).desc())


def _times(filters: dict) -> tuple[datetime | None, datetime | None]:
    """From when and until when runs were launched, in the reader's days; None where that is open."""
    today = timezone.localdate()
    since, until = filters.get("since"), filters.get("until")
    if "when" in filters:
        first = today - timedelta(days=DAYS[filters["when"]])
        since = max(since, first) if since else first
    start = timezone.make_aware(datetime.combine(since, time())) if since else None
    end = timezone.make_aware(datetime.combine(until + timedelta(days=1), time())) if until else None
    return start, end


def _first_id(membership: Membership, at: datetime, direction: int):
    """A bound for ids of runs launched after (1) or before (-1) this time: the list is read by its ids."""
    runs = Run.objects.filter(workspace=membership.workspace_id)
    if direction > 0:
        edge = runs.filter(queued_at__gte=at).order_by("queued_at").values("pk")[:1]
        return Coalesce(Subquery(edge), Value(2**62)) - OUT_OF_ORDER
    edge = runs.filter(queued_at__lt=at).order_by("-queued_at").values("pk")[:1]
    return Coalesce(Subquery(edge), Value(0)) + OUT_OF_ORDER


def page_of(membership: Membership, filters: dict, *, down_to: int | None = None):
    """One page of runs and the cursor of the next, None on the last. The page is longer when it takes more
    rows to reach down to a certain run."""
    runs = filtered(membership, filters)
    size = PAGE_SIZE
    if down_to is not None:
        size = min(max(size, runs.filter(pk__gte=down_to)[:MOST_ROWS].count()), MOST_ROWS)
    rows = list(runs.for_list()[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    mark_matches(rows, filters.get("q", ""))
    return rows, rows[-1].pk if more else None


def mark_matches(runs: list[Run], asked: str) -> None:
    """Say in each row where the words asked for stand: in its title, else in a text or note of it."""
    if not asked:
        return
    prefetch_related_objects(runs, "notes")
    for run in runs:
        run.marked_title = search.marked(run.title, asked)
        if not any(is_match for _, is_match in run.marked_title):
            session = run.agent_session
            texts = [session.user_prompt, session.goal_prompt, session.system_prompt, run.message]
            texts += [note.text for note in run.notes.all()]
            run.marked_text = next((found for text in texts if (found := search.excerpt(text, asked))), [])


def count_of(membership: Membership, filters: dict) -> int:
    """How many runs there are under these filters, capped."""
    return capped(filtered(membership, filters))


def capped(runs) -> int:
    """How many these are; counted no further than `MOST_COUNTED` + 1."""
    return runs.order_by()[: MOST_COUNTED + 1].count()


def counts_of(membership: Membership) -> dict[str, int]:
    """How many runs each group has, capped, with the counts beside every page and the id of the newest event
    (`newest_event`): one query."""
    events = RunEvent.objects.filter(workspace=OuterRef("pk")).order_by("-id")
    newest = Coalesce(Subquery(events.values("pk")[:1]), Value(0))
    return _counted(membership, {"all": Q(), **RUN_GROUPS, **BESIDE}, newest_event=newest)


def counts_beside(membership: Membership | None) -> dict[str, int]:
    """`active_count` and `needs_count`: what moves, and what waits for a person. Capped, one query."""
    return _counted(membership, BESIDE) if membership else dict.fromkeys(BESIDE, 0)


def _counted(membership: Membership, queries: dict[str, Q], **more) -> dict[str, int]:
    runs = Run.objects.filter(workspace=OuterRef("pk")).order_by()
    ones = {
        key: CappedCount(runs.filter(query).values("pk")[: MOST_COUNTED + 1])
        for key, query in queries.items()
    }
    mine = Workspace.objects.visible_to(membership.user).filter(pk=membership.workspace_id)
    return mine.values(**ones, **more).first() or dict.fromkeys([*ones, *more], 0)


def chips_of(counts: dict[str, int], filters: dict) -> list[Chip]:
    """The groups with their counts, over everything in the workspace."""
    current = filters.get("status", "")
    return [
        Chip(
            key=key or "all",
            label=str(label),
            count=counts[key or "all"],
            is_current=key == current,
            query=query_of(filters, status=key or None),
        )
        for key, label in {"": gettext_lazy("All"), **GROUP_LABELS}.items()
    ]


def applied_of(filters: dict, *, people, tag_name: str = "") -> list[Applied]:
    """The filters that are on, each with a way out of it."""
    status = filters.get("status")
    known = {person.pk: person.get_full_name() or person.get_username() for person in people}
    words = {
        "status": lambda key: GROUP_LABELS.get(key) or Status(key).label,
        "who": lambda pk: known.get(pk, _("somebody who has left")),
        "template": str,
        "tag": lambda pk: _("tag %(name)s") % {"name": tag_name},
        "when": lambda key: when_words()[key],
        "since": lambda day: _("from %(day)s") % {"day": date_format(day, "SHORT_DATE_FORMAT")},
        "until": lambda day: _("until %(day)s") % {"day": date_format(day, "SHORT_DATE_FORMAT")},
        "q": lambda text: _("“%(text)s”") % {"text": text},
    }
    return [
        Applied(
            str(say(filters[name])),
            query_of(filters, **{name: None}),
            is_group=name == "status" and status in GROUP_LABELS,
        )
        for name, say in words.items()
        if name in filters
    ]


def status_words() -> dict[str, str | Promise]:
    """Groups and single statuses to filter by."""
    single = {
        str(key): f"{look.label}, {look.more}" if look.more else look.label for key, look in LOOKS.items()
    }
    return {**single, **GROUP_LABELS}


def when_words() -> dict[str, str]:
    return {
        "today": _("Today"),
        "7d": ngettext("%(count)d day", "%(count)d days", 7) % {"count": 7},
        "30d": ngettext("%(count)d day", "%(count)d days", 30) % {"count": 30},
    }
