"""When the clock was ahead and is set back: moments that were written meanwhile would hold up launches and
readings until they come. No HTTP."""

from datetime import timedelta
from time import monotonic, time

from django.db.models import Value
from django.db.models.functions import Now

from runs import pace
from runs.accounts import LEASE_S, PROBE_EVERY, DatabaseSeconds
from runs.giga import MAX_RETRY_AFTER_S
from runs.models import LAUNCH_LEASE_S, Extension, GigaAccount, Run

# A clock that is kept right moves by less.
SET_BACK_S = 2.0
# Nothing else is put off for longer; a run whose answer broke us is read sooner then.
LONGEST = timedelta(minutes=5)

_ahead_s: float | None = None


def heal_if_set_back() -> None:
    """Asked once a second. Heals when the clock went back against the steady one, and at the start: what was
    before that is not known."""
    global _ahead_s
    before, _ahead_s = _ahead_s, time() - monotonic()
    if before is None or before - _ahead_s > SET_BACK_S:
        heal()


def heal() -> None:
    """Bring back within reach what lies further ahead than anything is ever put off."""
    active, accounts = Run.objects.active(), GigaAccount.objects.all()
    # What was asked in the future would make every later answer an older one.
    active.filter(asked_at__gt=Now()).update(asked_at=Now())
    _at_most(active, "due_at", LONGEST)
    for claimed in (active, Extension.objects.filter(outcome=Extension.Outcome.SENDING)):
        _at_most(claimed, "claimed_until", timedelta(seconds=LAUNCH_LEASE_S))
    # What was written by a clock that was ahead looks like a long Retry-After, and that is kept to.
    _at_most(accounts, "not_before", timedelta(seconds=MAX_RETRY_AFTER_S))
    _at_most(accounts, "probe_after", PROBE_EVERY)
    _at_most(accounts, "lease_until", timedelta(seconds=LEASE_S))
    # As if the bucket had just been filled: nobody knows how far it is.
    full = DatabaseSeconds() + Value(pace.BUCKET * pace.STEP_S)
    accounts.filter(free_at__gt=full).update(free_at=full)
    accounts.filter(launches_first_until__gt=full).update(launches_first_until=full)


def _at_most(rows, field: str, ahead: timedelta) -> None:
    rows.filter(**{f"{field}__gt": Now() + ahead}).update(**{field: Now() + ahead})
