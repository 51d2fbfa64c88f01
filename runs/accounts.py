"""A workspace's Giga key: where Giga is, how many requests may be made now, and who watches its runs. No
HTTP."""

import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache
from django.db import connection, models, transaction
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Greatest, Now
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_noop

from outbound.addresses import is_loopback
from people.models import Workspace
from people.texts import beginning
from runs import pace
from runs.giga import Access, GigaError, Outcome
from runs.sealed import Unreadable, seal, unseal

Method = TypeVar("Method", bound=Callable)

# Leases count by the database's clock; a holder stops a margin before its own would end.
LEASE_S = 15
# Processes that start together share the keys: nobody takes all of many at one look.
TAKEN_AT_ONCE = 500

# The circuit: so many outages within so long open it, then one request at a time tries whether it is over.
OUTAGES_TO_OPEN = 5
OUTAGES_WITHIN = timedelta(seconds=30)
PROBE_EVERY = timedelta(seconds=15)

# So often a minute one person has Giga asked what is not launched or extended.
MAX_ASKED_A_MINUTE = 12
# What is added up in steps comes out a little off.
ROUNDING_S = 0.001
# The tick is a second late at most when a launch's turn comes.
LAUNCH_FIRST_S = 2.0

RATE_LIMIT = gettext_noop("Waiting for the rate limit of Giga.")
# From so long on a wait says until when it lasts.
LONG_WAIT = timedelta(minutes=10)
KEY_UNREADABLE = gettext_noop(
    "This workspace's Giga key cannot be opened with the encryption keys of this start."
)


class DatabaseSeconds(Func):
    """Seconds since 1970 by the database's clock, which all processes share."""

    output_field = models.FloatField()

    def as_sqlite(self, compiler, connection, **context):
        return "((julianday('now') - 2440587.5) * 86400.0)", []

    def as_postgresql(self, compiler, connection, **context):
        return "EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP())::float8", []


def _takes_one_of_a_minute(person_id: int) -> bool:
    """Whether this person may still have Giga asked something in this minute; counts it."""
    key = f"asked-giga:{person_id}:{int(timezone.now().timestamp() // 60)}"
    cache.add(key, 0, timeout=120)
    return cache.incr(key) <= MAX_ASKED_A_MINUTE


DEMO_KEY_PREFIX = "giga_sk_"


def demo_key() -> str:
    """A new key of the documented shape, for the simulated Giga only: `is_demo_key` knows it again."""
    number = secrets.token_hex(8)
    return f"{DEMO_KEY_PREFIX}{number}{_demo_mark(number)}"


def is_demo_key(key: str) -> bool:
    """Whether this instance made this key for its simulated Giga. Nobody else can make one."""
    number, mark = key[len(DEMO_KEY_PREFIX) : -16], key[-16:]
    is_of_shape = key.isascii() and key.startswith(DEMO_KEY_PREFIX)
    return is_of_shape and constant_time_compare(mark, _demo_mark(number))


def ends_of(key: str) -> str:
    """The last four characters, to tell one key from another; all that is ever shown or noted of one."""
    return f"…{key[-4:]}" if key else ""


def _demo_mark(number: str) -> str:
    return salted_hmac("key of the simulated Giga", number, algorithm="sha256").hexdigest()[:16]


def may_be_asked() -> Q:
    """Accounts whose key was neither refused nor told to wait."""
    return (Q(not_before=None) | Q(not_before__lte=timezone.now())) & Q(paused_at=None)


def writes(method: Method) -> Method:
    """Marks a method that changes data, so that no template can call it."""
    method.alters_data = True  # type: ignore[attr-defined]
    return method


