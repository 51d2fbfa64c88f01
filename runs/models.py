"""Sessions, runs and what happened to them; the one door for status. No HTTP, no HttpRequest."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from people.models import Workspace
from runs.accounts import GigaAccount, writes
from runs.broadcast import announce_run
from runs.sealed import seal, unseal
from runs.status import ACTIVE, BAD, FINAL, READABLE, STATUS_OF_WORD, Look, Status, Verdict, look_of

__all__ = ["AgentSession", "GigaAccount", "Run", "RunEvent"]

PROMPT_LENGTH = 20_000
TITLE_LENGTH = 90
# How long a launch may be in the hands of one thread: 5 s to connect, 35 s for the answer, and a margin.
LAUNCH_LEASE_S = 45
LOST_AFTER = timedelta(minutes=30)
FAILED_READS_SHOWN = 2
WATCHED_FOR = timedelta(seconds=60)


class AgentSessionQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def matching(self, text: str):
        """Sessions with this text in a prompt or an id."""
        if not text:
            return self
        return self.filter(_text_query(text, ""))


class AgentSession(models.Model):
    """Giga's session, also called thread: prompts, computer, duration, and the runs made in it."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="agent_sessions")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    launch_token = models.UUIDField(default=uuid.uuid4, editable=False)
    user_prompt = models.TextField("task", max_length=PROMPT_LENGTH)
    goal_prompt = models.TextField("done means", max_length=PROMPT_LENGTH)
    system_prompt = models.TextField("rules", max_length=PROMPT_LENGTH, blank=True)
    sandbox_template = models.CharField(max_length=100)
    duration_hours = models.PositiveSmallIntegerField()
    deployment_id = models.CharField(max_length=200, blank=True)
    thread_id = models.CharField(max_length=200, blank=True, db_index=True)
    message_id = models.CharField(max_length=200, blank=True)
    is_simulated = models.BooleanField(default=False)
    # The conversation as Giga last told it, and when: history outlives the provider.
    thread = models.JSONField(null=True, blank=True)
    thread_read_at = models.DateTimeField(null=True, blank=True)

    objects = AgentSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "launch_token"], name="one_launch_per_press"),
        ]

    def __str__(self):
        return self.title

    @property
    def title(self) -> str:
        """The first words of the task, on one line."""
        words = " ".join(self.user_prompt[: TITLE_LENGTH * 4].split())
        return words if len(words) <= TITLE_LENGTH else words[: TITLE_LENGTH - 1].rstrip() + "…"


class RunQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The runs this person may see: those of their workspaces."""
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def for_display(self):
        return self.select_related("agent_session", "created_by", "workspace")

    def active(self):
        return self.filter(status__in=ACTIVE)

    def final(self):
        return self.filter(status__in=FINAL)

    def in_group(self, group: str):
        """One of the list's groups: a name of `RUN_GROUPS`, or a single status."""
        if group in RUN_GROUPS:
            return self.filter(RUN_GROUPS[group])
        return self.filter(status=group) if group in Status.values else self

    def matching(self, text: str):
        """Runs with this text in a prompt, a follow-up message or an id."""
        if not text:
            return self
        return self.filter(
            _text_query(text, "agent_session__") | Q(remote_id=text) | Q(message__icontains=text)
        )

    def to_launch(self, now: datetime):
        """Accepted runs whose turn has come and which nobody is launching."""
        free = Q(claimed_until=None) | Q(claimed_until__lte=now)
        return self.filter(free, status=Status.QUEUED, due_at__lte=now).order_by("due_at")

    def watched(self):
        """All runs that reading goes on for: started ones, and those whose start was sent and whose answer
        was lost."""
        return self.filter(status__in=[*READABLE, Status.UNKNOWN])

    def for_schedule(self):
        """As much of each run as it takes to say when it is read next; no texts, no secrets."""
        own = (
            "status",
            "due_at",
            "queued_at",
            "sent_at",
            "accepted_at",
            "started_at",
            "desktop_at",
            "watched_until",
        )
        account = ("not_before", "paused_at", "broken_since", "probe_after", "polls_per_s")
        return self.select_related("agent_session", "workspace__giga_account").only(
            *own,
            "workspace__id",
            "agent_session__duration_hours",
            *(f"workspace__giga_account__{name}" for name in account),
        )

    def waiting_for_computer(self, workspace_id: int):
        """The workspace's launches that queue for a free computer, the first in line first."""
        return self.filter(workspace=workspace_id, status=Status.QUEUED, waits_for_computer=True).order_by(
            "pk"
        )

    def stuck_sending(self, now: datetime):
        """Runs whose start was in the hands of a process that did not come back."""
        return self.filter(status=Status.SENDING, claimed_until__lte=now)


