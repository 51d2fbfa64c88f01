"""What the task engine calls: thin. The row is the job; a task is only a bell that may ring twice or
never."""

import logging

from django.utils import timezone
from django_tasks import task

from people.audit import sum_up_repeats
from runs import extending, following, launching, set_back
from runs.models import Run

logger = logging.getLogger(__name__)


@task()
def launch(run_id: int) -> None:
    launching.launch(run_id)


@task()
def extend(extension_id: int) -> None:
    extending.extend(extension_id)


def ring(row_id: int, bell=launch) -> bool:
    """Ring for a launch, or another bell; False when nobody can hear it now. Nothing is lost by that: the
    tick rings again."""
    try:
        bell.enqueue(row_id)
    except Exception:
        logger.warning("row %s waits: the bell for %s could not be rung", row_id, bell.name, exc_info=True)
        return False
    return True


def tick() -> int:
    """Ring for every launch and extension that is due and unclaimed, give up what a dead process held, and
    sum up what the audit log only counts. Returns how many."""
    set_back.heal_if_set_back()
    now = timezone.now()
    stuck = list(Run.objects.stuck_sending(now))
    for run in stuck:
        launching.give_up_sending(run)
    due = [(launch, pk) for pk in Run.objects.to_launch(now).values_list("pk", flat=True)[:100]]
    due += [(extend, pk) for pk in extending.waiting()]
    is_heard = True
    for bell, row_id in due:
        is_heard = is_heard and ring(row_id, bell)
        if not is_heard:  # the broker is away, and this process has threads of its own
            ring(row_id, bell.using(backend="here"))
    return (
        sum_up_repeats() + len(stuck) + following.give_up_unasked() + extending.give_up_sending() + len(due)
    )