class GigaAccountQuerySet(models.QuerySet):
    def leased_by(self, holder: str):
        return self.filter(lease_holder=holder, lease_until__gt=Now())

    def locked(self, *, at_most: int | None = None, skip_locked: bool = False) -> dict[int, int]:
        """Lock these rows, account id to fence. Always from the lowest id up, so that no two processes can
        wait for each other."""
        rows = self.order_by("pk").select_for_update(skip_locked=skip_locked)
        return dict(rows.values_list("pk", "fence")[:at_most])

    def add(self, workspace: Workspace, *, api_url: str, api_key: str, is_simulated: bool, by=None):
        """The account of a workspace that has none; None when somebody was first."""
        account = self.model(workspace=workspace, api_url=api_url, is_simulated=is_simulated)
        account.api_key, account.key_set_by = api_key, by
        account.key_set_at = timezone.now() if by else None
        self.bulk_create([account], ignore_conflicts=True)
        return self.filter(workspace=workspace, sealed_api_key=account.sealed_api_key).first()

    def of_workspace(self, workspace: Workspace):
        """Its account, or None. In the demo a workspace that was made since the start gets one here."""
        account = self.filter(workspace=workspace).first()
        if account is None and settings.IS_DEMO and (other := self.filter(is_simulated=True).first()):
            self.add(workspace, api_url=other.api_url, api_key=demo_key(), is_simulated=True)
            account = self.filter(workspace=workspace).first()
        return account

    @transaction.atomic
    def renew(self, holder: str) -> dict[int, int]:
        """Hold on to what is still held: account id to fence."""
        held = self.leased_by(holder).locked()
        self.filter(pk__in=held).update(lease_until=Now() + timedelta(seconds=LEASE_S))
        return held

    @transaction.atomic
    def take(self, holder: str, accounts: Collection[int], *, at_most: int) -> dict[int, int]:
        """Lease those of these accounts that nobody holds, or is about to: account id to a fence above all
        earlier ones."""
        if not accounts:
            return {}
        free = self.filter(Q(lease_until=None) | Q(lease_until__lte=Now()), pk__in=accounts)
        taken = free.locked(at_most=at_most, skip_locked=True)
        until = Now() + timedelta(seconds=LEASE_S)
        self.filter(pk__in=taken).update(lease_holder=holder, lease_until=until, fence=F("fence") + 1)
        return {pk: fence + 1 for pk, fence in taken.items()}

    @transaction.atomic
    def release(self, holder: str, accounts: Collection[int] | None = None) -> None:
        """Give leases back at once, so that nobody waits for them to end."""
        mine = self.filter(lease_holder=holder)
        mine = mine if accounts is None else mine.filter(pk__in=accounts)
        self.filter(pk__in=mine.locked()).update(lease_holder="", lease_until=None)

    @transaction.atomic
    def book_readings(
        self, wanted: Mapping[int, int], *, neglected: Collection[int]
    ) -> dict[int, list[float]]:
        """Take so many readings of each of these accounts from its budget, or as many as fit: account id to
        in how many seconds each may be sent. `neglected`: see `pace.booked_for_s`."""
        rows = self.filter(pk__in=wanted).order_by("pk").select_for_update(no_key=True)
        now = DatabaseSeconds()
        booked, used = {}, []
        for pk, free_at, first_until, at in rows.values_list("pk", "free_at", "launches_first_until", now):
            booked[pk] = pace.booked_for_s(
                wanted[pk],
                used_s=max(0.0, free_at - at),
                launches_wait=first_until > at,
                is_neglected=pk in neglected,
            )
            used.append((max(free_at, at) + len(booked[pk]) * pace.STEP_S, pk))
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE runs_gigaaccount SET free_at = %s WHERE id = %s", used)
        return booked


