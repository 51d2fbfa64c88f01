"""Codes of an authenticator app, and those for recovery. allauth compares what was typed byte for byte, and
raises where it has other letters than such a code may have."""

from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

IN_ASCII = RegexValidator(r"\A[\x20-\x7e]*\Z", _("A code has digits and plain letters only."))


class _PlainCode:
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["code"].validators.append(IN_ASCII)


class AuthenticateCodeForm(_PlainCode, AuthenticateForm):
    pass


class ReauthenticateCodeForm(_PlainCode, ReauthenticateForm):
    pass


class ActivateCodeForm(_PlainCode, ActivateTOTPForm):
    pass
