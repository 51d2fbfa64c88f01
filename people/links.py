"""The one-time sign-in link of somebody who has no password yet, or no other way in."""

from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from people.audit import Act, audit


class SignInTokens(PasswordResetTokenGenerator):
    """Good for PASSWORD_RESET_TIMEOUT, and once: signing in changes what a token is made of."""

    key_salt = "people.links"

    def _make_hash_value(self, user, timestamp) -> str:
        """Django leaves out what is less than a second."""
        return f"{super()._make_hash_value(user, timestamp)}{user.last_login}"


tokens = SignInTokens()


def sign_in_path(user) -> str:
    """A path that signs this person in once."""
    uid = urlsafe_base64_encode(str(user.pk).encode())
    return reverse("enter", args=[uid, tokens.make_token(user)])


def new_sign_in_path(user) -> str:
    """The same, for whoever has a shell on the server; that it was made is noted."""
    audit(None, Act.LINK_MADE, user)
    return sign_in_path(user)


def person_of_link(uid: str, token: str):
    """The user this link signs in, or None when it was used, is too old, or was never one."""
    people = get_user_model()
    try:
        user = people.objects.filter(pk=int(urlsafe_base64_decode(uid)), is_active=True).first()
    except (ValueError, OverflowError):
        return None
    # Looked at for nobody, too: that takes as long.
    return user if tokens.check_token(user or people(), token) else None


def use_up(user) -> bool:
    """Make the link by which this user was found good for nothing. False where somebody else was faster."""
    unused = get_user_model().objects.filter(pk=user.pk, last_login=user.last_login)
    return bool(unused.update(last_login=timezone.now()))


def first_links() -> list[tuple[str, str]]:
    """Name and path of each administrator without a password, until the first of them has signed in, be their
    account closed by now: who can read the log of a start must not get in for ever."""
    administrators = get_user_model().objects.filter(is_superuser=True)
    if administrators.exclude(last_login=None).exists():
        return []
    newcomers = [user for user in administrators.filter(is_active=True) if not user.has_usable_password()]
    return [(user.get_username(), sign_in_path(user)) for user in newcomers]
