"""How many tries an account has at its second factor, from all addresses and logins together. They are behind
the password, so no stranger can use them up; and they are no more for whoever has it."""

from contextlib import contextmanager

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.core.internal import ratelimit
from django.core.exceptions import ValidationError

from people.audit import Act, audit
from people.models import place_of

SIGNING_IN, CONFIRMING = "signing in", "confirming"
# Two, as allauth forgets what is older than the shorter of two times of one.
COUNTED = ("second_factor", "second_factor_in_a_day")


@contextmanager
def one_try(user, step: str):
    """A try is made inside, and counts unless it was right. Raises ValidationError when none is left. When
    the last one was wrong, the owner of the account is told by mail, once an hour."""
    used = []
    for action in COUNTED:
        used.append(_take(action, user, step))
        if not used[-1]:
            _note(user)
            raise get_adapter().validation_error("too_many_login_attempts")
    try:
        yield
    except ValidationError:
        _note(user)
        is_left = all(_take(action, user, step, dry_run=True) for action in COUNTED)
        if not is_left and _take("second_factor_mail", user, step):
            get_adapter().send_notification_mail("people/mail/wrong_codes", user)
        raise
    for each in used:
        each.rollback()


def _note(user) -> None:
    place = place_of(user)
    after = {"with": "second factor"}
    audit(None, Act.SIGN_IN_FAILED, user, workspace=place and place.workspace, after=after)


def _take(action: str, user, step: str, *, dry_run: bool = False):
    """One of what there is of this; None when there is none."""
    limits = app_settings.RATE_LIMITS
    key = f"{step} {user.pk}"
    return ratelimit.consume(context.request, config=limits, action=action, key=key, dry_run=dry_run)
