"""Names for queries: which sessions and runs. Every list starts with `visible_to`."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from people.models import Workspace
from runs import search
from runs.status import ACTIVE, READABLE, Status

# A text of at least so many characters may be the beginning of an id.
SHORTEST_ID = 6
MOST_OF_AN_ID = 1000

# Groups of the runs list; `list_group` is kept by the database, so that each is read from an index.
RUN_GROUPS = {
    "active": Q(list_group="active"),
    "needs_you": Q(needs_at__isnull=False, taken_at__isnull=True),
    "unknown": Q(status=Status.UNKNOWN),
    "failed": Q(list_group="failed"),
    "to_judge": Q(list_group="to_judge"),
}
# So long a run is read more often after its page was open.
WATCHED_FOR = timedelta(seconds=60)
# How many days before today a list begins.
DAYS = {"today": 0, "7d": 6, "30d": 29}

ACCOUNT_FOR_SCHEDULE = (
    "workspace",
    "api_url",
    "sealed_api_key",
    "not_before",
    "paused_at",
    "answered_at",
    "outages",
    "broken_since",
    "probe_after",
)


class AgentSessionQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def matching(self, text: str, **facts):
        """Sessions with a run that matches, see there."""
        if not text:
            return self
        runs = self.model.runs.rel.related_model.objects.all()
        if "workspace" in facts:
            runs = runs.in_workspace(facts["workspace"])
        runs = runs.matching(text, **facts)
        some = set(runs.values_list("agent_session", flat=True)[: MOST_OF_AN_ID + 1])
        if len(some) <= MOST_OF_AN_ID:
            return self.filter(pk__in=some)
        # So common that the newest sessions are soon found by looking at one after the other.
        return self.filter(Exists(runs.filter(agent_session=OuterRef("pk"))))


class RunQuerySet(models.QuerySet):
    # What these runs are read newest first by, without sorting them.
    newest_by = "pk"

    def _clone(self):
        runs = super()._clone()
        runs.newest_by = self.newest_by
        return runs

    def visible_to(self, user):
        """The runs this person may see: those of their workspaces."""
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def for_display(self):
        return self.select_related("agent_session", "created_by", "workspace")

    def for_list(self):
        """With what a row shows, its tags as the list `shown_tags`, and nothing large that it does not."""
        unread = ("raw_answer", "sealed_public_token", "agent_session__thread")
        made = self.model.extensions.rel.related_model.objects.filter(run=OuterRef("pk")).order_by()
        return (
            self.select_related("agent_session", "created_by")
            .defer(*unread)
            .prefetch_related(Prefetch("tags", to_attr="shown_tags"))
            .annotate(
                extensions_made=Coalesce(
                    Subquery(made.values("run").annotate(count=Count("pk")).values("count")), 0
                ),
                is_extending=Exists(made.filter(outcome__in=["asked", "sending"])),
            )
        )

    def active(self):
        return self.filter(status__in=ACTIVE)

    def in_group(self, group: str):
        """One of the list's groups: a name of `RUN_GROUPS`, or a single status."""
        if group in RUN_GROUPS:
            return self.filter(RUN_GROUPS[group])
        return self.filter(status=group) if group in Status.values else self

    def in_workspace(self, workspace):
        """Those of one workspace: lists are read from an index that begins with it."""
        return self.filter(workspace=workspace)

    def matching(self, text: str, **facts):
        """Runs that have all these words in a prompt, a note or a tag, and these facts (`search.fact`); or
        whose id, or that of their session or deployment, begins with the text. Looks at these runs alone:
        ids of others must not change what is found. Read them newest first by `newest_by`."""
        if text and (ids := self._of_id(text.strip())):
            return self.filter(pk__in=ids)
        if text and not search.words_of(text):
            return self.none()
        if not text and not facts:
            return self
        runs = self.filter(**{f"{search.path()}__words__has": search.wanted(text, facts)})
        runs.newest_by = search.newest_by()
        return runs

    def _of_id(self, text: str) -> list[int]:
        """Those of these runs with an id that is this text, or begins with it when it is long enough to mean
        one."""
        is_beginning = len(text) >= SHORTEST_ID and any(sign.isdigit() for sign in text)
        found: list[int] = []
        for name in ("remote_id", "agent_session__thread_id", "agent_session__deployment_id"):
            # A range, not LIKE: that is what an index can be asked for, and no sign means more than itself.
            one = {f"{name}__gte": text, f"{name}__lt": text + "\U0010ffff"} if is_beginning else {name: text}
            found += self.filter(**one).order_by().values_list("pk", flat=True)[:MOST_OF_AN_ID]
        return found

    def to_launch(self, now: datetime):
        """Accepted runs whose turn has come and which nobody is launching."""
        return self.filter(_unclaimed(now), status=Status.QUEUED, due_at__lte=now).order_by("due_at")

    def watched(self):
        """All runs that reading goes on for: started ones, and those whose start was sent and whose answer
        was lost."""
        return self.filter(status__in=[*READABLE, Status.UNKNOWN])

    def somebody_watches(self) -> None:
        """Their page is open: they are read more often for the next minute. Writes at most every 30 s."""
        now = timezone.now()
        stale = Q(watched_until=None) | Q(watched_until__lt=now + WATCHED_FOR / 2)
        self.watched().filter(stale).update(watched_until=now + WATCHED_FOR)

    somebody_watches.alters_data = True

    def for_schedule(self):
        """As much of each run as it takes to say when it is read next, to read it, and to tell whether the
        answer is news; no texts."""
        own = (
            "status",
            "due_at",
            "queued_at",
            "sent_at",
            "accepted_at",
            "started_at",
            "desktop_at",
            "watched_until",
            "extended_minutes",
            "remote_id",
            "remote_word",
            "sandbox_id",
            "sandbox_status",
            "sealed_desktop_url",
            "desktop_kind",
            "desktop_problem",
            "failed_reads",
            "gone_reads",
        )
        return self.select_related("agent_session", "workspace__giga_account").only(
            *own,
            "workspace__id",
            "agent_session__duration_hours",
            "agent_session__thread_id",
            *(f"workspace__giga_account__{name}" for name in ACCOUNT_FOR_SCHEDULE),
        )

    def waiting_for_computer(self, workspace_id: int):
        """The workspace's launches that queue for a free computer, the first in line first."""
        return self.filter(workspace=workspace_id, status=Status.QUEUED, waits_for_computer=True).order_by(
            "pk"
        )

    def in_line_before(self, run):
        """The workspace's launches that were accepted earlier, are in nobody's hands and want to go on within
        a minute."""
        now = timezone.now()
        earlier = self.filter(_unclaimed(now), workspace=run.workspace_id, pk__lt=run.pk)
        soon = now + timedelta(seconds=60)
        return earlier.filter(status=Status.QUEUED, waits_for_computer=False, due_at__lte=soon)

    def stuck_sending(self, now: datetime):
        """Runs whose start was in the hands of a process that did not come back."""
        return self.filter(status=Status.SENDING, claimed_until__lte=now)


def _unclaimed(now: datetime) -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lte=now)
