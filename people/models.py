"""Workspaces and who belongs to them. Knows nothing of runs or of Giga."""

from django.conf import settings
from django.db import models


class WorkspaceQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The workspaces this person is a member of."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self.filter(memberships__user=user)


class Workspace(models.Model):
    """A team, its members, its runs."""

    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    def __str__(self):
        return self.name

    @property
    def initials(self) -> str:
        return initials_of(self.name)


class Membership(models.Model):
    """A person's place in a workspace."""

    class Role(models.TextChoices):
        VIEWER = "viewer", "Viewer"
        OPERATOR = "operator", "Operator"
        MANAGER = "manager", "Manager"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="one_place_per_person")]

    def __str__(self):
        return f"{self.user}, {self.get_role_display().lower()} of {self.workspace}"

    @property
    def can_operate(self) -> bool:
        """May launch, see desktops and settle runs."""
        return self.role in (self.Role.OPERATOR, self.Role.MANAGER)

    @property
    def can_manage(self) -> bool:
        return self.role == self.Role.MANAGER


def membership_of(user, workspace_id: int | None = None) -> Membership | None:
    """This person's membership in a workspace, or None for a stranger there. Without a workspace: the one
    they work in, which is the oldest."""
    if not user.is_authenticated or not user.is_active:
        return None
    memberships = user.memberships.select_related("workspace").order_by("id")
    return memberships.filter(**{"workspace": workspace_id} if workspace_id else {}).first()


def initials_of(name: str) -> str:
    """Two letters for a round badge: `Mara Lindqvist` is ML, `admin` is AD."""
    words = name.split()
    letters = "".join(word[0] for word in words[:2]) if len(words) > 1 else name.strip()[:2]
    return letters.upper()
