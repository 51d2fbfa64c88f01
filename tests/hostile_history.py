"""A workspace into which somebody typed every hostile text, in every field, through the pages themselves; and
whose Giga answers with them, too. Beside each stands its twin, of plain words."""

import re
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import responses
from django.test import Client
from django.utils import timezone

from people.models import Workspace
from runs import accepting, following, launching
from runs.models import AgentSession, GigaAccount, Run, RunEvent
from runs.status import Status
from tests import factories
from tests.hostile_texts import OF_GIGA, TEXTS

GIGA = "https://api.giga.example"
PLAIN = "plain words"
ONE_PLAIN = {PLAIN: "Some plain words"}
# Of the page to launch: as many as it shows of those launched before.
RECENT = 8


@dataclass
class Told:
    """Runs with all texts in them: `ended` and its `follow_up` as one long text, `marked` each by itself."""

    ended: Run
    follow_up: Run
    marked: Run


@dataclass
class History:
    """`launched`, `refused` and `running` hold a run for each text, by its name, and one of plain words;
    `recent` the pages to launch that were seen meanwhile."""

    client: Client
    person: object
    workspace: Workspace
    hostile: Told | None = None
    plain: Told | None = None
    launched: dict[str, Run] = field(default_factory=dict)
    refused: dict[str, Run] = field(default_factory=dict)
    running: dict[str, Run] = field(default_factory=dict)
    recent: list[str] = field(default_factory=list)

    def enter(self, address: str, **fields) -> None:
        """Type something in and press the button; it is taken."""
        answer = self.client.post(address, fields)
        assert answer.status_code == 302, (address, answer.status_code, fields)

    @contextmanager
    def giga_says(self, answer: object, status: int = 200):
        """Whatever is asked meanwhile is answered so, and there is no limit on asking."""
        account = self.workspace.giga_account
        GigaAccount.objects.update(
            free_at=0, launches_first_until=0, paused_at=None, not_before=None, broken_since=None
        )
        with responses.RequestsMock(assert_all_requests_are_fired=False) as giga:
            for method in ("GET", "POST"):
                giga.add(method, re.compile(account.api_url), json=answer, status=status)
            yield


def make(*, texts: dict[str, str] = TEXTS, of_giga: dict[str, str] = OF_GIGA, api_url=GIGA) -> History:
    history = begin(api_url)
    tell_both(history, texts)
    launch_each(history, texts)
    be_answered(history, of_giga)
    stop_the_clock()
    return history


def begin(api_url=GIGA) -> History:
    workspace = factories.make_workspace(api_url=api_url)
    person = factories.make_person(
        workspace, role="manager", username="mona", is_staff=True, is_superuser=True
    )
    history = History(Client(), person, workspace)
    factories.sign_in(history.client, person)
    return history


def tell_both(history: History, texts: dict[str, str] = TEXTS) -> None:
    """`hostile` and its twin `plain`, in which all texts are."""
    twins = twins_of(texts)
    history.hostile, history.plain = tell(history, [*texts.values()]), tell(history, twins)
    for number, text in enumerate(texts.values()):
        mark(history, history.hostile.marked, text, tag_of(text, number))
    for number, text in enumerate(twins):
        mark_by_hand(history, history.plain.marked, text, tag_of(text, number))
    history.client.get("/me/")  # reads what was said meanwhile


def launch_each(history: History, texts: dict[str, str] = TEXTS) -> None:
    """`launched`, and between them `recent`."""
    for number, (name, text) in enumerate((texts | ONE_PLAIN).items(), start=1):
        history.launched[name] = launch(history, text)
        if number % RECENT == 0 or number > len(texts):
            history.recent.append(history.client.get("/runs/new/").content.decode())


def be_answered(history: History, of_giga: dict[str, str] = OF_GIGA) -> None:
    """`refused` and `running`."""
    for name, text in (of_giga | ONE_PLAIN).items():
        history.refused[name] = be_refused(history, text)
        history.running[name] = be_told(history, text)


def twins_of(texts: dict[str, str]) -> list[str]:
    """Plain words for each text; those that differ in nothing but the space around them have the same."""
    bare = [text.strip() for text in texts.values()]
    return [f"Plain words {bare.index(text)}" for text in bare]


def launch(history: History, text: str) -> Run:
    prompts = dict.fromkeys(("user_prompt", "goal_prompt", "system_prompt"), text)
    token = str(uuid.uuid4())
    history.enter(
        "/runs/new/", **prompts, sandbox_template="giga-mini", duration_hours="1", launch_token=token
    )
    return Run.objects.get(agent_session__launch_token=token)


def tell(history: History, texts: list[str]) -> Told:
    """All texts in the prompts of a run and in the message of its follow-up; and a run to be marked."""
    run = launch(history, "\n\n".join(texts))
    run.move_to(Status.COMPLETED, remote_id=f"typed-{run.pk}")
    AgentSession.objects.filter(pk=run.agent_session_id).update(thread_id=f"thread-{run.pk}")
    token = accepting.follow_up_token(run.agent_session)
    history.enter(f"/runs/{run.pk}/follow-up/", message="\n\n".join(texts), token=token)
    return Told(run, Run.objects.latest("id"), launch(history, "Marked"))


def tag_of(text: str, number: int) -> str:
    """A tag for this text and no other, without what parts tags."""
    return f"{number} {text}".replace(",", ";")[:40]


def mark(history: History, run: Run, text: str, tag: str) -> None:
    history.enter(f"/runs/{run.pk}/notes/", text=text[:5000])
    history.enter("/runs/bulk/", action="tag", run=run.pk, tag=tag)
    history.enter(f"/runs/{run.pk}/flag/", needs=text[:200])


def mark_by_hand(history: History, run: Run, text: str, tag: str) -> None:
    """The same as `mark`, without its pages: of a twin nobody doubts that it is kept."""
    run.write_note(text, by=history.person)
    run.add_tag(tag, by=history.person)
    run.call_for_somebody(text, by=history.person)


def be_refused(history: History, text: str) -> Run:
    """A run that Giga refused with this text."""
    agent_session = factories.make_session(history.workspace, by=history.person)
    run = factories.make_run(
        history.workspace, Status.QUEUED, agent_session=agent_session, by=history.person, remote_id=None
    )
    error = dict.fromkeys(("code", "message", "hint", "requestId"), text)
    with history.giga_says({"error": error}, status=402):
        launching.launch(run.pk)
    return run


def be_told(history: History, text: str) -> Run:
    """A run of which Giga says this text, and nothing else that is known here."""
    run = factories.make_run(history.workspace, by=history.person)
    metadata = {"sandboxId": "abc", "sandboxStatus": text, "vncUrl": text, text: text}
    with history.giga_says({"status": text, "isCompleted": False, "metadata": metadata}):
        following.refresh(run.pk)
    return run


def stop_the_clock() -> None:
    """All at the same times, so that pages differ in nothing but their texts."""
    now = timezone.now()
    for name, before in {"queued_at": 60, "sent_at": 58, "accepted_at": 57, "started_at": 40}.items():
        Run.objects.exclude(**{name: None}).update(**{name: now - timedelta(seconds=before)})
    Run.objects.exclude(ended_at=None).update(ended_at=now)
    RunEvent.objects.update(at=now)
