"""Workspaces and who belongs to them: making, naming, inviting, joining, roles, leaving. Plain functions of
models and plain values; each act is audited in its own transaction. No requests, no templates."""

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from people.addresses import people_of_address
from people.audit import Act, audit
from people.bell import ring_for
from people.models import (
    INVITATION_LASTS,
    Invitation,
    Membership,
    Preferences,
    Role,
    Workspace,
    hash_of,
    new_token,
)

LIMITS = ["launches_a_minute_each", "launches_a_minute", "active_runs", "run_hours_a_day"]


class NotPossible(Exception):
    """This cannot be done to a team; the text says why, for people."""


@transaction.atomic
def make_workspace(user, *, name: str) -> Workspace:
    """A new workspace, managed by who made it, who works in it from now on."""
    workspace = Workspace.objects.create(name=name)
    Membership.objects.create(user=user, workspace=workspace, role=Role.MANAGER)
    audit(user, Act.WORKSPACE_MADE, workspace, workspace=workspace)
    work_in(user, workspace)
    return workspace


def work_in(user, workspace: Workspace) -> None:
    """Remember where this person works from now on."""
    Preferences.objects.update_or_create(user=user, defaults={"workspace": workspace})
    ring_for(user.pk)


@transaction.atomic
def switch(user, workspace: Workspace) -> None:
    """Go on in another workspace of one's own."""
    work_in(user, workspace)
    audit(user, Act.WORKSPACE_SWITCHED, workspace, workspace=workspace)


@transaction.atomic
def change(membership: Membership, act: str, **fields) -> None:
    """Change the workspace this manager is in: its name, what it asks for, its limits."""
    workspace = Workspace.objects.select_for_update(no_key=True).get(pk=membership.workspace_id)
    before = {name: getattr(workspace, name) for name in fields if getattr(workspace, name) != fields[name]}
    if not before:
        return
    Workspace.objects.filter(pk=workspace.pk).update(**fields)
    audit(membership, act, workspace, before=before, after={name: fields[name] for name in before})


@transaction.atomic
def invite(membership: Membership, *, role: str, email: str = "") -> tuple[Invitation, str]:
    """An invitation, and the token of its link, which is not kept anywhere."""
    members = Membership.objects.filter(workspace=membership.workspace)
    if email and members.filter(user__in=people_of_address(email)).exists():
        raise NotPossible(_("Somebody with this address is a member already."))
    token = new_token()
    invitation = Invitation.objects.create(
        workspace=membership.workspace,
        role=role,
        email=email,
        token_hash=hash_of(token),
        created_by=membership.user,
        expires_at=timezone.now() + INVITATION_LASTS,
    )
    audit(membership, Act.INVITED, invitation.email, after={"role": role})
    return invitation, token


@transaction.atomic
def revoke(membership: Membership, invitation: Invitation) -> bool:
    """Make the link of an invitation worthless; False when it was used or over already."""
    mine = Invitation.objects.unanswered().filter(pk=invitation.pk, workspace=membership.workspace)
    if not mine.update(revoked_at=timezone.now()):
        return False
    audit(membership, Act.INVITATION_REVOKED, invitation.email, before={"role": invitation.role})
    return True


@transaction.atomic
def revoke_orphaned(*, by=None) -> None:
    """Make the links worthless whose maker may not invite any more. They open nothing anyhow; this way they
    stay so when that person becomes a manager again. Called wherever somebody's rights change."""
    for invitation in Invitation.objects.orphaned().select_related("workspace", "created_by"):
        if Invitation.objects.unanswered().filter(pk=invitation.pk).update(revoked_at=timezone.now()):
            maker = invitation.created_by.get_username() if invitation.created_by else ""
            before = {"role": invitation.role, "by": maker}
            workspace = invitation.workspace
            audit(by, Act.INVITATION_REVOKED, invitation.email, workspace=workspace, before=before)


@transaction.atomic
def join(user, invitation: Invitation) -> Membership:
    """Accept an invitation: its person becomes a member, once. Raises NotPossible."""
    # Meanwhile nobody can be removed who invites.
    Workspace.objects.select_for_update(no_key=True).get(pk=invitation.workspace_id)
    if invitation.email and not people_of_address(invitation.email).filter(pk=user.pk).exists():
        if invitation.email.lower() == user.email.lower():
            raise NotPossible(
                _("Confirm first, under “E-mail addresses”, that %(email)s is yours, then open the link.")
                % {"email": user.email}
            )
        raise NotPossible(
            _("This invitation was sent to another address than the one of your account, %(email)s.")
            % {"email": user.email or _("which has none")}
        )
    if Membership.objects.filter(user=user, workspace=invitation.workspace).exists():
        raise NotPossible(_("You are a member of this workspace already."))
    # One UPDATE decides who of two that use the same link at once gets in.
    if (
        not Invitation.objects.open()
        .filter(pk=invitation.pk)
        .update(accepted_at=timezone.now(), accepted_by=user)
    ):
        raise NotPossible(_("This invitation is over: it was used, or taken back."))
    try:
        with transaction.atomic():
            membership = Membership.objects.create(
                user=user, workspace=invitation.workspace, role=invitation.role
            )
    except IntegrityError:  # by another invitation, just now
        raise NotPossible(_("You are a member of this workspace already.")) from None
    audit(membership, Act.JOINED, invitation.workspace, after={"role": invitation.role})
    work_in(user, invitation.workspace)
    return membership


@transaction.atomic
def change_role(membership: Membership, member: Membership, role: str) -> None:
    """Give a member another role. Raises NotPossible when no manager would be left."""
    member = _held(membership, member)
    if member.role == role:
        return
    if member.can_manage:
        _leave_a_manager(member)
    Membership.objects.filter(pk=member.pk).update(role=role)
    ring_for(member.user_id)
    audit(membership, Act.ROLE_CHANGED, member.user, before={"role": member.role}, after={"role": role})
    revoke_orphaned(by=membership)


@transaction.atomic
def remove(membership: Membership, member: Membership) -> None:
    """End a membership; the account and what the person did stay. Raises NotPossible when no manager would
    be left."""
    member = _held(membership, member)
    if member.can_manage:
        _leave_a_manager(member)
    audit(membership, Act.REMOVED, member.user, before={"role": member.role})
    Membership.objects.filter(pk=member.pk).delete()
    Preferences.objects.filter(user=member.user, workspace=member.workspace).update(workspace=None)
    revoke_orphaned(by=membership)


def _held(membership: Membership, member: Membership) -> Membership:
    """This member as they are now, while nobody else can change who belongs to the workspace."""
    Workspace.objects.select_for_update(no_key=True).get(pk=membership.workspace_id)
    members = Membership.objects.select_related("user", "workspace").filter(workspace=membership.workspace_id)
    managers = Membership.objects.managers().filter(workspace=membership.workspace_id)
    if not managers.filter(user=membership.user_id).exists():
        raise NotPossible(_("You are not a manager any more."))
    found = members.filter(pk=member.pk).first()
    if found is None:
        raise NotPossible(_("This person is not a member any more."))
    return found


def _leave_a_manager(member: Membership) -> None:
    others = Membership.objects.managers().filter(workspace=member.workspace_id, user__is_active=True)
    if not others.exclude(pk=member.pk).exists():
        raise NotPossible(_("A workspace needs a manager: make somebody else one first."))
