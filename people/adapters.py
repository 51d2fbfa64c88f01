"""How people get in, and out. Nobody signs up by themselves: they are invited."""

import logging
from secrets import token_hex

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.ratelimit import get_ip
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from people.addresses import note_new
from people.audit import USERNAME_LENGTH, Act, audit
from people.backends import people_called
from people.models import place_of
from people.network import address_of
from people.sign_in_names import NAME_TAKEN, is_taken

logger = logging.getLogger(__name__)


class InvitationOnlyAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request) -> bool:
        return False

    def clean_username(self, username, shallow=False):
        """Also what a provider of single sign-on proposes: where it will not do, another is made up."""
        username = super().clean_username(username, shallow=shallow)
        if not shallow and is_taken(username):
            raise ValidationError(NAME_TAKEN)
        return username

    def generate_unique_username(self, txts, regex=None) -> str:
        username = super().generate_unique_username(txts, regex)
        return f"{username[: USERNAME_LENGTH - 9]}-{token_hex(4)}" if is_taken(username) else username

    def is_safe_url(self, url) -> bool:
        """Whether one goes on there: to a page of ours, by the name it was asked for by. allauth also takes
        this machine's names for ours, and fails where an address cannot be read."""
        return url_has_allowed_host_and_scheme(url, {context.request.get_host()})

    def get_client_ip(self, request) -> str:
        address = address_of(request)
        if not address:
            raise PermissionDenied("nothing says where this comes from")
        return address

    def _get_login_attempts_cache_key(self, request, **credentials) -> str:
        """What tries at a password are counted by: whose it is, however they are called, and from where. So a
        stranger shuts out neither who else is behind the same address nor this person elsewhere."""
        name = str(credentials.get("email") or credentials.get("username") or "")
        person = people_called(name).values_list("pk", flat=True).first()
        return f"{get_ip(request)}:{person or name.casefold()}"

    @transaction.atomic
    def confirm_email(self, request, email_address) -> bool:
        before, user = email_address.user.email, email_address.user
        is_confirmed = super().confirm_email(request, email_address)
        if is_confirmed:
            changed = {"before": {"address": before}, "after": {"address": email_address.email}}
            place = place_of(user)
            audit(user, Act.ADDRESS_CHANGED, workspace=place and place.workspace, **changed)
        if is_confirmed and before.lower() != email_address.email.lower():
            note_new(email_address)
        return is_confirmed

    def can_delete_email(self, email_address) -> bool:
        """The one in use goes when another one is confirmed: one that waits never takes its place."""
        others = EmailAddress.objects.filter(user=email_address.user).exclude(pk=email_address.pk)
        is_in_use = email_address.email.lower() == email_address.user.email.lower()
        return super().can_delete_email(email_address) and not (is_in_use and others.exists())

    def send_confirmation_mail(self, request, emailconfirmation, signup) -> None:
        """The address waits all the same, and its mail can be sent again."""
        address = emailconfirmation.email_address
        try:
            super().send_confirmation_mail(request, emailconfirmation, signup)
        except OSError as error:  # what smtplib and sockets raise
            logger.warning("person %s was sent no mail to confirm an address: %s", address.user_id, error)
            not_sent = _(
                "The mail to %(address)s could not be sent: the mail server took none. Send it again later."
            )
            messages.error(request, not_sent % {"address": address.email})
            raise ImmediateHttpResponse(redirect("account_email")) from error

    def send_notification_mail(self, template_prefix, user, context=None, email=None) -> None:
        """Tells somebody that their way to sign in was changed; who has no address left, at the one they had.
        It is changed already: a mail server that is away makes no error of it."""
        email = email or EmailAddress.objects.get_primary_email(user) or (context or {}).get("deleted_email")
        try:
            super().send_notification_mail(template_prefix, user, context, email)
        except OSError as error:
            logger.warning("person %s could not be told of %s: %s", user.pk, template_prefix, error)

    def get_reauthentication_methods(self, user) -> list[dict]:
        """Who has nothing here to show who they are by is asked anew at the provider."""
        ways = super().get_reauthentication_methods(user)
        if ways or not user.is_authenticated:
            return ways
        accounts = SocialAccount.objects.filter(user=user)
        return [provider_way(account.get_provider()) for account in accounts[:1] if settings.OIDC_ISSUER]


def provider_way(provider) -> dict:
    url = provider.get_login_url(context.request, process=AuthProcess.REDIRECT)
    return {"id": "single_sign_on", "description": provider.name, "url": url}


class NotedUserSessions(DefaultUserSessionsAdapter):
    """Logins that a person ends on their other devices are noted, one by one."""

    @transaction.atomic
    def end_sessions(self, sessions) -> None:
        for session in sessions:
            audit(context.request, Act.LOGIN_ENDED, session.user, before={"address": session.ip})
        super().end_sessions(sessions)
