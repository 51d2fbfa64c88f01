"""How a name or an address is looked at together with a password: in one query and with one hash, whether
somebody is called so or not. How long the answer takes must not tell."""

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q

from people.names import folded


def people_called(name: str):
    """Whose name to sign in with this is, or whose address: usually one person's or nobody's."""
    addresses = EmailAddress.objects.filter(user=OuterRef("pk"), email__iexact=name, verified=True)
    is_theirs = Q(sign_in_name__folded=folded(name)) | Q(email__iexact=name, email__gt="") | Exists(addresses)
    return get_user_model().objects.filter(is_theirs).order_by("pk")


class NameOrAddress(AuthenticationBackend):
    """allauth's, which hashes once where nobody is found; by an address it would hash twice where somebody
    is."""

    def _authenticate(self, request, username="", email="", password="", **others):
        people = people_called(username or email)
        return next((person for person in people if self._check_password(person, password)), None)
