"""How people get in, and out. Nobody signs up by themselves: they are invited."""

from secrets import token_hex

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.internal.ratelimit import get_ip
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from people.audit import USERNAME_LENGTH, Act, audit
from people.backends import people_called
from people.network import address_of
from people.sign_in_names import NAME_TAKEN, is_taken


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


class NotedUserSessions(DefaultUserSessionsAdapter):
    """Logins that a person ends on their other devices are noted, one by one."""

    @transaction.atomic
    def end_sessions(self, sessions) -> None:
        for session in sessions:
            audit(context.request, Act.LOGIN_ENDED, session.user, before={"address": session.ip})
        super().end_sessions(sessions)
