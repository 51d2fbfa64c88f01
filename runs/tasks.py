"""What the task engine calls: thin. The row is the job; a task is only a bell that may ring twice or
never."""

from django.utils import timezone
from django_tasks import task

from runs import launching
from runs.models import Run


@task()
def launch(run_id: int) -> None:
    launching.launch(run_id)


def tick() -> int:
    """Ring for every launch that is due and unclaimed, and give up what a dead process held. Returns how
    many."""
    now = timezone.now()
    stuck = list(Run.objects.stuck_sending(now))
    for run in stuck:
        launching.give_up_sending(run)
    due = list(Run.objects.to_launch(now).values_list("pk", flat=True)[:100])
    for run_id in due:
        launch.enqueue(run_id)
    return len(stuck) + len(due)
