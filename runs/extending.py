"""Extending: 15 more minutes for a computer, at most once for each press. Plain functions of models and
plain values; no requests, no templates. Never a network call inside a transaction."""

import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from people.models import Membership
from runs import giga, limits
from runs.accepting import NotAllowed, NotPossible
from runs.crash import crash_point
from runs.giga import GigaError
from runs.models import Extension, GigaAccount, Run

MINUTES = Extension.MINUTES
TOKENS = uuid.UUID("6d1f3a52-5c1e-4a55-9f0a-0d5d3a3f0c15")
# 5 s to connect, 20 s for the answer, and a margin.
EXTEND_LEASE = timedelta(seconds=30)
ASKED_FOR = timedelta(seconds=60)

SILENT = gettext_lazy(
    "Giga is not asked any more, so no time can be added. The reason stands above the page."
)


def accept_extension(run: Run, membership: Membership, *, token: uuid.UUID) -> Extension:
    """Take a press of +15 min on; the same token gives the same extension. Raises NotAllowed, NotPossible or
    OverLimit."""
    if not membership.can_operate:
        raise NotAllowed("Only operators and managers extend a run.")
    if not run.can_be_extended:
        raise NotPossible(_("Only a run with a computer can be extended."))
    if is_silent(run):
        raise NotPossible(SILENT)
    with transaction.atomic():
        limits.hold(run.workspace_id)
        if pressed := Extension.objects.filter(run=run, token=token).first():
            return pressed
        limits.keep_hours(membership, minutes=MINUTES, title=run.title)
        extension = Extension.objects.create(run=run, by=membership.user, token=token)
        run.record("extend", why=f"{MINUTES} min asked for", by=membership.user)
    return extension


def is_silent(run: Run) -> bool:
    """Whether Giga is asked nothing for this run's workspace: a press would wait, and be given up."""
    return GigaAccount.objects.filter(workspace=run.workspace_id).exclude(paused_at=None).exists()


def offer(run: Run) -> dict:
    """What the page's button needs: whether it can be pressed now, the token of the next press, and whether
    the last one is under way. The token is the same for all who see the same state, so that two who press at
    once buy a quarter of an hour, not two."""
    if not run.can_be_extended:
        return {"can_extend": False}
    outcomes = list(run.extensions.values_list("outcome", flat=True))
    under_way = bool(outcomes) and outcomes[0] in (Extension.Outcome.ASKED, Extension.Outcome.SENDING)
    token = next_token(run.pk, len(outcomes))
    return {"can_extend": True, "is_extending": under_way, "extend_token": token}


def next_token(run_id: int, made: int) -> uuid.UUID:
    """The token of the press that follows `made` extensions."""
    return uuid.uuid5(TOKENS, f"{run_id} {made}")


def extend(extension_id: int) -> None:
    """Ask Giga once. Whatever is not a clear answer stays unclear, and is for a person to judge: a repeated
    call would add, and cost, another quarter of an hour."""
    extension = (
        Extension.objects.select_related("run__workspace__giga_account").filter(pk=extension_id).first()
    )
    if extension is None or extension.outcome != Extension.Outcome.ASKED:
        return
    run, account = extension.run, extension.run.workspace.giga_account
    if timezone.now() - extension.asked_at > ASKED_FOR:
        _end(extension, Extension.Outcome.REFUSED, f"{MINUTES} min were not asked for: it took too long")
        return
    if account.why_not_open() or not extension.become(
        Extension.Outcome.SENDING, claimed_until=timezone.now() + EXTEND_LEASE
    ):
        return
    if not account.take_for_launch():
        account.put_launch_first(1)
        extension.become(Extension.Outcome.ASKED, claimed_until=None)
        return
    crash_point("extend_sending_stored")
    if not _has_time_to_ask(extension):
        return
    try:
        giga.extend_sandbox(account.access, sandbox_id=run.sandbox_id)
    except GigaError as error:
        account.note(error)
        if error.was_not_done:
            _refuse(extension, f"{MINUTES} min were not added: {error.message}")
        else:
            why = f"Whether {MINUTES} min were added is not known: {error.message}"
            _end(extension, Extension.Outcome.UNCLEAR, why)
        return
    crash_point("extend_answered")
    _confirm(extension)


def _has_time_to_ask(extension: Extension) -> bool:
    """Whether the claim outlasts the call. A process that was stopped meanwhile must not ask any more: others
    may have told people that it is not known whether it did."""
    call_ends_at = timezone.now() + timedelta(seconds=giga.READ_S)
    mine = Extension.objects.filter(pk=extension.pk, outcome=Extension.Outcome.SENDING)
    return mine.filter(claimed_until__gt=call_ends_at).exists()


def _answered(extension: Extension, outcome: str) -> bool:
    """What Giga says is better than what they could know who gave the press up meanwhile."""
    if extension.become(outcome):
        return True
    extension.refresh_from_db(fields=["outcome"])
    return extension.outcome == Extension.Outcome.UNCLEAR and extension.become(outcome)


@transaction.atomic
def _confirm(extension: Extension) -> None:
    if _answered(extension, Extension.Outcome.CONFIRMED):
        run = extension.run
        added = F("extended_minutes") + MINUTES
        Run.objects.filter(pk=run.pk).update(extended_minutes=added)
        run.record("extend", why=f"{MINUTES} min added, says Giga")


@transaction.atomic
def _refuse(extension: Extension, why: str) -> None:
    if _answered(extension, Extension.Outcome.REFUSED):
        extension.run.record("extend", why=why)


@transaction.atomic
def _end(extension: Extension, outcome: str, why: str) -> None:
    if extension.become(outcome):
        extension.run.record("extend", why=why)


def give_up_sending() -> int:
    """Extensions whose process is gone while Giga was being asked: nobody knows what Giga heard."""
    sending = Extension.objects.filter(outcome=Extension.Outcome.SENDING)
    stuck = list(sending.filter(claimed_until__lte=timezone.now()).select_related("run"))
    for extension in stuck:
        why = f"Whether {MINUTES} min were added is not known: Gigawatch was stopped while it asked"
        _end(extension, Extension.Outcome.UNCLEAR, why)
    return len(stuck)


def waiting() -> list[int]:
    """Presses that nobody has carried to Giga yet."""
    return list(Extension.objects.filter(outcome=Extension.Outcome.ASKED).values_list("pk", flat=True)[:100])
