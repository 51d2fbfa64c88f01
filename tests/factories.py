"""Rows for tests: plain functions that make what a test names and nothing more."""

import itertools
import time
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.utils import timezone

from people.models import Membership, Workspace
from runs.models import AgentSession, GigaAccount, Run, RunEvent
from runs.search import keep_words
from runs.status import FINAL, READABLE, Status
from tests.served import KEY

__all__ = ["KEY"]

numbers = itertools.count(1)


def make_workspace(
    name="Acme Ops", *, api_url="http://127.0.0.1:9", key=KEY, is_simulated=False
) -> Workspace:
    # How much may be launched a minute is for the tests of just that.
    no_limits = {"launches_a_minute_each": None, "launches_a_minute": None}
    workspace = Workspace.objects.create(name=name, **no_limits)
    account = GigaAccount(workspace=workspace, api_url=api_url, is_simulated=is_simulated)
    account.api_key = key
    account.save()
    return workspace


def make_person(workspace=None, *, role="operator", username=None, password=None, **fields):
    user = get_user_model().objects.create_user(
        username or f"person{next(numbers)}", password=password, **fields
    )
    if workspace:
        Membership.objects.create(user=user, workspace=workspace, role=role)
    return user


def give_address(user, email: str, *, is_confirmed: bool = True) -> None:
    """The address of this person's account; one that is not confirmed could be anybody's."""
    user.email = email
    user.save()
    if is_confirmed:
        EmailAddress.objects.create(user=user, email=email.lower(), verified=True, primary=True)


def sign_in(client, user, *, seconds_ago=0) -> None:
    """A login whose person gave their password so long ago."""
    client.force_login(user)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - seconds_ago}]
    session.save()


def make_session(
    workspace, *, by=None, user_prompt="Download the October invoices", **fields
) -> AgentSession:
    fields = {
        "goal_prompt": "All PDFs are in the folder.",
        "sandbox_template": "giga-standard",
        "duration_hours": 1,
        "thread_id": f"thread-{next(numbers)}",
        **fields,
    }
    return AgentSession.objects.create(workspace=workspace, created_by=by, user_prompt=user_prompt, **fields)


def make_run(workspace, status=Status.RUNNING, *, agent_session=None, by=None, prompt=None, **fields) -> Run:
    """A run that got where it is in a believable way: times, ids and events of its status."""
    prompts = {"user_prompt": prompt} if prompt else {}
    agent_session = agent_session or make_session(workspace, by=by, **prompts)
    now = timezone.now()
    times = {"queued_at": now - timedelta(seconds=60)}
    if status != Status.QUEUED:
        times |= {"session_at": now - timedelta(seconds=59), "sent_at": now - timedelta(seconds=58)}
    if status in READABLE or status in FINAL:
        times["accepted_at"] = now - timedelta(seconds=57)
        times["contact_at"] = now
        fields.setdefault("remote_id", f"run_{next(numbers)}")
    if status in (Status.RUNNING, Status.WAITING, *FINAL):
        times["started_at"] = now - timedelta(seconds=40)
    if status in FINAL:
        times |= {"ended_at": now, "due_at": None}
    run = Run.objects.create(
        workspace=workspace, agent_session=agent_session, created_by=by, status=status, **{**times, **fields}
    )
    keep_words(run)
    RunEvent.objects.create(run=run, workspace=workspace, kind="status", now=status, by=by)
    return run
