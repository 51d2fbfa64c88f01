"""The one-time sign-in link of an administrator who has no password yet."""

from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode


def sign_in_path(user) -> str:
    """A path that signs this person in once: signing in changes what the token was made of."""
    uid = urlsafe_base64_encode(str(user.pk).encode())
    return reverse("enter", args=[uid, default_token_generator.make_token(user)])


def person_of_link(uid: str, token: str):
    """The user this link signs in, or None when it was used, is too old, or was never one."""
    people = get_user_model()
    try:
        user = people.objects.filter(pk=int(urlsafe_base64_decode(uid)), is_active=True).first()
    except (ValueError, OverflowError):
        return None
    # Looked at for nobody, too: that takes as long.
    return user if default_token_generator.check_token(user or people(), token) else None
