"""What is done to many runs at once. Each run is asked for itself, and what is refused is told with its
reason. Plain functions of models and plain values; no requests, no templates."""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from people.audit import Act, audit
from people.models import Membership
from runs import accepting, listing
from runs.accepting import NotAllowed
from runs.limits import OverLimit
from runs.models import Run
from runs.sayings import told

MOST_RELAUNCHED = 50
# Everything that matches may be a million runs: a page does not work on more than this.
MOST_CHANGED = 1000


class TooMany(Exception):
    """More than is done at a time; the text says how many these are, and that none of them is touched."""


@dataclass
class Outcome:
    """What became of it: how many were done, and how often each reason was given for not doing it."""

    done: list[Run] = field(default_factory=list)
    # Of what can be taken back: what stood there before, by the id of the run.
    before: dict[int, str] = field(default_factory=dict)
    refused: Counter = field(default_factory=Counter)

    def note(self, run: Run, reason: str = "") -> None:
        if reason:
            self.refused[reason] += 1
        else:
            self.done.append(run)


def chosen(runs, most: int) -> list[Run]:
    """These runs, unless there are more than are taken at a time."""
    some = list(runs[: most + 1])
    if len(some) > most:
        told = _("These are %(count)s runs, and at most %(most)d are taken at a time: nothing is done.")
        narrow = _("Narrow the list down by a filter, or select fewer.")
        count = listing.shown_count(listing.capped(runs))
        raise TooMany(f"{told} {narrow}" % {"count": count, "most": most})
    return some


def add_tag(membership: Membership, runs: Iterable[Run], name: str) -> Outcome:
    """Give each run one more tag."""
    _must_operate(membership)
    outcome = Outcome()
    for run in runs:
        is_added = run.add_tag(name, by=membership.user)
        outcome.note(run, "" if is_added else _("It has that tag already."))
    outcome.before = dict.fromkeys([run.pk for run in outcome.done], "")
    return outcome


def remove_tag(membership: Membership, runs: Iterable[Run], name: str) -> Outcome:
    """Take this tag off each run."""
    _must_operate(membership)
    outcome = Outcome()
    for run in runs:
        is_removed = run.remove_tag(name, by=membership.user)
        outcome.note(run, "" if is_removed else _("Somebody has changed it since."))
    return outcome


def judge(membership: Membership, runs: Iterable[Run], verdict: str) -> Outcome:
    """Give each run this verdict."""
    _must_operate(membership)
    outcome = Outcome()
    for run in runs:
        before = run.verdict
        is_judged = run.judge(verdict, by=membership.user)
        outcome.note(run, "" if is_judged else _("It is not over yet."))
        if is_judged:
            outcome.before[run.pk] = before
    return outcome


def judge_as_before(
    membership: Membership, runs: Iterable[Run], verdict: str, before: dict[int, str]
) -> Outcome:
    """Give each run with this verdict the one it had before."""
    _must_operate(membership)
    outcome = Outcome()
    for run in runs:
        is_judged = run.verdict == verdict and run.judge(before[run.pk], by=membership.user)
        outcome.note(run, "" if is_judged else _("Somebody has changed it since."))
    return outcome


def relaunch(membership: Membership, runs: Iterable[Run], token: uuid.UUID) -> Outcome:
    """Launch again what each of these runs was launched with. The same token launches once. The new runs are
    in `done`, and still to be rung for."""
    _must_operate(membership)
    outcome = plan_relaunch(runs)
    sources, outcome.done = outcome.done, []
    for run in sources:
        try:
            anew = accepting.relaunch(run, membership, token=uuid.uuid5(token, str(run.pk)))
        except OverLimit as reason:
            audit(membership, Act.REFUSED, f"{run.pk}: {run.title}", after={"reason": str(reason)})
            outcome.note(run, told(str(reason)))
        else:
            outcome.note(anew)
    return outcome


def plan_relaunch(runs: Iterable[Run]) -> Outcome:
    """What a relaunch of these would be: those to launch again are in `done`. Nothing is launched."""
    outcome, seen = Outcome(), set()
    for run in runs:
        if reason := accepting.obstacle_to_relaunch(run):
            outcome.note(run, reason)
        elif run.agent_session_id in seen:
            outcome.note(run, _("It is of the same session as another."))
        else:
            seen.add(run.agent_session_id)
            outcome.note(run)
    return outcome


def _must_operate(membership: Membership) -> None:
    if not membership.can_operate:
        raise NotAllowed(gettext_lazy("Only operators and managers change runs."))
