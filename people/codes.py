"""Codes of an authenticator app, and those for recovery. allauth compares what was typed byte for byte, and
raises where it has other letters than such a code may have."""

from contextlib import nullcontext

from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django.core.cache import cache
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from people.second_factor_tries import CONFIRMING, SIGNING_IN, one_try

IN_ASCII = RegexValidator(r"\A[\x20-\x7e]*\Z", _("A code has digits and plain letters only."))

# From the earliest moment at which a code is taken to the last one.
GOOD_FOR_S = (1 + 2 * app_settings.TOTP_TOLERANCE) * app_settings.TOTP_PERIOD


class _PlainCode:
    step = ""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["code"].validators.append(IN_ASCII)

    def clean_code(self) -> str:
        """A code is good once. allauth forgets it after half a minute, while it is taken a minute longer."""
        with one_try(self.user, self.step) if self.step else nullcontext():
            code = super().clean_code()
            if not cache.add(f"used-code:{self.user.pk}:{code}", True, timeout=GOOD_FOR_S):
                raise get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateCodeForm(_PlainCode, AuthenticateForm):
    step = SIGNING_IN


class ReauthenticateCodeForm(_PlainCode, ReauthenticateForm):
    step = CONFIRMING


class ActivateCodeForm(_PlainCode, ActivateTOTPForm):
    pass
