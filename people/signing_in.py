"""What is noted of signing in and out, of what people sign in with, and of what superusers do in the admin.
allauth and Django tell of it by signals."""

from allauth.account.adapter import get_adapter
from allauth.account.signals import (
    authentication_step_completed,
    email_added,
    email_removed,
    password_changed,
    password_reset,
    password_set,
)
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import (
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from allauth.socialaccount.signals import social_account_added, social_account_removed
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone, translation

from people.audit import Act, audit
from people.backends import people_called
from people.bell import ring_for
from people.models import Membership, Workspace, place_of
from people.sessions import SIGNED_IN_AT, WORKSPACE
from people.team import revoke_orphaned
from people.texts import beginning


def _note(user, act: str, object: str = "") -> None:
    place = place_of(user) if user else None
    audit(user, act, object, workspace=place and place.workspace)


@receiver(user_logged_in)
def signed_in(sender, request, user, **kwargs):
    place = place_of(user)
    request.session[SIGNED_IN_AT] = timezone.now().isoformat()
    request.session[WORKSPACE] = place and place.workspace_id
    audit(user, Act.SIGNED_IN, workspace=place and place.workspace)


@receiver(user_logged_out)
def signed_out(sender, request, user, **kwargs):
    if user:
        _note(user, Act.SIGNED_OUT)


@receiver(user_login_failed)
def sign_in_failed(sender, credentials, request=None, **kwargs):
    """A name nobody has is not kept: people type their password there by mistake."""
    people = people_called(str(credentials.get("username") or credentials.get("email") or "")[:254])
    user = people.first()
    # Asked for nobody, too: that takes as long.
    place = Membership.objects.places_of(people.values("pk")[:1]).select_related("workspace").first()
    audit(None, Act.SIGN_IN_FAILED, user or "", workspace=place and place.workspace)


@receiver(post_save, sender=get_user_model())
@transaction.atomic
def account_changed(sender, instance, created, update_fields=None, **kwargs):
    """Closed, perhaps, or with another password: open pages look. Nothing of a closed account is left open,
    so that it does not come back with the account one day: no login, no link, no invitation."""
    if created or update_fields == {"last_login"}:
        return
    if not instance.is_active:
        for session in UserSession.objects.filter(user=instance):
            session.end()
        revoke_orphaned()
    ring_for(instance.pk)


@receiver([post_save, post_delete], sender=Membership)
@transaction.atomic
def place_changed(sender, instance, **kwargs):
    """Another role, perhaps, or gone, be it with its workspace or account."""
    revoke_orphaned()
    ring_for(instance.user_id)


@receiver(post_save, sender=LogEntry)
def changed_in_the_admin(sender, instance, **kwargs):
    """Noted in the workspace it concerns; what concerns none is seen by no manager."""
    model = instance.content_type.model_class() if instance.content_type else None
    changed = (
        model.objects.filter(pk=instance.object_id).first() if model in (Workspace, Membership) else None
    )
    workspace = getattr(changed, "workspace", changed)
    with translation.override("en"):
        message = {"change": beginning(instance.get_change_message(), 200)}
    audit(instance.user, Act.ADMIN, instance.object_repr, workspace=workspace, after=message)


@receiver(authentication_step_completed)
def reauthenticated(sender, user, reauthenticated=False, **kwargs):
    if reauthenticated:
        _note(user, Act.REAUTHENTICATED)


@receiver([password_changed, password_reset, password_set])
def new_password(sender, request, user, **kwargs):
    _note(user, Act.PASSWORD_CHANGED)


@receiver(authenticator_added)
def factor_added(sender, request, user, authenticator, **kwargs):
    _note(user, Act.FACTOR_ADDED, Authenticator.Type(authenticator.type).label)


@receiver(authenticator_reset)
def new_codes(sender, request, user, authenticator, **kwargs):
    _note(user, Act.CODES_MADE)


@receiver(email_added)
def address_asked(sender, request, user, email_address, **kwargs):
    """Told at once at the address in use, which is not theirs any more if somebody else asked."""
    _note(user, Act.ADDRESS_ASKED, email_address.email)
    context = {"user": user, "new_address": email_address.email}
    get_adapter().send_notification_mail("people/mail/address_asked", user, context)


@receiver(email_removed)
def address_removed(sender, request, user, email_address, **kwargs):
    _note(user, Act.ADDRESS_REMOVED, email_address.email)


@receiver(social_account_added)
def sign_on_linked(sender, request, sociallogin, **kwargs):
    _note(sociallogin.user, Act.SIGN_ON_LINKED, settings.OIDC_NAME)


@receiver(social_account_removed)
def sign_on_unlinked(sender, request, socialaccount, **kwargs):
    _note(socialaccount.user, Act.SIGN_ON_UNLINKED, settings.OIDC_NAME)


@receiver(authenticator_removed)
def factor_removed(sender, request, user, authenticator, **kwargs):
    """Whoever got hold of another session of this person must not stay in on the strength of less."""
    _note(user, Act.FACTOR_REMOVED, Authenticator.Type(authenticator.type).label)
    for session in UserSession.objects.filter(user=user).exclude(session_key=request.session.session_key):
        session.end()
