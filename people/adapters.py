"""How people get in, and out. Nobody signs up by themselves: they are invited."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from django.db import transaction

from people.audit import Act, audit


class InvitationOnlyAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request) -> bool:
        return False


class NotedUserSessions(DefaultUserSessionsAdapter):
    """Logins that a person ends on their other devices are noted, one by one."""

    @transaction.atomic
    def end_sessions(self, sessions) -> None:
        for session in sessions:
            audit(context.request, Act.LOGIN_ENDED, session.user, before={"address": session.ip})
        super().end_sessions(sessions)
