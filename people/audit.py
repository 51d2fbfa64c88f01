"""What people did, and what they were refused: rows that are only ever added, each carrying the hash of the
one before, so that a changed, missing or swapped row shows.

`audit` is called inside the transaction of the act itself: both are kept, or neither. It holds no secrets:
callers name what changed, never a key, a password or a link.

What somebody can make happen as often as they like is not a row each time: the first few of an hour are, the
rest is counted, and one more row says how many there were."""

import hashlib
import json
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, time, timedelta
from ipaddress import ip_address, ip_network

from django.db import models, transaction
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from people.texts import beginning

_address: ContextVar[str] = ContextVar("address", default="")
TEXT_LENGTH = 200
USERNAME_LENGTH = 150
# So many rows of one kind are written for one person, or one address, until so much time is over.
ROWS_EACH, ROWS_FOR = 10, timedelta(hours=1)
# From more addresses than this, strangers are counted together.
MAX_ADDRESSES = 20
SUMMED_AT_ONCE = 100
# Who acts when a start does what its variables say.
ENVIRONMENT = "the environment"


class Act(models.TextChoices):
    """Everything that is noted. Acts on a run carry the kind of their event."""

    SIGNED_IN = "sign-in", _("signed in")
    SIGNED_OUT = "sign-out", _("signed out")
    SIGN_IN_FAILED = "sign-in-failed", _("could not sign in")
    LINK_MADE = "sign-in-link", _("made a sign-in link on the server")
    RENAMED = "renamed", _("changed their name")
    PREFERENCES_CHANGED = "preferences", _("changed their preferences")
    WORKSPACE_SWITCHED = "workspace-switched", _("went on in another workspace")
    LOGIN_ENDED = "login-ended", _("signed out another device")
    CODES_SEEN = "codes-seen", _("saw their recovery codes")
    REAUTHENTICATED = "reauthenticated", _("confirmed who they are")
    PASSWORD_CHANGED = "password", _("changed the password")
    FACTOR_ADDED = "factor-added", _("added a second factor")
    FACTOR_REMOVED = "factor-removed", _("removed a second factor")
    CODES_MADE = "codes-made", _("made new recovery codes")
    SIGN_ON_LINKED = "sign-on-linked", _("connected single sign-on")
    SIGN_ON_UNLINKED = "sign-on-unlinked", _("disconnected single sign-on")
    ADDRESS_ASKED = "address-asked", _("asked for another e-mail address")
    ADDRESS_CHANGED = "address-changed", _("confirmed an e-mail address")
    ADDRESS_REMOVED = "address-removed", _("removed an e-mail address")
    WORKSPACE_MADE = "workspace-made", _("made a workspace")
    WORKSPACE_CHANGED = "workspace-changed", _("changed the workspace")
    LIMITS_CHANGED = "limits-changed", _("changed the limits")
    INVITED = "invited", _("invited somebody")
    INVITATION_REVOKED = "invitation-revoked", _("revoked an invitation")
    JOINED = "joined", _("joined")
    ROLE_CHANGED = "role-changed", _("changed a role")
    REMOVED = "removed", _("removed a member")
    KEY_REPLACED = "key-replaced", _("replaced the Giga key")
    KEY_TESTED = "key-tested", _("tested the Giga key")
    EXPORTED = "exported", _("exported")
    VIEW_KEPT = "view-kept", _("kept a view")
    VIEW_DELETED = "view-deleted", _("deleted a view")
    DESKTOP_OPENED = "desktop-opened", _("opened a desktop with control")
    DESKTOP_SEEN = "desktop-seen", _("looked at a desktop")
    FILE_OPENED = "file-opened", _("opened a file")
    THREAD_READ = "thread-read", _("had a conversation read")
    RUN_READ = "run-read", _("had a run read")
    LAUNCHED = "launched", _("launched")
    OVER_LIMIT = "over-limit", _("launched over a limit")
    RUN_STATUS = "run-status", _("settled a run")
    RUN_SETTLE = "run-settle", _("settled a run")
    RUN_EXTEND = "run-extend", _("extended a run")
    RUN_RELAUNCH = "run-relaunch", _("relaunched a run")
    RUN_FOLLOW_UP = "run-follow_up", _("followed up on a run")
    RUN_VERDICT = "run-verdict", _("judged a run")
    RUN_NOTE = "run-note", _("wrote a note")
    RUN_TAG = "run-tag", _("tagged a run")
    RUN_FLAG = "run-flag", _("called for somebody")
    RUN_TAKE = "run-take", _("took a run on")
    RUN_UNFLAG = "run-unflag", _("lowered a flag")
    ADMIN = "admin", _("changed in the admin")
    REFUSED = "refused", _("was refused")


