"""What the task engine calls: thin. The row is the job; a task is only a bell that may ring twice or
never."""

import logging

from django.utils import timezone
from django_tasks import task

from runs import launching
from runs.models import Run

logger = logging.getLogger(__name__)


@task()
def launch(run_id: int) -> None:
    launching.launch(run_id)


def ring(run_id: int) -> bool:
    """Ring for a launch; False when nobody can hear it now. Nothing is lost by that: the tick rings again."""
    try:
        launch.enqueue(run_id)
    except Exception as error:
        logger.warning("run %s waits: the bell for its launch could not be rung: %s", run_id, error)
        return False
    return True


def tick() -> int:
    """Ring for every launch that is due and unclaimed, and give up what a dead process held. Returns how
    many."""
    now = timezone.now()
    stuck = list(Run.objects.stuck_sending(now))
    for run in stuck:
        launching.give_up_sending(run)
    due = list(Run.objects.to_launch(now).values_list("pk", flat=True)[:100])
    for run_id in due:
        if not ring(run_id):
            break
    return len(stuck) + len(due)
