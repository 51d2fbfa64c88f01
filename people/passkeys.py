"""Passkeys: adding one, in our words and meant for signing in without a password, and showing one. What a
passkey says is written by whoever sends the form: what cannot be read is as good as a wrong one."""

from contextlib import contextmanager

from allauth.account.adapter import get_adapter
from allauth.core import context, ratelimit
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from allauth.mfa.webauthn.internal import auth
from django import forms
from django.utils.translation import gettext_lazy as _

from people.fields import Label
from people.names import visible
from people.second_factor_tries import CONFIRMING, SIGNING_IN, one_try

# What reading it raises where it has another form; allauth expects some of them.
OF_ANOTHER_FORM = (AttributeError, LookupError, TypeError, ValueError)


@contextmanager
def read():
    """Raises ValidationError where what is read inside has another form than a passkey gives it."""
    try:
        yield
    except OF_ANOTHER_FORM:
        raise get_mfa_adapter().validation_error("incorrect_code") from None


class Answer(forms.JSONField):
    """What a passkey said. It is good once, and never sent back to the page."""

    widget = forms.HiddenInput

    def to_python(self, value):
        try:
            return super().to_python(value)
        except RecursionError:
            raise get_mfa_adapter().validation_error("incorrect_code") from None

    def bound_data(self, data, initial):
        return None

    def prepare_value(self, value):
        return ""


class AddPasskeyForm(AddWebAuthnForm):
    credential = Answer()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name of the key")
        passwordless = self.fields["passwordless"]
        passwordless.initial = True
        passwordless.label = _("Sign in with it alone")
        passwordless.help_text = _(
            "The device then asks for a finger, a face or a PIN. Otherwise it comes after the password."
        )

    def clean_name(self) -> str:
        """Never refused: the device has made the key by now. Where nothing is left, one is made up."""
        self.cleaned_data["name"] = visible(self.cleaned_data["name"]).strip()
        return super().clean_name()

    def clean(self) -> dict:
        with read():
            return super().clean()


class RenamePasskeyForm(EditWebAuthnForm):
    name = Label()


class PasskeyAfterPasswordForm(AuthenticateWebAuthnForm):
    credential = Answer()

    def clean_credential(self) -> Authenticator:
        with one_try(self.user, SIGNING_IN), read():
            return super().clean_credential()


class ConfirmByPasskeyForm(ReauthenticateWebAuthnForm):
    credential = Answer()

    def clean_credential(self) -> Authenticator:
        with one_try(self.user, CONFIRMING), read():
            return super().clean_credential()


class PasskeyAloneForm(LoginWebAuthnForm):
    """Before any password. Counted by address, and not by the account it names: whose that is anybody can
    say, and would shut its owner out."""

    credential = Answer()

    def clean_credential(self) -> Authenticator:
        if not ratelimit.consume(context.request, action="login"):
            raise get_adapter().validation_error("too_many_login_attempts")
        credential = self.cleaned_data["credential"]
        with read():
            auth.parse_authentication_response(credential)
            return auth.complete_authentication(auth.extract_user_from_response(credential), credential)
