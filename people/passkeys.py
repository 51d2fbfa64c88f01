"""Passkeys: adding one, in our words and meant for signing in without a password, and showing one."""

from allauth.account.adapter import get_adapter
from allauth.core import context, ratelimit
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from allauth.mfa.webauthn.internal import auth
from django.utils.translation import gettext_lazy as _

from people.second_factor_tries import CONFIRMING, SIGNING_IN, one_try


class AddPasskeyForm(AddWebAuthnForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name of the key")
        passwordless = self.fields["passwordless"]
        passwordless.initial = True
        passwordless.label = _("Sign in with it alone")
        passwordless.help_text = _(
            "The device then asks for a finger, a face or a PIN. Otherwise it comes after the password."
        )


class PasskeyAfterPasswordForm(AuthenticateWebAuthnForm):
    def clean_credential(self) -> Authenticator:
        with one_try(self.user, SIGNING_IN):
            return super().clean_credential()


class ConfirmByPasskeyForm(ReauthenticateWebAuthnForm):
    def clean_credential(self) -> Authenticator:
        with one_try(self.user, CONFIRMING):
            return super().clean_credential()


class PasskeyAloneForm(LoginWebAuthnForm):
    """Before any password. Counted by address, and not by the account it names: whose that is anybody can
    say, and would shut its owner out."""

    def clean_credential(self) -> Authenticator:
        if not ratelimit.consume(context.request, action="login"):
            raise get_adapter().validation_error("too_many_login_attempts")
        credential = self.cleaned_data["credential"]
        auth.parse_authentication_response(credential)
        return auth.complete_authentication(auth.extract_user_from_response(credential), credential)
