"""What people add to runs: tags, notes, views of the list. Models only; runs change by the verbs of `Run`."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from people.models import Workspace
from people.names import label_key

TAG_LENGTH = 40
NOTE_LENGTH = 5_000
QUERY_LENGTH = 1_000


class Named(models.Model):
    """Something whose name nothing else beside it has, in whatever capitals and forms of its letters."""

    folded = models.TextField(editable=False)

    class Meta:
        abstract = True

    def save(self, **kwargs):
        self.folded = label_key(self.name)
        super().save(**kwargs)


class TagQuerySet(models.QuerySet):
    def called(self, workspace_id: int, name: str) -> "Tag":
        """The workspace's tag of this name, however it was written first; a new one when there is none."""
        written = {"defaults": {"name": name}, "folded": label_key(name)}
        return self.get_or_create(workspace_id=workspace_id, **written)[0]


class Tag(Named):
    """A word by which a workspace sorts its runs."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="tags")
    name = models.CharField(max_length=TAG_LENGTH)

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "folded"], name="one_tag_of_a_name")]

    def __str__(self):
        return self.name


class RunNote(models.Model):
    """What a person wrote beside a run."""

    run = models.ForeignKey("runs.Run", models.CASCADE, related_name="notes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    text = models.TextField(max_length=NOTE_LENGTH)

    class Meta:
        ordering = ["-id"]

    def __str__(self):
        return f"Note on run {self.run_id}"


class SavedViewQuerySet(models.QuerySet):
    def visible_to(self, user, workspace: Workspace):
        """A person's own views of this workspace's list, and those that colleagues share."""
        return self.filter(Q(owner=user) | Q(is_shared=True), workspace=workspace)


class SavedView(Named):
    """A name for a state of the runs list. `query` is the address of that state, from the `?` on."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="saved_views")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=QUERY_LENGTH, blank=True)
    is_shared = models.BooleanField(default=False)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "owner", "folded"], name="one_view_of_a_name")
        ]

    def __str__(self):
        return self.name