# Acts that are looked for together, by what their codes begin with.
KINDS = {
    "signing-in": ("sign-", "login-", "codes-", "reauthenticated", "password", "factor-", "address-"),
    "team": ("workspace-", "limits-", "invit", "joined", "role-", "removed", "renamed", "preferences"),
    "key": ("key-",),
    "runs": ("launched", "over-", "run-", "desktop-", "file-", "thread-", "view-", "exported"),
    "refusals": ("refused", "sign-in-failed"),
    "administration": ("admin", "sign-in-link"),
}
# What a person, or a stranger, can make happen again and again without changing anything.
REPEATABLE = {
    Act.REFUSED,
    Act.SIGN_IN_FAILED,
    Act.PREFERENCES_CHANGED,
    Act.WORKSPACE_SWITCHED,
    Act.DESKTOP_SEEN,
    Act.THREAD_READ,
    Act.RUN_READ,
}


def acts_of(name: str) -> list[str]:
    """The acts of this kind, or the one of this name."""
    return [act.value for act in Act if act == name or act.startswith(KINDS.get(name, ()))]


class AuditQuerySet(models.QuerySet):
    def of(self, workspace):
        """What concerns this workspace, newest first; nothing of another one."""
        return self.filter(workspace_id=workspace.pk).order_by("-number")

    def matching(self, text: str):
        if not text:
            return self
        acts = [act.value for act in Act if text.lower() in str(act.label).lower()]
        fields = Q(actor__icontains=text) | Q(username__icontains=text) | Q(object__icontains=text)
        number = text.removeprefix("#")
        if number.isascii() and number.isdecimal() and len(number) < 19:
            fields |= Q(actor_id=int(number))
        return self.filter(fields | Q(address=text) | Q(act__in=acts) | Q(act=text))

    def found(self, *, q="", by="", kind="", since=None, until=None):
        """By words, by whom, of one act or of a kind of them, and on which days of the reader's."""
        entries = self.matching(q)
        if by:
            entries = entries.filter(username=by)
        if kind:
            entries = entries.filter(act__in=acts_of(kind))
        if since:
            entries = entries.filter(at__gte=timezone.make_aware(datetime.combine(since, time())))
        if until:
            end = datetime.combine(until + timedelta(days=1), time())
            entries = entries.filter(at__lt=timezone.make_aware(end))
        return entries

    def update(self, **fields):
        raise TypeError("the audit log is only added to")

    def delete(self):
        raise TypeError("the audit log is only added to")