def _text_query(text: str, prefix: str) -> Q:
    fields = ("user_prompt", "goal_prompt", "system_prompt")
    query = Q(**{f"{prefix}thread_id": text}) | Q(**{f"{prefix}deployment_id": text})
    for field in fields:
        query |= Q(**{f"{prefix}{field}__icontains": text})
    return query


RUN_GROUPS = {
    "active": Q(status__in=ACTIVE),
    "unknown": Q(status=Status.UNKNOWN),
    "failed": Q(status__in=BAD),
    "ended": Q(status__in=[status for status in FINAL if status not in BAD]),
}


@dataclass(frozen=True)
class Phase:
    """One stretch of a run's life on the strip. `ended_at` is None while it lasts."""

    key: str
    label: str
    started_at: datetime
    ended_at: datetime | None

    @property
    def seconds(self) -> float:
        return max(0.0, ((self.ended_at or timezone.now()) - self.started_at).total_seconds())


@dataclass(frozen=True)
class Note:
    """The most useful thing to say beside a run's title."""

    text: str
    tone: str = ""
    icon: str = ""


class Run(models.Model):
    """One execution of the agent in a session. `status` is written by `move_to` only."""

    agent_session = models.ForeignKey(AgentSession, models.CASCADE, related_name="runs")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="runs")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    message = models.TextField(max_length=PROMPT_LENGTH, blank=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    verdict = models.CharField(max_length=12, choices=Verdict.choices, blank=True)
    # Why it is where it is, in words: why it waits, what was refused, what failed.
    reason = models.CharField(max_length=500, blank=True)
    remote_word = models.CharField("Giga's word", max_length=60, blank=True)
    remote_id = models.CharField(max_length=200, null=True, blank=True, unique=True)
    message_id = models.CharField(max_length=200, blank=True)
    sandbox_id = models.CharField(max_length=200, blank=True)
    sandbox_status = models.CharField(max_length=40, blank=True)
    sealed_desktop_url = models.TextField(blank=True, editable=False)
    desktop_kind = models.CharField(max_length=6, blank=True, editable=False)
    desktop_problem = models.CharField(max_length=200, blank=True)
    sealed_public_token = models.TextField(blank=True, editable=False)
    error_code = models.CharField(max_length=60, blank=True)
    error_hint = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=100, blank=True)
    raw_answer = models.JSONField(null=True, blank=True)

    queued_at = models.DateTimeField(default=timezone.now)
    session_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    desktop_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    # The row is the job: when it is due, who has it, how often it was tried.
    due_at = models.DateTimeField(default=timezone.now, null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    contact_at = models.DateTimeField(null=True, blank=True)
    # When the newest answer that was taken had been asked for: an older question never overwrites it.
    asked_at = models.DateTimeField(null=True, blank=True)
    failed_reads = models.PositiveIntegerField(default=0)
    gone_reads = models.PositiveIntegerField(default=0)
    gone_since = models.DateTimeField(null=True, blank=True)
    # Until when somebody is taken to look at its page, and whether it queues for a free computer.
    watched_until = models.DateTimeField(null=True, blank=True)
    waits_for_computer = models.BooleanField(default=False)

    # The lease under which this copy was read: what is written for a lease that has passed on is refused.
    fence: int | None = None

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["due_at"], name="run_due", condition=Q(status__in=ACTIVE)),
            models.Index(fields=["workspace", "-id"], name="run_of_workspace"),
            models.Index(fields=["workspace", "status", "-id"], name="run_by_status"),
        ]

    def __str__(self):
        return f"{self.title} ({self.get_status_display()})"

    @property
    def title(self) -> str:
        return self.agent_session.title

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def look(self) -> Look:
        return look_of(self.status, self.verdict)

    @cached_property
    def ends_at(self) -> datetime | None:
        """When the paid time is over: an estimate, Giga tells no expiry. Counts from the start of the
        computer."""
        start = self.desktop_at or self.started_at or self.accepted_at or self.sent_at
        return start + timedelta(hours=self.agent_session.duration_hours) if start else None

    @property
    def left_s(self) -> float | None:
        """Seconds of paid time left, for runs that have a computer or may have one."""
        if not self.is_active or not self.ends_at:
            return None
        return max(0.0, (self.ends_at - timezone.now()).total_seconds())

    @property
    def phases(self) -> list[Phase]:
        """Queued, starting (or unknown), running: as far as they have begun, in order."""
        now_or_end = self.ended_at
        phases = [Phase("queued", _("Queued"), self.queued_at, self.sent_at or now_or_end)]
        if self.sent_at:
            key, label = (
                ("unknown", _("Unknown for"))
                if self.status == Status.UNKNOWN
                else ("starting", _("Starting"))
            )
            phases.append(Phase(key, label, self.sent_at, self.started_at or now_or_end))
        if self.started_at:
            phases.append(Phase("running", _("Running"), self.started_at, now_or_end))
        return phases

    @property
    def has_no_contact(self) -> bool:
        """Whether the shown status is older than it should be, because reading fails."""
        return self.status in READABLE and self.failed_reads >= FAILED_READS_SHOWN

    @property
    def word_is_unknown(self) -> bool:
        """Whether Giga said something this dashboard has no word for."""
        return bool(self.remote_word) and self.remote_word.strip().upper() not in STATUS_OF_WORD

    @property
    def note(self) -> Note | None:
        """The most useful thing to say beside the title, or None."""
        if self.status == Status.UNKNOWN:
            return Note(_("may be running, being checked"), "amber")
        if self.has_no_contact:
            since = timezone.localtime(self.contact_at or self.queued_at)
            return Note(
                _("no contact since %(time)s") % {"time": since.strftime("%H:%M")}, "amber", "wifi-off"
            )
        if self.status in BAD:
            return Note(self.reason, "red" if self.status != Status.LOST else "")
        if self.is_active and self.word_is_unknown:
            return Note(_("Giga says “%(word)s”") % {"word": self.remote_word}, "amber")
        if self.status == Status.WAITING:
            return Note(_("paused by Giga, goes on by itself"))
        if self.status == Status.INCONCLUSIVE:
            return Note(_("outcome not stated by Giga"))
        if self.desktop_problem and self.is_active:
            return Note(_("desktop not shown"), "amber", "monitor-off")
        return Note(self.reason) if self.reason else None

    @property
    def desktop_url(self) -> str:
        """The address of the live desktop: a key to the computer. Raises Unreadable."""
        return unseal(self.sealed_desktop_url, place=f"run:{self.pk}:desktop_url")

    def sealed(self, field: str, secret: str) -> str:
        """`secret` as it may be stored in this row's `sealed_<field>`."""
        return seal(secret, place=f"run:{self.pk}:{field}")

    @property
    def has_desktop(self) -> bool:
        return bool(self.sealed_desktop_url) and self.status in READABLE

    @writes
    def claim(self, now: datetime) -> bool:
        """Take this queued run for one launch; False if somebody else has it or it moved on."""
        until = now + timedelta(seconds=LAUNCH_LEASE_S)
        return bool(Run.objects.to_launch(now).filter(pk=self.pk).update(claimed_until=until))

    @writes
    def somebody_watches(self) -> None:
        """Its page is open: it is read more often for the next minute. Writes at most every 30 s."""
        now = timezone.now()
        stale = Q(watched_until=None) | Q(watched_until__lt=now + WATCHED_FOR / 2)
        Run.objects.watched().filter(stale, pk=self.pk).update(watched_until=now + WATCHED_FOR)

    @property
    def is_watched(self) -> bool:
        """Whether its page was open within the last minute."""
        return bool(self.watched_until and self.watched_until > timezone.now())

    @writes
    def move_to(
        self, status: str, *, why: str = "", by=None, asked_at: datetime | None = None, **fields
    ) -> bool:
        """Change the status, with any other fields, and say so: the row, its event and the announcement,
        together or not at all. False, and nothing written, when the run moved meanwhile or is final, or when
        a later question was answered already (`asked_at`)."""
        now = timezone.now()
        if status in FINAL:
            # The desktop is a key to a computer: it is erased when the run is over.
            fields |= {"due_at": None, "ended_at": fields.get("ended_at") or now}
            fields |= {"sealed_desktop_url": "", "desktop_kind": "", "sealed_public_token": ""}
        moved = self._change(kind="status", why=why, by=by, asked_at=asked_at, status=str(status), **fields)
        if moved and self.is_final:
            self._call_next()
        return moved

    def _call_next(self) -> None:
        """A computer became free: the first launch in line is due now."""
        first = Run.objects.waiting_for_computer(self.workspace_id).first()
        if first:
            first.keep(due_at=timezone.now())

    @writes
    def record(
        self, kind: str, *, why: str = "", by=None, asked_at: datetime | None = None, **fields
    ) -> bool:
        """Note something that happened without a change of status, with the fields it changed. As
        `move_to`."""
        return self._change(kind=kind, why=why, by=by, asked_at=asked_at, **fields)

    @writes
    def keep(self, **fields) -> bool:
        """Write bookkeeping that no page shows, without an event; nothing when the run moved meanwhile."""
        return bool(Run.objects.filter(pk=self.pk, status=self.status).update(**fields))

    @transaction.atomic
    def _change(self, *, kind: str, why: str, by, asked_at: datetime | None, **fields) -> bool:
        seen = self.status
        if self.is_final:
            return False
        unmoved = Run.objects.filter(pk=self.pk, status=seen)
        if self.fence is not None:
            holder = GigaAccount.objects.filter(workspace=self.workspace_id, fence=self.fence)
            unmoved = unmoved.filter(Exists(holder))
        if asked_at is not None:
            unmoved = unmoved.filter(Q(asked_at=None) | Q(asked_at__lte=asked_at))
            fields["asked_at"] = asked_at
        if not (unmoved.update(**fields) if fields else unmoved.exists()):
            return False  # somebody moved it first; their change stands
        for name, value in fields.items():
            setattr(self, name, value)
        self.__dict__.pop("ends_at", None)
        event = RunEvent.objects.create(
            run=self,
            workspace_id=self.workspace_id,
            kind=kind,
            was=seen,
            now=self.status,
            why=why[:1000],
            by=by,
        )
        transaction.on_commit(
            lambda: announce_run(run_id=self.pk, workspace_id=self.workspace_id, event_id=event.pk)
        )
        return True


class RunEvent(models.Model):
    """One thing that happened to a run. Its id grows: a page knows by the newest id whether it missed
    something."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="events")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=20)
    was = models.CharField(max_length=12, blank=True)
    now = models.CharField(max_length=12, blank=True)
    why = models.CharField(max_length=1000, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="event_of_workspace"),
            models.Index(fields=["run", "-id"], name="event_of_run"),
        ]

    def __str__(self):
        return f"{self.kind} of run {self.run_id}"

    @property
    def look(self) -> Look:
        """The look of the status this event led to."""
        return look_of(self.now)


def newest_event_id(workspace: Workspace) -> int:
    """How far this workspace's history has come; 0 when nothing happened yet."""
    newest = RunEvent.objects.filter(workspace=workspace).order_by("-id").values_list("id", flat=True).first()
    return newest or 0
