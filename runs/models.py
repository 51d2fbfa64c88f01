"""Sessions, runs and what happened to them; the one door for status. No HTTP, no HttpRequest."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, Exists, Q, Value, When
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from people.audit import audit
from people.models import Workspace
from people.names import label_key
from people.texts import beginning, shortened
from runs.accounts import GigaAccount, writes
from runs.broadcast import announce_run
from runs.history import WHY_LENGTH, RunEvent, newest_event_id
from runs.marks import RunNote, SavedView, Tag
from runs.querysets import AgentSessionQuerySet, RunQuerySet
from runs.sayings import brief, clock, told
from runs.sealed import seal, unseal
from runs.search import RunIndex, RunText, hold, keep_words
from runs.status import ACTIVE, BAD, FINAL, JUDGED, READABLE, STATUS_OF_WORD, Look, Status, Verdict, look_of

__all__ = [
    "AgentSession",
    "Extension",
    "GigaAccount",
    "Run",
    "RunEvent",
    "RunIndex",
    "RunNote",
    "RunText",
    "SavedView",
    "Tag",
    "newest_event_id",
]

PROMPT_LENGTH = 20_000
TITLE_LENGTH = 90
# How long a launch may be in the hands of one thread: 5 s to connect, 35 s for the answer, and a margin.
LAUNCH_LEASE_S = 45
LOST_AFTER = timedelta(minutes=30)
FAILED_READS_SHOWN = 2
NO_FLAG: dict[str, Any] = {
    "needs": "",
    "needs_at": None,
    "needs_by": None,
    "taken_at": None,
    "taken_by": None,
}


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
    # The run whose configuration this one was launched from, by "Relaunch" or "Relaunch with changes".
    relaunched_from = models.ForeignKey(
        "runs.Run", models.SET_NULL, null=True, blank=True, related_name="relaunches"
    )
    # The conversation as Giga last told it, and when: history outlives the provider.
    thread = models.JSONField(null=True, blank=True)
    thread_read_at = models.DateTimeField(null=True, blank=True)

    objects = AgentSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "launch_token"], name="one_launch_per_press"),
        ]
        indexes = [models.Index(fields=["deployment_id"], name="session_of_deployment")]

    def __str__(self):
        return self.title

    @property
    def title(self) -> str:
        """The first words of the task, on one line."""
        return first_words(self.user_prompt)


def first_words(text: str) -> str:
    """The beginning of a text, on one line."""
    return shortened(" ".join(text.split(maxsplit=TITLE_LENGTH)[:TITLE_LENGTH]), TITLE_LENGTH)


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
    """The most useful thing to say beside a run's title. `brief` is three or four words of it, for a row;
    what has none is short itself, or not ours."""

    text: str
    tone: str = ""
    icon: str = ""
    brief: str = ""

    @property
    def short(self) -> str:
        return self.brief or self.text


class Run(models.Model):
    """One execution of the agent in a session. `status` is written by `move_to` only."""

    # Parts of the title, else of a text, with what was searched for marked (`listing.mark_matches`).
    marked_title: list[tuple[str, bool]] = []
    marked_text: list[tuple[str, bool]] = []

    agent_session = models.ForeignKey(AgentSession, models.CASCADE, related_name="runs")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="runs")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    # What a follow-up says; empty for the first run of a session. Its token makes two presses one run.
    message = models.TextField(max_length=PROMPT_LENGTH, blank=True)
    follow_up_token = models.UUIDField(null=True, blank=True, editable=False)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    verdict = models.CharField(max_length=12, choices=Verdict.choices, blank=True)
    # In which of the list's groups it stands, kept by the database: large lists are read from an index of it.
    list_group = models.GeneratedField(
        expression=Case(
            When(status__in=ACTIVE, then=Value("active")),
            When(status__in=BAD, then=Value("failed")),
            When(status__in=JUDGED, verdict="", then=Value("to_judge")),
            default=Value("ended"),
        ),
        output_field=models.CharField(max_length=8),
        db_persist=True,
    )
    # Why it is where it is, in words: why it waits, what was refused, what failed.
    reason = models.CharField(max_length=500, blank=True)
    remote_word = models.CharField("Giga's word", max_length=60, blank=True)
    # Null and not empty, so that it can be unique.
    remote_id = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001
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

    # A flag that a colleague set: what it needs a person for, since when, and who took it on.
    needs = models.CharField(max_length=200, blank=True)
    needs_at = models.DateTimeField(null=True, blank=True)
    needs_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    taken_at = models.DateTimeField(null=True, blank=True)
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    tags = models.ManyToManyField(Tag, related_name="runs", blank=True)

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
            models.Index(fields=["workspace", "list_group", "-id"], name="run_by_group"),
            models.Index(fields=["workspace", "created_by", "-id"], name="run_by_person"),
            models.Index(fields=["workspace", "queued_at"], name="run_by_time"),
            models.Index(
                fields=["workspace"],
                name="run_needs_somebody",
                condition=Q(needs_at__isnull=False, taken_at__isnull=True),
            ),
        ]
        constraints = [
            # Whether Giga lets two runs of a session overlap is not documented, so they never do. The first
            # run is over before a follow-up is taken, and what is final stays so.
            models.UniqueConstraint(
                fields=["agent_session"],
                condition=Q(status__in=ACTIVE) & ~Q(message=""),
                name="one_active_follow_up",
            ),
            models.UniqueConstraint(
                fields=["agent_session", "follow_up_token"], name="one_follow_up_per_press"
            ),
            # Of a workspace: what others have must not show in what may be stored here.
            models.UniqueConstraint(fields=["workspace", "remote_id"], name="one_run_of_an_id"),
        ]

    def __str__(self):
        return f"{self.title} ({self.get_status_display()})"

    @property
    def title(self) -> str:
        """The first words of what it was told to do: its message, or the session's task."""
        return first_words(self.message) if self.message else self.agent_session.title

    @property
    def is_follow_up(self) -> bool:
        """Whether it goes on with a session that had a run before."""
        return bool(self.message)

    @property
    def is_judged_by_people(self) -> bool:
        """Whether it ended by itself, so that a person says whether the goal was met."""
        return self.status in JUDGED

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

    @cached_property
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
        if self.needs_somebody:
            return Note(self.needs or _("needs you"), "amber", "hand")
        return self.condition

    @property
    def condition(self) -> Note | None:
        """The most useful thing to say of how it stands, whoever called for somebody; or None."""
        if self.status == Status.UNKNOWN:
            return Note(_("may be running, being checked"), "amber", brief=_("may be running"))
        if self.has_no_contact:
            since = clock(self.contact_at or self.queued_at)
            return Note(_("no contact since %(time)s") % {"time": since}, "amber", "wifi-off")
        if self.status in BAD:
            return self._reason_note("red" if self.status != Status.LOST else "")
        if self.is_active and self.word_is_unknown:
            return Note(_("Giga says “%(word)s”") % {"word": self.remote_word}, "amber")
        if self.status == Status.WAITING:
            return Note(_("paused by Giga, goes on by itself"), brief=_("paused by Giga"))
        if self.status == Status.INCONCLUSIVE:
            return Note(_("outcome not stated by Giga"), brief=_("outcome not stated"))
        if self.list_group == "to_judge":
            return Note(_("not judged yet"))
        if self.desktop_problem and self.is_active:
            return Note(_("desktop not shown"), "amber", "monitor-off")
        return self._reason_note() if self.reason else None

    def _reason_note(self, tone: str = "") -> Note:
        return Note(told(self.reason), tone, brief=brief(self.reason))

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

    @property
    def can_be_extended(self) -> bool:
        """Whether it has a computer whose time can be bought more of."""
        return self.status in READABLE and bool(self.sandbox_id)

    @writes
    def claim(self, now: datetime) -> bool:
        """Take this queued run for one launch; False if somebody else has it or it moved on."""
        until = now + timedelta(seconds=LAUNCH_LEASE_S)
        return bool(Run.objects.to_launch(now).filter(pk=self.pk).update(claimed_until=until))

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
            fields |= NO_FLAG
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
    def judge(self, verdict: str, *, by) -> bool:
        """Say whether the goal was met, or take that back (""). False for a run that is not over."""
        return self.is_final and self._change(
            kind="verdict", why=verdict, by=by, even_final=True, verdict=verdict
        )

    @writes
    def write_note(self, text: str, *, by) -> RunNote:
        """Keep what a person has to say about this run."""
        with transaction.atomic():
            note = RunNote.objects.create(run=self, by=by, text=text)
            keep_words(self)
            self._change(kind="note", why=text, by=by, even_final=True)
        return note

    @writes
    def tag(self, names: list[str], *, by) -> None:
        """Give this run these tags and no others."""
        with transaction.atomic():
            hold(self)
            tags = {tag.pk: tag for tag in (Tag.objects.called(self.workspace_id, name) for name in names)}
            self.tags.set(tags.values())
            keep_words(self)
            why = ", ".join(tag.name for tag in tags.values())
            self._change(kind="tag", why=why, by=by, even_final=True)

    @writes
    def add_tag(self, name: str, *, by) -> bool:
        """Give this run one more tag, beside those that others give it at the same time. False when it has it
        already."""
        with transaction.atomic():
            hold(self)
            names = list(self.tags.values_list("name", flat=True))
            if label_key(name) in map(label_key, names):
                return False
            self.tag([*names, name], by=by)
        return True

    @writes
    def remove_tag(self, name: str, *, by) -> bool:
        """Take a tag off this run. False when it does not have it."""
        with transaction.atomic():
            hold(self)
            names = list(self.tags.values_list("name", flat=True))
            others = [other for other in names if label_key(other) != label_key(name)]
            if len(others) == len(names):
                return False
            self.tag(others, by=by)
        return True

    @writes
    def call_for_somebody(self, needs: str, *, by) -> bool:
        """Set the flag that this run needs a person, with what for. False for a run that is over."""
        flag = NO_FLAG | {"needs": needs, "needs_at": timezone.now(), "needs_by": by}
        return self._change(kind="flag", why=needs, by=by, **flag)

    @writes
    def take_on(self, *, by) -> bool:
        """Answer the flag: this person sees to it. False when there is none, or somebody was first."""
        is_waiting = Q(needs_at__isnull=False, taken_at__isnull=True)
        return self._change(
            kind="take", why="", by=by, only_if=is_waiting, taken_at=timezone.now(), taken_by=by
        )

    @writes
    def lower_flag(self, *, by) -> bool:
        """Nobody is needed any more."""
        return self._change(kind="unflag", why="", by=by, only_if=Q(needs_at__isnull=False), **NO_FLAG)

    @writes
    def was_relaunched(self, relaunch: "Run", *, by) -> bool:
        """Note that a run was launched from the configuration of this one. The audit log has it already, as
        the launch."""
        return self._change(kind="relaunch", why=str(relaunch.pk), by=by, even_final=True, is_audited=False)

    @writes
    def was_followed_up(self, follow_up: "Run", *, by) -> bool:
        """Note that a further run goes on in this one's session. In the audit log it is the further run."""
        return self._change(kind="follow_up", why=str(follow_up.pk), by=by, even_final=True, is_audited=False)

    @property
    def needs_somebody(self) -> bool:
        """Whether the flag is set and nobody has taken it on."""
        return self.needs_at is not None and self.taken_at is None

    @writes
    def keep(self, **fields) -> bool:
        """Write bookkeeping that no page shows, without an event; nothing when the run moved meanwhile."""
        return bool(Run.objects.filter(pk=self.pk, status=self.status).update(**fields))

    @transaction.atomic
    def _change(
        self,
        *,
        kind: str,
        why: str,
        by,
        asked_at: datetime | None = None,
        even_final: bool = False,
        only_if: Q | None = None,
        is_audited: bool = True,
        **fields,
    ) -> bool:
        seen = self.status
        if self.is_final and not even_final:
            return False
        unmoved = Run.objects.filter(only_if or Q(), pk=self.pk, status=seen)
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
        for counted in ("ends_at", "phases"):  # from what may have changed
            self.__dict__.pop(counted, None)
        event = RunEvent.objects.create(
            run=self,
            workspace_id=self.workspace_id,
            kind=kind,
            was=seen,
            now=self.status,
            why=beginning(why, WHY_LENGTH),
            by=by,
        )
        if by is not None and is_audited:
            audit(by, f"run-{kind}", f"{self.pk}: {self.title}", workspace=self.workspace)
        transaction.on_commit(
            lambda: announce_run(run_id=self.pk, workspace_id=self.workspace_id, event_id=event.pk)
        )
        return True


class Extension(models.Model):
    """One press of +15 min: asked for once, and never again by a machine. `outcome` says what Giga made of
    it."""

    MINUTES = 15

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
