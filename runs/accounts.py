"""A workspace's Giga key: where Giga is, and how many requests may be made now. No HTTP."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from people.models import Workspace
from runs import pace
from runs.desktop import is_loopback
from runs.giga import Access, GigaError, Outcome
from runs.sealed import seal, unseal

Method = TypeVar("Method", bound=Callable)


def writes(method: Method) -> Method:
    """Marks a method that changes data, so that no template can call it."""
    method.alters_data = True  # type: ignore[attr-defined]
    return method


class GigaAccount(models.Model):
    """A workspace's Giga key, and how many requests it may make now."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, related_name="giga_account")
    api_url = models.CharField(max_length=200)
    sealed_api_key = models.TextField(editable=False)
    is_simulated = models.BooleanField(default=False)
    not_before = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=500, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    # Theoretical arrival times of the two limiters (GCRA), as seconds since 1970.
    polls_free_at = models.FloatField(default=0, editable=False)
    people_free_at = models.FloatField(default=0, editable=False)

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
    def is_local(self) -> bool:
        """Whether this Giga is on this machine, as the simulator is."""
        return is_loopback(urlsplit(self.api_url).hostname or "")

    @property
    def is_open(self) -> bool:
        """Whether Giga may be asked anything for this workspace right now."""
        return not self.paused_at and not (self.not_before and self.not_before > timezone.now())

    @writes
    def take_for_poll(self) -> bool:
        """Spend one request of the readings' share; False when it is used up."""
        return self._take("polls_free_at", rate=pace.POLL_RATE_PER_S, burst=1)

    @writes
    def take_for_people(self) -> bool:
        """Spend one request for something a person waits for: from their own share, else from the
        readings'."""
        return (
            self._take("people_free_at", rate=pace.PEOPLE_RATE_PER_S, burst=pace.PEOPLE_BURST)
            or self.take_for_poll()
        )

    def _take(self, lane: str, *, rate: float, burst: int) -> bool:
        """One UPDATE decides, so that all threads and processes share one budget."""
        now = timezone.now()
        free = Q(not_before=None) | Q(not_before__lte=now)
        spent = {lane: Greatest(F(lane), now.timestamp()) + 1 / rate}
        allowed = {f"{lane}__lte": now.timestamp() + (burst - 1) / rate}
        return bool(GigaAccount.objects.filter(free, pk=self.pk, paused_at=None, **allowed).update(**spent))

    @writes
    def pause(self, reason: str) -> None:
        """Ask Giga nothing more until somebody looks: refused keys are themselves limited."""
        GigaAccount.objects.filter(pk=self.pk, paused_at=None).update(
            paused_at=timezone.now(), paused_reason=reason[:500]
        )

    @writes
    def resume(self) -> None:
        GigaAccount.objects.filter(pk=self.pk).update(paused_at=None, paused_reason="", not_before=None)

    @writes
    def wait(self, seconds: float) -> None:
        """Ask nothing for so long: what Retry-After says counts for the whole key."""
        until = timezone.now() + timedelta(seconds=seconds)
        GigaAccount.objects.filter(Q(not_before=None) | Q(not_before__lt=until), pk=self.pk).update(
            not_before=until
        )

    @writes
    def note(self, error: GigaError) -> None:
        """What a failed call means for the whole key: a refused one is paused, Retry-After is kept."""
        if error.outcome == Outcome.KEY_REFUSED:
            self.pause(f"Giga refuses this workspace's key: {error.message}")
        elif error.outcome == Outcome.RATE_LIMITED:
            self.wait(error.retry_after_s)

    @writes
    def answered(self, now: datetime) -> None:
        """Remember that Giga answered; at most once in five seconds, to spare the database."""
        if not self.answered_at or now - self.answered_at > timedelta(seconds=5):
            GigaAccount.objects.filter(pk=self.pk).update(answered_at=now)
