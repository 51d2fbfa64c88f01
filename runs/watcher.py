"""One round of watching: which runs are due, and is there budget to ask. No rules about status."""

from collections.abc import Callable
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from runs import pace
from runs.following import refresh
from runs.models import GigaAccount, Run
from runs.settling import settle
from runs.status import Status


def watch_round(submit: Callable[[Callable, int], object]) -> int:
    """Hand every run that is due, and that its key's budget allows, to `submit(job, run id)`. Returns how
    many were asked."""
    asked = 0
    now = timezone.now()
    active = dict(Run.objects.watched().order_by().values_list("workspace").annotate(Count("pk")))
    for account in GigaAccount.objects.filter(workspace__in=active, paused_at=None):
        interval = timedelta(seconds=pace.poll_interval_s(active[account.workspace_id]))
        for run in Run.objects.to_watch(now).filter(workspace=account.workspace_id)[:10]:
            if not account.is_open or not account.take_for_poll():
                break
            if run.claim_reading(again_at=now + interval):
                submit(settle if run.status == Status.UNKNOWN else refresh, run.pk)
                asked += 1
    return asked
