"""Workspaces, who belongs to them, and who is invited. Knows nothing of runs or of Giga."""

import hashlib
import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from people.audit import USERNAME_LENGTH, AuditEntry, AuditHead, AuditRepeats
from people.names import validate_visible
from people.texts import clusters

__all__ = [
    "AuditEntry",
    "AuditHead",
    "AuditRepeats",
    "Invitation",
    "Membership",
    "NewAddress",
    "Preferences",
    "SignInName",
    "Workspace",
    "membership_of",
]

NAME_LENGTH = 80
INVITATION_LASTS = timedelta(days=7)
SECOND_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


class WorkspaceQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The workspace this person works in: what they see, they see of this one, and of no other they
        belong to."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        place = Membership.objects.places_of(user).values("workspace")[:1]
        return self.filter(enterable_by(user), pk=Subquery(place))

    def of(self, user):
        """All workspaces this person belongs to, by name: for changing from one to another."""
        return self.filter(memberships__user=user).order_by("name", "id")


def enterable_by(user) -> Q:
    """Workspaces that ask for no second factor, or the person has one."""
    return Q(needs_second_factor=False) | Exists(second_factors_of(user))


def second_factors_of(user):
    return Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS)


class Workspace(models.Model):
    """A team, its members, its runs."""

    name = models.CharField(max_length=NAME_LENGTH, validators=[validate_visible])
    created_at = models.DateTimeField(auto_now_add=True)
    needs_second_factor = models.BooleanField(default=False)
    # How much may be launched; None where nothing is said.
    launches_a_minute_each = models.PositiveSmallIntegerField(null=True, blank=True, default=10)
    launches_a_minute = models.PositiveSmallIntegerField(null=True, blank=True, default=30)
    active_runs = models.PositiveSmallIntegerField(null=True, blank=True)
    run_hours_a_day = models.PositiveSmallIntegerField(null=True, blank=True)

    objects = WorkspaceQuerySet.as_manager()

    def __str__(self):
        return self.name

    @property
    def initials(self) -> str:
        return initials_of(self.name)


class Role(models.TextChoices):
    VIEWER = "viewer", _("Viewer")
    OPERATOR = "operator", _("Operator")
    MANAGER = "manager", _("Manager")


class MembershipQuerySet(models.QuerySet):
    def places_of(self, user):
        """A person's memberships; the workspace they chose comes first, then the oldest."""
        is_chosen = When(user__preferences__workspace=F("workspace"), then=Value(0))
        return self.filter(user=user).order_by(Case(is_chosen, default=Value(1)), "id")

    def managers(self):
        return self.filter(role=Role.MANAGER)


class Membership(models.Model):
    """A person's place in a workspace."""

    Role = Role

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="one_place_per_person")]

    def __str__(self):
        return f"{self.user}: {self.get_role_display()}, {self.workspace}"

    @property
    def may_enter(self) -> bool:
        """The workspace asks for no second factor, or the person has one: for each page, and so a question
        to the database only where it matters."""
        return not self.workspace.needs_second_factor or second_factors_of(self.user_id).exists()

    @property
    def can_operate(self) -> bool:
        """May launch, see desktops and settle runs."""
        return self.role in (Role.OPERATOR, Role.MANAGER)

    @property
    def can_manage(self) -> bool:
        return self.role == Role.MANAGER


class InvitationQuerySet(models.QuerySet):
    def unanswered(self):
        """Those that nobody accepted or revoked, and whose time is not over."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())

    def open(self):
        """Those that can be accepted now: who made them may still invite, and has the second factor that the
        workspace asks for."""
        return self.unanswered().filter(_maker_may_invite(), _maker_may_enter())

    def orphaned(self):
        """Those that could be, did who made them still have the right to invite."""
        return self.unanswered().exclude(_maker_may_invite())

    def of_token(self, token: str):
        """The open invitation whose link this is, as a queryset of at most one."""
        return self.open().filter(token_hash=hash_of(token))


def _maker_may_invite() -> Exists:
    managers = Membership.objects.managers().filter(user__is_active=True)
    return Exists(managers.filter(user=OuterRef("created_by"), workspace=OuterRef("workspace")))


def _maker_may_enter() -> Q:
    """`enterable_by`, without a join: one UPDATE decides who accepts."""
    is_open = Workspace.objects.filter(pk=OuterRef("workspace"), needs_second_factor=False)
    return Q(Exists(is_open)) | Exists(second_factors_of(OuterRef("created_by")))


class Invitation(models.Model):
    """A link that makes one person a member, once, within seven days. Whoever has the link may use it,
    unless it was sent to an address: then only the person of that address."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.OPERATOR)
    email = models.EmailField(blank=True)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self):
        return self.email or f"link for one {self.role}"


class SignInName(models.Model):
    """What a person signs in with, as it is compared: one name is one person's, however it is written. Kept
    by `people.sign_in_names` wherever an account is saved."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="sign_in_name"
    )
    folded = models.CharField(max_length=USERNAME_LENGTH, unique=True)

    def __str__(self):
        return self.folded


class Preferences(models.Model):
    """How a person wants to read, where they work, and what pages remember for them by name."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="preferences")
    workspace = models.ForeignKey(Workspace, models.SET_NULL, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=10, blank=True, choices=settings.LANGUAGES)
    time_zone = models.CharField(max_length=60, blank=True)
    remembered = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self):
        return f"Preferences of {self.user}"


class NewAddress(models.Model):
    """When a person confirmed that an e-mail address is theirs, where it replaced another one."""

    address = models.OneToOneField(EmailAddress, models.CASCADE, related_name="+")
    confirmed_at = models.DateTimeField()

    def __str__(self):
        return f"{self.address}, confirmed at {self.confirmed_at}"


def place_of(user) -> Membership | None:
    """Where this person works, though they may have to bring a second factor first (`may_enter`)."""
    if not user.is_authenticated or not user.is_active:
        return None
    return _places(user).first()


def membership_of(user, workspace_id: int | None = None) -> Membership | None:
    """This person's membership in a workspace, or None for a stranger there. Without a workspace: the one
    they work in, which is the one they chose, else the oldest."""
    if not user.is_authenticated or not user.is_active:
        return None
    place = _places(user).filter(**{"workspace": workspace_id} if workspace_id else {}).first()
    return place if place and place.may_enter else None


def _places(user):
    return Membership.objects.places_of(user).select_related("workspace", "user__preferences")


def new_token() -> str:
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """What is kept of a link: enough to know it again, not enough to use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def initials_of(name: str) -> str:
    """Two letters for a round badge: `Mara Lindqvist` is ML, `admin` is AD."""
    words = name.split()
    letters = [clusters(word)[0] for word in words[:2]] if len(words) > 1 else clusters(name.strip())[:2]
    return "".join(letters).upper()