class AuditEntry(models.Model):
    """One act. People and workspaces are noted by id and name: a row outlives what it speaks of. `actor` is
    how a person calls themselves, which is theirs to choose; `username` is what they sign in with."""

    number = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=TEXT_LENGTH, blank=True)
    username = models.CharField(max_length=USERNAME_LENGTH, blank=True)
    workspace_id = models.BigIntegerField(null=True)
    address = models.CharField(max_length=64, blank=True)
    act = models.CharField(max_length=30)
    object = models.CharField(max_length=TEXT_LENGTH, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        indexes = [models.Index(fields=["workspace_id", "-number"], name="audit_of_workspace")]

    def __str__(self):
        return f"{self.number}: {self.username or self.actor} {self.act_word} {self.object}"

    def save(self, **kwargs):
        if not self._state.adding:
            raise TypeError("the audit log is only added to")
        super().save(force_insert=True)

    def delete(self, **kwargs):
        raise TypeError("the audit log is only added to")

    @property
    def is_of_environment(self) -> bool:
        return self.actor == ENVIRONMENT and not self.actor_id

    @property
    def act_word(self) -> str:
        return str(Act(self.act).label) if self.act in Act.values else self.act

    @property
    def calls_themselves(self) -> str:
        """The name beside the one to sign in with, where it is another."""
        return self.actor if self.actor != self.username else ""

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """What changed, from what, to what."""
        names = [*self.before, *(name for name in self.after if name not in self.before)]
        return [(name, str(self.before.get(name, "")), str(self.after.get(name, ""))) for name in names]

    def hashed(self) -> str:
        """The hash this row has to carry, over all it says and the hash before it."""
        said = [
            self.previous,
            self.number,
            self.at.isoformat(),
            self.actor_id,
            self.actor,
            self.workspace_id,
            self.address,
            self.act,
            self.object,
            self.before,
            self.after,
        ]
        if self.username:  # rows of before it was kept have none, and a hash without
            said.append(self.username)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


class AuditHead(models.Model):
    """How long the chain is and how it ends. Without it, rows cut off at the end would not be missed; and
    whoever adds a row holds it, so that the rows come one after the other."""

    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    def __str__(self):
        return f"{self.number} {'row' if self.number == 1 else 'rows'}, ending in {self.hash}"


class AuditRepeats(models.Model):
    """What one person, or one address, did of a kind in a workspace since `started_at`: how often, and how
    many rows of that were written."""

    key = models.CharField(max_length=200, unique=True)
    act = models.CharField(max_length=30)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=TEXT_LENGTH, blank=True)
    username = models.CharField(max_length=USERNAME_LENGTH, blank=True)
    address = models.CharField(max_length=64, blank=True)
    workspace_id = models.BigIntegerField(null=True)
    # Empty where it was not the same each time.
    object = models.CharField(max_length=TEXT_LENGTH, blank=True)
    count = models.PositiveIntegerField(default=0)
    written = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(db_index=True)
    last_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "audit repeats"

    def __str__(self):
        return f"{self.key}: {self.count}"


@transaction.atomic
def audit(who, act: str, object="", *, workspace=None, before=None, after=None) -> AuditEntry | None:
    """Note an act. `who` is a request, a membership, a user, ENVIRONMENT, or None for nobody known; the
    workspace is theirs unless it is named. None where it is only counted (`REPEATABLE`)."""
    user, place = _who(who)
    workspace = workspace or place
    entry = AuditEntry(
        at=timezone.now(),
        actor_id=user.pk if user else None,
        actor=beginning(user.get_full_name() or user.get_username(), TEXT_LENGTH) if user else _name_of(who),
        username=user.get_username() if user else "",
        workspace_id=workspace.pk if workspace else None,
        address=_address.get()[:64],
        act=act,
        object=beginning(in_english(object), TEXT_LENGTH),
        before=before or {},
        after={
            name: in_english(value) if isinstance(value, Promise) else value
            for name, value in (after or {}).items()
        },
    )
    if act in REPEATABLE and not _is_written(entry):
        return None
    return _append(entry)


def _append(entry: AuditEntry) -> AuditEntry:
    head = AuditHead.objects.select_for_update().get_or_create(pk=1)[0]
    entry.number, entry.previous = head.number + 1, head.hash
    entry.hash = entry.hashed()
    entry.save()
    head.number, head.hash = entry.number, entry.hash
    head.save()
    return entry


