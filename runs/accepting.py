"""Taking on what a person asks for: a launch, a relaunch, a follow-up become a queued run in the database,
with its event and its line in the audit log in one transaction. Nothing is sent to Giga here."""

import uuid

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from people.audit import Act, audit
from people.models import Membership
from people.texts import beginning
from runs import limits
from runs.broadcast import announce_run
from runs.history import WHY_LENGTH
from runs.models import AgentSession, GigaAccount, Run, RunEvent
from runs.search import keep_words
from runs.status import Status

# The fields of AgentSession that say what is launched.
CONFIGURATION = (
    "user_prompt",
    "goal_prompt",
    "system_prompt",
    "sandbox_template",
    "duration_hours",
    "deployment_id",
)
# From which the tokens of buttons are made that come with a pushed part: the same for all who see the same.
TOKENS = uuid.UUID("0b6d4d0e-6f0a-4a37-8f0b-5b1f6f1f7a52")


class NotAllowed(Exception):
    """This person may not do this; the text says who may."""


class NotPossible(Exception):
    """This cannot be done to this session as it is now; the text says why."""


def accept_launch(
    membership: Membership, *, launch_token, relaunched_from: Run | None = None, **configuration
) -> Run:
    """Take a launch on: session, run and event in one transaction. The same launch token gives the same run,
    so a second press of the button starts nothing. `configuration` holds the fields of AgentSession."""
    if not membership.can_operate:
        raise NotAllowed(_("Only operators and managers launch runs."))
    token_of_this_team = {"launch_token": launch_token, "workspace": membership.workspace}
    try:
        with transaction.atomic():
            account = GigaAccount.objects.of_workspace(membership.workspace)
            agent_session = AgentSession.objects.create(
                **token_of_this_team,
                created_by=membership.user,
                is_simulated=bool(account and account.is_simulated),
                relaunched_from=relaunched_from,
                **configuration,
            )
            why = f"{agent_session.sandbox_template} for {agent_session.duration_hours} h"
            act = Act.RUN_RELAUNCH if relaunched_from else Act.LAUNCHED
            run = _queue(agent_session, membership, act=act, of=relaunched_from, why=why)
            if relaunched_from:
                relaunched_from.was_relaunched(run, by=membership.user)
    except IntegrityError:
        earlier = AgentSession.objects.filter(**token_of_this_team).first()
        if earlier is None:
            raise
        return earlier.runs.earliest("pk")  # later ones are its follow-ups
    return run


def _queue(
    agent_session: AgentSession, membership: Membership, *, act: Act, of: Run | None, why: str, **fields
) -> Run:
    """A queued run within the workspace's limits, its first event and its line in the audit log, which says
    of which run it was made, inside the caller's transaction. Raises OverLimit."""
    limits.keep_limits(membership, hours=agent_session.duration_hours, title=agent_session.title)
    run = Run.objects.create(
        agent_session=agent_session,
        workspace=membership.workspace,
        created_by=membership.user,
        **fields,
    )
    keep_words(run)
    event = RunEvent.objects.create(
        run=run,
        workspace=membership.workspace,
        kind="status",
        now=run.status,
        by=membership.user,
        why=beginning(why, WHY_LENGTH),
    )
    transaction.on_commit(
        lambda: announce_run(run_id=run.pk, workspace_id=run.workspace_id, event_id=event.pk)
    )
    audit(membership, act, f"{run.pk}: {run.title}", after={"of": of.pk} if of else None)
    return run


def relaunch(source: Run, membership: Membership, *, token: uuid.UUID) -> Run:
    """The same configuration again, in a session of its own. The same token gives the same run. Raises
    NotPossible."""
    if obstacle := obstacle_to_relaunch(source):
        raise NotPossible(obstacle)
    configuration = configuration_of(source.agent_session)
    return accept_launch(membership, launch_token=token, relaunched_from=source, **configuration)


def obstacle_to_relaunch(source: Run) -> str:
    """Why this run is not launched again by one press, in words; "" when it is."""
    if source.status == Status.UNKNOWN:
        return _("It may be running: say first what became of it.")
    return "" if source.is_final else _("It is not over yet.")


def configuration_of(agent_session: AgentSession) -> dict:
    """What it was launched with."""
    return {name: getattr(agent_session, name) for name in CONFIGURATION}


def relaunch_token(source: Run) -> uuid.UUID:
    """The token of the next press of Relaunch: it changes with every relaunch."""
    return uuid.uuid5(TOKENS, f"relaunch {source.pk} {source.relaunches.count()}")


def accept_follow_up(
    agent_session: AgentSession, membership: Membership, *, message: str, token: uuid.UUID
) -> Run:
    """Take a message on as a further run of this session, carried out like a launch. The same press again
    gives the same run; while another run of the session is active, the database takes none. Raises NotAllowed
    or NotPossible."""
    if not membership.can_operate:
        raise NotAllowed(_("Only operators and managers send follow-ups."))
    same_press = {"follow_up_token": token, "message": message, "created_by": membership.user}
    if earlier := agent_session.runs.filter(**same_press).first():
        return earlier
    if obstacle := obstacle_to_follow_up(agent_session):
        raise NotPossible(obstacle)
    try:
        with transaction.atomic():
            before = agent_session.runs.first()
            run = _queue(
                agent_session,
                membership,
                act=Act.RUN_FOLLOW_UP,
                of=before,
                why=message,
                message=message,
                follow_up_token=token,
                session_at=timezone.now(),
            )
            if before:
                before.was_followed_up(run, by=membership.user)
    except IntegrityError:
        if earlier := agent_session.runs.filter(**same_press).first():
            return earlier
        raise NotPossible(_("Somebody else was first: a follow-up is on its way already.")) from None
    return run


def follow_up_token(agent_session: AgentSession) -> uuid.UUID:
    """The token of the next follow-up: it changes with every run of the session."""
    return uuid.uuid5(TOKENS, f"follow-up {agent_session.pk} {agent_session.runs.count()}")


def obstacle_to_follow_up(agent_session: AgentSession) -> str:
    """Why no follow-up can be sent in this session now, in words; "" when it can."""
    active = agent_session.runs.active().first()
    if active and active.status == Status.UNKNOWN:
        return _("Not possible while it is unknown whether a run is going on.")
    if active:
        return _("A follow-up can be sent when this run is final. Giga takes one run at a time in a session.")
    if not agent_session.thread_id:
        return _("Giga never created this session, so nothing can follow in it.")
    account = GigaAccount.objects.filter(workspace=agent_session.workspace_id).first()
    if account is None or agent_session.is_simulated != account.is_simulated:
        return _("This session belongs to another Giga than the one connected now.")
    return ""