class GigaAccount(models.Model):
    """A workspace's Giga key, its limiter, and the lease of whoever watches its runs."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, related_name="giga_account")
    api_url = models.CharField(max_length=200)
    sealed_api_key = models.TextField(editable=False)
    # When a manager set the key on its page: from then on the one of the environment does not count. Empty:
    # it is the one of the environment, or the demo's own.
    key_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    key_set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    is_simulated = models.BooleanField(default=False)
    not_before = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=500, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    # Since when Giga cannot be reached, and the outages counted before that was said.
    broken_since = models.DateTimeField(null=True, blank=True)
    probe_after = models.DateTimeField(null=True, blank=True, editable=False)
    outages = models.PositiveIntegerField(default=0, editable=False)
    outages_since = models.DateTimeField(null=True, blank=True, editable=False)
    # The budget: when all that was taken from it has leaked away, and until when launches that wait for it
    # come before all others. In seconds since 1970, by the database's clock.
    free_at = models.FloatField(default=0, editable=False)
    launches_first_until = models.FloatField(default=0, editable=False)
    lease_holder = models.CharField(max_length=64, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    fence = models.PositiveBigIntegerField(default=0, editable=False)

    objects = GigaAccountQuerySet.as_manager()

    def __str__(self):
        return f"Giga for {self.workspace}"

    @property
    def api_key(self) -> str:
        return unseal(self.sealed_api_key, place=f"giga_account:{self.workspace_id}:api_key")

    @api_key.setter
    def api_key(self, key: str) -> None:
        self.sealed_api_key = seal(key, place=f"giga_account:{self.workspace_id}:api_key")

    @property
    def access(self) -> Access:
        return Access(self.api_url, self.api_key, client_id=f"gigawatch-{self.workspace_id}")

    @property
    def readable_key(self) -> str:
        """The key; "" when it cannot be opened with the encryption keys of this start."""
        try:
            return self.api_key
        except Unreadable:
            return ""

    @property
    def has_readable_key(self) -> bool:
        return bool(self.readable_key)

    @property
    def is_local(self) -> bool:
        """Whether this Giga is on this machine, as the simulator is."""
        return is_loopback(urlsplit(self.api_url).hostname or "")

    @property
    def is_open(self) -> bool:
        """Whether Giga may be asked anything for this workspace right now."""
        now = timezone.now()
        waits = [self.not_before, self.probe_after if self.broken_since else None]
        return not self.paused_at and not any(until and until > now for until in waits)

    @property
    def outage(self) -> str:
        """Since when Giga cannot be reached, a sentence to keep; "" when it can."""
        if not self.broken_since:
            return ""
        since = self.broken_since.isoformat(timespec="seconds")
        return f"Giga cannot be reached since {since}. Trying again by itself."

    @property
    def rate_limit(self) -> str:
        """Why nothing is asked before `not_before`, a sentence to keep."""
        if self.not_before and self.not_before > timezone.now() + LONG_WAIT:
            until = self.not_before.isoformat(timespec="seconds")
            return f"Waiting for the rate limit of Giga, until {until}."
        return RATE_LIMIT

    @writes
    def take_for_launch(self, requests: int = 1) -> bool:
        """Spend so many requests on what costs money; False when they are not free now. One UPDATE decides,
        so that all threads and processes share one budget."""
        return self._take(requests, may_be_asked(), room=pace.BUCKET)

    @writes
    def take_for_person(self) -> bool:
        """Spend one request on something a person waits for; False when there is none left now, or launches
        wait."""
        no_launch_waits = Q(launches_first_until__lte=DatabaseSeconds())
        return self._take(1, may_be_asked(), no_launch_waits, room=pace.BUCKET - 1)

    @writes
    def take_for_new_key(self) -> bool:
        """Spend one request on trying another key: that the one in use was refused, or has to wait, says
        nothing of that."""
        return self._take(1, room=pace.BUCKET - 1)

    def _take(self, requests: int, *conditions: Q, room: int) -> bool:
        now = DatabaseSeconds()
        fits = Q(free_at__lte=now + Value((room - requests) * pace.STEP_S + ROUNDING_S))
        mine = GigaAccount.objects.filter(fits, *conditions, pk=self.pk)
        return bool(mine.update(free_at=Greatest(F("free_at"), now) + Value(requests * pace.STEP_S)))

    @writes
    def put_launch_first(self, requests: int, *, behind: int = 0) -> float:
        """A launch waits for so many requests, behind so many others. Nobody else is served before it.
        Returns in how many seconds they are probably free."""
        now = DatabaseSeconds()
        account = GigaAccount.objects.filter(pk=self.pk)
        used_s = account.values_list(F("free_at") - now, flat=True)[0]
        room_s = (pace.BUCKET - requests - behind * pace.LAUNCH_REQUESTS) * pace.STEP_S
        wait_s = max(0.0, used_s - room_s)
        until = now + Value(wait_s + LAUNCH_FIRST_S)
        account.update(launches_first_until=Greatest(F("launches_first_until"), until))
        return wait_s

    @property
    def has_launches_waiting(self) -> bool:
        """Whether launches wait for the budget."""
        now = DatabaseSeconds()
        return GigaAccount.objects.filter(pk=self.pk, launches_first_until__gt=now).exists()

    @writes
    def take_or_why_not(self, person_id: int | None = None) -> str:
        """Spend one request on something a person asked for, who has so many a minute. Returns "" or why
        Giga is not asked now, a sentence to keep."""
        if why_not := self.why_not_open():
            return why_not
        if person_id is not None and not _takes_one_of_a_minute(person_id):
            most = MAX_ASKED_A_MINUTE
            return f"You asked Giga {most} times within a minute, which is the limit. Wait a moment."
        return "" if self.take_for_person() else RATE_LIMIT

    def why_not_open(self) -> str:
        """Why Giga may not be asked anything for this workspace now, a sentence to keep; "" when it may."""
        if self.paused_at:
            return self.paused_reason
        if not self.has_readable_key:
            return KEY_UNREADABLE
        return "" if self.is_open else self.outage or self.rate_limit

    @writes
    def take_probe(self) -> bool:
        """Whether Giga may be asked in spite of an outage: always without one, else one request in 15 s."""
        if not self.broken_since:
            return True
        now = timezone.now()
        due = Q(probe_after=None) | Q(probe_after__lte=now)
        return bool(GigaAccount.objects.filter(due, pk=self.pk).update(probe_after=now + PROBE_EVERY))

    @writes
    def set_key(self, key: str, *, by=None, api_url: str = "", is_simulated: bool = False) -> bool:
        """Ask Giga with this key from now on, even after a refused one; `by` is nobody where it is the
        environment's. False, and nothing written, when the key was replaced since this row was read. Nothing
        else of the account is touched: who watches goes on watching, with the new key from the next request
        on."""
        seen, self.api_key = self.sealed_api_key, key
        new: dict[str, Any] = {"sealed_api_key": self.sealed_api_key, "is_simulated": is_simulated}
        new |= {"key_set_at": timezone.now() if by else None, "key_set_by": by}
        new |= {"api_url": api_url} if api_url else {}
        anew: dict[str, Any] = {"paused_at": None, "paused_reason": "", "not_before": None}
        anew |= {"broken_since": None, "probe_after": None, "outages": 0}
        is_set = bool(GigaAccount.objects.filter(pk=self.pk, sealed_api_key=seen).update(**new, **anew))
        self.refresh_from_db()
        return is_set

    @writes
    def resume(self) -> None:
        """Ask with the same key again, though it was refused: it may be good by now. What Retry-After said
        still holds."""
        GigaAccount.objects.filter(pk=self.pk).update(paused_at=None, paused_reason="")
        self.refresh_from_db()

    @writes
    def pause(self, reason: str) -> None:
        """Ask Giga nothing more until somebody looks: refused keys are themselves limited. A refusal of a key
        that was replaced meanwhile says nothing of the new one."""
        GigaAccount.objects.filter(pk=self.pk, paused_at=None, sealed_api_key=self.sealed_api_key).update(
            paused_at=timezone.now(), paused_reason=beginning(reason, 500)
        )

    @writes
    def wait(self, seconds: float) -> None:
        """Ask nothing for so long: what Retry-After says counts for the whole key."""
        until = timezone.now() + timedelta(seconds=seconds)
        self.not_before = max(until, self.not_before or until)
        GigaAccount.objects.filter(Q(not_before=None) | Q(not_before__lt=until), pk=self.pk).update(
            not_before=until
        )

    @writes
    def note(self, error: GigaError) -> None:
        """What a failed call means for the whole key: a refused one is paused, Retry-After is kept, and
        outages in a row open the circuit."""
        if error.outcome == Outcome.KEY_REFUSED:
            self.pause(f"Giga refuses this workspace's key: {error.message}")
        elif error.retry_after_s and error.outcome != Outcome.NO_FREE_COMPUTER:
            self.wait(error.retry_after_s)
        if error.is_outage:
            self._count_outage()

    def _count_outage(self) -> None:
        now = timezone.now()
        account = GigaAccount.objects.filter(pk=self.pk)
        recent = Q(outages_since__gt=now - OUTAGES_WITHIN)
        account.filter(recent).update(outages=F("outages") + 1)
        account.exclude(recent).update(outages=1, outages_since=now)
        account.filter(outages__gte=OUTAGES_TO_OPEN, broken_since=None).update(
            broken_since=now, probe_after=now + PROBE_EVERY
        )

    @writes
    def answered(self, now: datetime) -> None:
        """Remember that Giga answered, which ends an outage; at most once a minute otherwise, to spare the
        database."""
        account = GigaAccount.objects.filter(pk=self.pk)
        if self.outages or self.broken_since:
            account.update(answered_at=now, outages=0, outages_since=None, broken_since=None)
        elif not self.answered_at or now - self.answered_at > timedelta(seconds=60):
            account.update(answered_at=now)