def _is_written(entry: AuditEntry) -> bool:
    """Count this act, and say whether it is one of the first, which are rows. For whom it was done makes no
    difference to how long that takes: nobody learns from it whether somebody is called so."""
    alike = AuditRepeats.objects.filter(act=entry.act, actor_id=entry.actor_id)
    if alike.filter(started_at__lte=entry.at - ROWS_FOR).exists():
        sum_up_repeats(entry.at)
    repeats = list(alike)
    source = "" if entry.actor_id else _network_of(entry.address)
    known = {one.address for one in repeats}
    if source not in known and len(known) >= MAX_ADDRESSES:
        source = "elsewhere"
    written = sum(one.written for one in repeats if entry.actor_id or one.address == source)
    is_first = written < ROWS_EACH
    key = f"{entry.act} {entry.actor_id or source} {entry.workspace_id or ''}"
    copied = ("act", "actor_id", "actor", "username", "workspace_id", "object")
    fields = {name: getattr(entry, name) for name in copied}
    fresh = AuditRepeats(key=key, address=source, started_at=entry.at, last_at=entry.at, **fields)
    AuditRepeats.objects.bulk_create([fresh], ignore_conflicts=True)
    AuditRepeats.objects.filter(key=key).update(
        count=F("count") + 1,
        written=F("written") + int(is_first),
        last_at=entry.at,
        object=Case(When(object=entry.object, then=F("object")), default=Value("")),
    )
    return is_first


def _network_of(address: str) -> str:
    """An address as far as it says who comes from it: whoever has one of IPv6 has 2^64."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return address if found.version == 4 else str(ip_network((found, 64), strict=False))


@transaction.atomic
def sum_up_repeats(now=None) -> int:
    """Write the rows that say how often something was done beyond those that were written, for all whose time
    is over. Returns how many were over."""
    over = AuditRepeats.objects.filter(started_at__lte=(now or timezone.now()) - ROWS_FOR)
    found = list(over.order_by("started_at")[:SUMMED_AT_ONCE])
    for one in found:
        # Counted once more meanwhile, or summed up by somebody else: left to the next round.
        is_ours, _models = AuditRepeats.objects.filter(pk=one.pk, count=one.count).delete()
        if is_ours and one.count > one.written:
            _append(_summary_of(one))
    return len(found)


def _summary_of(repeats: AuditRepeats) -> AuditEntry:
    copied = ("act", "actor_id", "actor", "username", "address", "workspace_id", "object")
    times = {
        "times": repeats.count - repeats.written,
        "since": repeats.started_at.isoformat(timespec="seconds"),
        "until": repeats.last_at.isoformat(timespec="seconds"),
    }
    fields = {name: getattr(repeats, name) for name in copied}
    return AuditEntry(at=timezone.now(), before={}, after=times, **fields)


def in_english(text) -> str:
    """As it is kept: whoever reads the log may read another language than who acted."""
    with translation.override("en"):
        return str(text)


def _name_of(who) -> str:
    return who if who == ENVIRONMENT else ""


def _who(who):
    """The user and the workspace of a request, a membership, a user or nobody."""
    if who == ENVIRONMENT:
        return None, None
    membership = getattr(who, "membership", who)
    if hasattr(membership, "workspace"):
        return membership.user, membership.workspace
    user = getattr(who, "user", who)
    return (user if user is not None and user.is_authenticated else None), None


@contextmanager
def coming_from(address: str):
    """Whatever is audited inside was done from this network address."""
    token = _address.set(address)
    try:
        yield
    finally:
        _address.reset(token)


def faults(*, kept: tuple[int, str] = (0, "")) -> list[str]:
    """What is wrong with the chain, in sentences; empty when every row stands as it was written. `kept` is
    number and hash of a row as they were once: whoever rewrites the whole chain cannot rewrite that."""
    found, number, previous = [], 0, ""
    if kept[0] and not AuditEntry.objects.filter(number=kept[0], hash=kept[1]).exists():
        found.append(f"row {kept[0]} is not the one that was written")
    for entry in AuditEntry.objects.order_by("number").iterator(chunk_size=1000):
        number += 1
        if entry.number != number:
            found.append(f"rows {number} to {entry.number - 1} are missing")
            number = entry.number
        if entry.hash != entry.hashed():
            found.append(f"row {number} was changed after it was written")
        elif entry.previous != previous:
            found.append(f"row {number} does not follow the row before it")
        previous = entry.hash
    head = AuditHead.objects.filter(pk=1).first() or AuditHead()
    if (head.number, head.hash) != (number, previous):
        found.append(f"the log ends with row {number}, but {head.number} were written")
    return found
