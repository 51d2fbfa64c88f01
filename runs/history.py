"""What happened to runs, in order. Models only; events are written by the verbs of `Run`."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from people.models import Workspace
from runs.status import Look, look_of

WHY_LENGTH = 1000


class RunEvent(models.Model):
    """One thing that happened to a run. Its id grows: a page knows by the newest id whether it missed
    something."""

    run = models.ForeignKey("runs.Run", models.CASCADE, related_name="events")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=20)
    was = models.CharField(max_length=12, blank=True)
    now = models.CharField(max_length=12, blank=True)
    why = models.CharField(max_length=WHY_LENGTH, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    # How often it happened in a row, and when first, where repeats are one line (`repeats.folded`).
    times = 1
    first_at: datetime | None = None

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="event_of_workspace"),
            models.Index(fields=["run", "-id"], name="event_of_run"),
        ]

    def __str__(self):
        return f"{self.run_id}: {self.kind}"

    @property
    def look(self) -> Look:
        """The look of the status this event led to."""
        return look_of(self.now)


def newest_event_id(workspace: Workspace) -> int:
    """How far this workspace's history has come; 0 when nothing happened yet."""
    newest = RunEvent.objects.filter(workspace=workspace).order_by("-id").values_list("id", flat=True).first()
    return newest or 0
