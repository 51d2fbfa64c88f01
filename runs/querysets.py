"""Names for queries: which sessions and runs. Every list starts with `visible_to`."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from people.models import Workspace
from runs.status import ACTIVE, BAD, FINAL, READABLE, Status

RUN_GROUPS = {
    "active": Q(status__in=ACTIVE),
    "unknown": Q(status=Status.UNKNOWN),
    "failed": Q(status__in=BAD),
    "ended": Q(status__in=[status for status in FINAL if status not in BAD]),
}


class AgentSessionQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def matching(self, text: str):
        """Sessions with this text in a prompt or an id."""
        if not text:
            return self
        return self.filter(_text_query(text, ""))


class RunQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The runs this person may see: those of their workspaces."""
        return self.filter(workspace__in=Workspace.objects.visible_to(user))

    def for_display(self):
        return self.select_related("agent_session", "created_by", "workspace")

    def active(self):
        return self.filter(status__in=ACTIVE)

    def in_group(self, group: str):
        """One of the list's groups: a name of `RUN_GROUPS`, or a single status."""
        if group in RUN_GROUPS:
            return self.filter(RUN_GROUPS[group])
        return self.filter(status=group) if group in Status.values else self

    def matching(self, text: str):
        """Runs with this text in a prompt, a follow-up message or an id."""
        if not text:
            return self
        return self.filter(
            _text_query(text, "agent_session__") | Q(remote_id=text) | Q(message__icontains=text)
        )

    def to_launch(self, now: datetime):
        """Accepted runs whose turn has come and which nobody is launching."""
        free = Q(claimed_until=None) | Q(claimed_until__lte=now)
        return self.filter(free, status=Status.QUEUED, due_at__lte=now).order_by("due_at")

    def watched(self):
        """All runs that reading goes on for: started ones, and those whose start was sent and whose answer
        was lost."""
        return self.filter(status__in=[*READABLE, Status.UNKNOWN])

    def for_schedule(self):
        """As much of each run as it takes to say when it is read next; no texts, no secrets."""
        own = (
            "status",
            "due_at",
            "queued_at",
            "sent_at",
            "accepted_at",
            "started_at",
            "desktop_at",
            "watched_until",
            "extended_minutes",
        )
        account = ("not_before", "paused_at", "broken_since", "probe_after", "polls_per_s")
        return self.select_related("agent_session", "workspace__giga_account").only(
            *own,
            "workspace__id",
            "agent_session__duration_hours",
            *(f"workspace__giga_account__{name}" for name in account),
        )

    def waiting_for_computer(self, workspace_id: int):
        """The workspace's launches that queue for a free computer, the first in line first."""
        return self.filter(workspace=workspace_id, status=Status.QUEUED, waits_for_computer=True).order_by(
            "pk"
        )

    def stuck_sending(self, now: datetime):
        """Runs whose start was in the hands of a process that did not come back."""
        return self.filter(status=Status.SENDING, claimed_until__lte=now)


def _text_query(text: str, prefix: str) -> Q:
    fields = ("user_prompt", "goal_prompt", "system_prompt")
    query = Q(**{f"{prefix}thread_id": text}) | Q(**{f"{prefix}deployment_id": text})
    for field in fields:
        query |= Q(**{f"{prefix}{field}__icontains": text})
    return query
