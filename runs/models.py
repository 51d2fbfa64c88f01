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
from django.utils.translation import gettext_lazy as _lazy

from people.models import Workspace
from runs.accounts import GigaAccount, writes
from runs.broadcast import announce_run
from runs.querysets import AgentSessionQuerySet, RunQuerySet
from runs.sealed import seal, unseal
from runs.status import ACTIVE, BAD, FINAL, READABLE, STATUS_OF_WORD, Look, Status, Verdict, look_of

__all__ = ["AgentSession", "Extension", "GigaAccount", "Run", "RunEvent"]

PROMPT_LENGTH = 20_000
TITLE_LENGTH = 90
# How long a launch may be in the hands of one thread: 5 s to connect, 35 s for the answer, and a margin.
LAUNCH_LEASE_S = 45
LOST_AFTER = timedelta(minutes=30)
FAILED_READS_SHOWN = 2
WATCHED_FOR = timedelta(seconds=60)


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
    extended_minutes = models.PositiveSmallIntegerField(default=0)

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
        if start is None:
            return None
        return start + timedelta(hours=self.agent_session.duration_hours, minutes=self.extended_minutes)

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
        self.__dict__.pop("ends_at", None)  # it counts from what may have changed
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


class Extension(models.Model):
    """One press of +15 min: asked for once, and never again by a machine. `outcome` says what Giga made of
    it."""

    class Outcome(models.TextChoices):
        ASKED = "asked", _lazy("Asked")
        SENDING = "sending", _lazy("Being asked")
        CONFIRMED = "confirmed", _lazy("Confirmed")
        REFUSED = "refused", _lazy("Refused")
        UNCLEAR = "unclear", _lazy("Not known")

    run = models.ForeignKey(Run, models.CASCADE, related_name="extensions")
    token = models.UUIDField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    claimed_until = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.ASKED)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["run", "token"], name="one_extension_per_press")]

    def __str__(self):
        return f"+15 min for run {self.run_id}, {self.outcome}"

    @writes
    def become(self, outcome: str, **fields) -> bool:
        """Move on, if nobody moved it first."""
        mine = Extension.objects.filter(pk=self.pk, outcome=self.outcome)
        moved = bool(mine.update(outcome=outcome, **fields))
        self.outcome = outcome if moved else self.outcome
        return moved


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
