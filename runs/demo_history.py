"""A month of a made-up team: runs of every status with what happened to them, for looking around and for
pictures. Everything comes from one seed, but for the time it ends at. Only beside a simulated Giga, which is
asked to start those that still wait when their turn comes, and of the others knows nothing."""

import random
import uuid
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from people.models import Membership, Workspace
from runs import limits
from runs.broadcast import announce_run
from runs.forms import SANDBOX_TEMPLATES
from runs.models import AgentSession, Extension, Run, RunEvent, RunNote, RunText, Tag
from runs.search import words_to_find
from runs.status import ACTIVE, FINAL, JUDGED, READABLE, Status, Verdict

RUNS = 300
DAYS = 30
# How the logins of its people begin.
LOGIN = "demo-"
PEOPLE = {
    "mara": Membership.Role.MANAGER,
    "tom": Membership.Role.MANAGER,
    "kim": Membership.Role.OPERATOR,
    "rui": Membership.Role.OPERATOR,
    "una": Membership.Role.OPERATOR,
    "sam": Membership.Role.OPERATOR,
}
# What a run went through until it had its status. Each begins queued.
_SENT, _STARTED = [Status.SENDING], [Status.SENDING, Status.STARTING]
_RAN = [*_STARTED, Status.RUNNING]
PATHS: dict[str, list[Status]] = {
    Status.QUEUED: [],
    Status.SENDING: _SENT,
    Status.UNKNOWN: [*_SENT, Status.UNKNOWN],
    Status.STARTING: _STARTED,
    Status.RUNNING: _RAN,
    Status.WAITING: [*_RAN, Status.WAITING],
    Status.COMPLETED: [*_RAN, Status.COMPLETED],
    Status.FAILED: [*_RAN, Status.FAILED],
    Status.TIMED_OUT: [*_RAN, Status.TIMED_OUT],
    Status.EXPIRED: [*_STARTED, Status.EXPIRED],
    Status.CANCELED: [*_RAN, Status.CANCELED],
    Status.INCONCLUSIVE: [*_RAN, Status.INCONCLUSIVE],
    Status.REJECTED: [*_SENT, Status.REJECTED],
    Status.NOT_STARTED: [*_SENT, Status.UNKNOWN, Status.NOT_STARTED],
    Status.LOST: [*_RAN, Status.LOST],
}
# Of a hundred runs that are over.
SHARES = {
    Status.COMPLETED: 62,
    Status.FAILED: 10,
    Status.TIMED_OUT: 6,
    Status.INCONCLUSIVE: 6,
    Status.CANCELED: 4,
    Status.REJECTED: 4,
    Status.EXPIRED: 3,
    Status.LOST: 3,
    Status.NOT_STARTED: 2,
}
# The newest last: how long ago each was launched, in minutes.
GOING_ON = [
    (Status.RUNNING, 190),
    (Status.WAITING, 128),
    (Status.RUNNING, 74),
    (Status.RUNNING, 41),
    (Status.UNKNOWN, 17),
    (Status.RUNNING, 9),
    (Status.STARTING, 2),
    (Status.SENDING, 1),
    (Status.QUEUED, 1),
    (Status.QUEUED, 0),
]
WORDS = {
    Status.RUNNING: "RUNNING",
    Status.WAITING: "WAITING",
    Status.COMPLETED: "COMPLETED",
    Status.FAILED: "FAILED",
    Status.TIMED_OUT: "TIMED_OUT",
    Status.EXPIRED: "EXPIRED",
    Status.CANCELED: "CANCELED",
    Status.INCONCLUSIVE: "DONE",
}
REASONS = {
    Status.UNKNOWN: ["Giga's answer was lost: no complete answer within 35 s"],
    Status.FAILED: [
        "The agent crashed, often for lack of memory.",
        "Giga says that it ended with an error, and not which.",
        "The computer could not be provided.",
    ],
    Status.REJECTED: ["Not enough credits"],
    Status.NOT_STARTED: ["The answer was lost, and 3 readings showed that it never began."],
    Status.LOST: ["No contact until long after its time was over."],
}
REFUSAL = {
    "error_code": "INSUFFICIENT_CREDITS",
    "error_hint": "Add credits in Giga's billing page, then launch again.",
}
TASKS = [
    ("Download the {month} invoices from the supplier portal", "All PDFs are in ~/invoices."),
    ("Compare the price of {thing} at five shops", "prices.csv names five shops, with price and delivery."),
    ("Fill in the travel request for {place}", "The portal shows the request as sent."),
    ("Sort the shared inbox into folders by customer", "No unread mail is older than a day."),
    ("Renew the parking permits of {count} vans", "Each permit is valid until next {month}."),
    ("Take screenshots of all landing pages in {place}", "One picture a page is in ~/pictures."),
    ("Check {count} supplier certificates for their expiry date", "expiry.csv has a line for each."),
    ("Update the opening hours of the branch in {place}", "The page of the branch shows the new hours."),
    ("Book a meeting room in {place} for {count} people", "A confirmation is in the inbox."),
    ("Enter the readings of {count} meters for {month}", "The portal accepts all of them."),
    ("Order {thing} for the workshop, up to the budget", "The order number stands in order.txt."),
    ("Collect the {month} fuel receipts of the vans", "Receipts and sum are in receipts.xlsx."),
    ("Translate the leaflet about {thing} into German", "leaflet-de.odt has the same pages."),
    ("Reconcile the {month} card statement with the ledger", "Each difference is listed with its reason."),
]
# Titles that are hard to show, or to search; one in so many new sessions has one.
ODD_EVERY = 25
ODD_TASKS = [
    "Go",
    '<b>Sort</b> the "inbox" & archive {{ everything }} <script>alert(1)</script>',
    "=SUM(A1:A9) in the sheet of the warehouse, then mail it",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft: Satzung herunterladen",
    "סדר את תיבת הדואר המשותפת לפי לקוחות",
    "下载十月份的所有供应商发票",
    "Café menu 🥐 for Zürich and Łódź: check the prices, then the naïve totals",
    "Compare the delivery terms of forty suppliers, clause by clause, and write down what differs " * 6,
    "a/very/long/path/without/any/space/" * 9,
]
FILLERS = {
    "month": ["January", "March", "June", "September", "October"],
    "thing": ["a standing desk", "label printers", "winter tyres", "a label scanner", "safety shoes"],
    "place": ["Lisbon", "Leeds", "Graz", "Antwerp", "Turku"],
    "count": ["three", "five", "twelve", "forty"],
}
RULES = ["", "", "Do not pay anything.", "Ask before you change a setting.", "Never delete a mail."]
MESSAGES = [
    "Two of them are missing: look into the archive, too.",
    "Good. Now put the sum into the first line.",
    "Do the same for the month before.",
    "Mail the result to the front desk.",
]
NOTES = [
    "The portal asked for a code, I typed it.",
    "Checked by hand: all there.",
    "Wrong folder, the files are in ~/downloads.",
    "Costs more than doing it by hand. Next time on the small computer.",
    "Same as last month, see the run before.",
]
TAGS = ["billing", "month end", "inbox", "travel", "to repeat", "Ω"]


class NotForThis(Exception):
    """This workspace gets no made-up history; the text says why."""


def fill(workspace: Workspace, *, seed: int = 1, runs: int = RUNS, now: datetime | None = None) -> int:
    """Give this workspace so many made-up runs of six made-up people, who cannot sign in, over the thirty
    days before now. Returns how many there are. Raises NotForThis, with nothing written."""
    now = now or timezone.now()
    with transaction.atomic():
        limits.hold(workspace.pk)
        account = getattr(workspace, "giga_account", None)
        if account is None:
            raise NotForThis(f"{workspace.name} has no Giga yet: start `manage.py serve` once")
        if not account.is_simulated:
            raise NotForThis(f"{workspace.name} has a real Giga key, and made-up runs do not belong there")
        logins = [LOGIN + name for name in PEOPLE]
        if Run.objects.filter(workspace=workspace, created_by__username__in=logins).exists():
            raise NotForThis(f"{workspace.name} has its made-up history already")
        newest = _write(_History(workspace, random.Random(seed), now), runs)
        transaction.on_commit(
            lambda: announce_run(run_id=newest.run_id, workspace_id=workspace.pk, event_id=newest.pk)
        )
    return runs


class _History:
    """What is to be written, in the order in which it happened."""

    def __init__(self, workspace: Workspace, chance: random.Random, now: datetime):
        self.workspace, self.chance, self.now = workspace, chance, now
        self.people = [_person(workspace, name, role) for name, role in PEOPLE.items()]
        self.tags = [Tag.objects.called(workspace.pk, name) for name in TAGS]
        self.sessions: list[AgentSession] = []
        self.runs: list[Run] = []
        self.events: list[RunEvent] = []
        self.notes: list[RunNote] = []
        self.extensions: list[Extension] = []
        self.tags_of: dict[int, list[Tag]] = {}  # by the run's place in `runs`
        self.relaunches: list[tuple[Run, Run]] = []
        self.follow_ups: list[tuple[Run, Run]] = []
        self.odd_tasks_left = list(ODD_TASKS)

    def uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.chance.getrandbits(128), version=4)

    def event(self, run: Run, at: datetime, kind: str, why: str = "", *, by=None, now: str = "") -> None:
        """`now` is the status it led to, "" where it changed none."""
        self.events.append(
            RunEvent(run=run, workspace=self.workspace, at=at, kind=kind, now=now, why=why, by=by)
        )

    def put_in_order(self) -> None:
        """By time, and each with the status its run had then."""
        self.events.sort(key=lambda event: event.at)
        status: dict[int, str] = {}
        for event in self.events:
            event.was = status.get(event.run_id, "")
            event.now = status[event.run_id] = event.now or event.was


def _person(workspace: Workspace, name: str, role: str):
    user, _is_new = get_user_model().objects.get_or_create(
        username=f"{LOGIN}{name}", defaults={"first_name": name.capitalize(), "password": make_password(None)}
    )
    Membership.objects.get_or_create(user=user, workspace=workspace, defaults={"role": role})
    return user


def _write(history: _History, count: int) -> RunEvent:
    """Make it all up, then write it in a few statements; the newest event."""
    for status, queued_at in _launches(history, count):
        _launch(history, status, queued_at)
    AgentSession.objects.bulk_create(history.sessions)
    Run.objects.bulk_create(history.runs)
    for source, run in history.relaunches:
        run.agent_session.relaunched_from = source
        history.event(source, run.queued_at, "relaunch", str(run.pk), by=run.created_by)
    for before, run in history.follow_ups:
        history.event(before, run.queued_at, "follow_up", str(run.pk), by=run.created_by)
    again = [run.agent_session for _, run in history.relaunches]
    AgentSession.objects.bulk_update(again, ["relaunched_from"], batch_size=100)
    for event in history.events:
        event.run_id = event.run.pk  # it had none when this was noted
    history.put_in_order()
    RunEvent.objects.bulk_create(history.events)
    RunNote.objects.bulk_create(history.notes)
    Extension.objects.bulk_create(history.extensions)
    Run.tags.through.objects.bulk_create(
        Run.tags.through(run_id=history.runs[place].pk, tag_id=tag.pk)
        for place, tags in history.tags_of.items()
        for tag in tags
    )
    notes: dict[int, list[RunNote]] = {}
    for note in history.notes:
        notes.setdefault(note.run_id, []).append(note)
    RunText.objects.bulk_create(
        RunText(run=run, words=words_to_find(run, history.tags_of.get(place, []), notes.get(run.pk, [])))
        for place, run in enumerate(history.runs)
    )
    return history.events[-1]


def _launches(history: _History, count: int) -> list[tuple[Status, datetime]]:
    """Status and time of each launch, the oldest first: by day more than by night, none left out."""
    chance, now = history.chance, history.now
    going_on = GOING_ON[-count:]
    over = count - len(going_on)
    statuses = list(SHARES)[:over]
    statuses += chance.choices(list(SHARES), list(SHARES.values()), k=over - len(statuses))
    chance.shuffle(statuses)
    # Whatever is over by now began long enough ago for that.
    minutes = (DAYS * 24 - 12) * 60
    times = sorted(_working_hour(chance, now - timedelta(hours=12), minutes) for _ in statuses)
    began = sorted(now - timedelta(minutes=ago, seconds=chance.randint(5, 40)) for _, ago in going_on)
    times += began
    statuses += [status for status, _ in going_on]
    return list(zip(statuses, times, strict=True))


def _working_hour(chance: random.Random, latest: datetime, minutes: int) -> datetime:
    for _ in range(20):
        at = latest - timedelta(minutes=chance.uniform(0, minutes))
        if at.weekday() < 5 and 7 <= at.hour < 19:
            break
    return at


def _launch(history: _History, status: Status, queued_at: datetime) -> None:
    """One more run, with its session or in an earlier one, and all that happened to it."""
    chance = history.chance
    by = chance.choice(history.people)
    message, source = "", None
    earlier = [run for run in history.runs[-40:] if run.status in JUDGED and run.ended_at < queued_at]
    kind = chance.random()
    if earlier and status in FINAL and kind < 0.08:
        before = chance.choice(earlier)
        session, message = before.agent_session, chance.choice(MESSAGES)
        followed = {id(run.agent_session) for _, run in history.follow_ups}
        if id(session) in followed:
            message = ""
    if not message:
        source = chance.choice(earlier) if earlier and kind > 0.9 else None
        session = _session(history, by, queued_at, source)
    run = Run(
        agent_session=session,
        workspace=history.workspace,
        created_by=by,
        message=message,
        follow_up_token=history.uuid() if message else None,
        status=status,
        queued_at=queued_at,
        due_at=None,
    )
    history.runs.append(run)
    if message:
        history.follow_ups.append((before, run))
    elif source:
        history.relaunches.append((source, run))
    at = _live(history, run)
    _talk(session, run)
    _touch(history, run, at)


def _session(history: _History, by, at: datetime, source: Run | None) -> AgentSession:
    chance, number = history.chance, len(history.sessions)
    if source:
        like = source.agent_session
        texts = [like.user_prompt, like.goal_prompt, like.system_prompt]
    elif history.odd_tasks_left and number > ODD_EVERY * (len(ODD_TASKS) - len(history.odd_tasks_left)):
        texts = [history.odd_tasks_left.pop(0), "It is done, and nothing else was changed.", ""]
    else:
        task, goal = chance.choice(TASKS)
        fillers = {name: chance.choice(words) for name, words in FILLERS.items()}
        texts = [task.format(**fillers), goal.format(**fillers), chance.choice(RULES)]
    session = AgentSession(
        workspace=history.workspace,
        created_by=by,
        created_at=at,
        launch_token=history.uuid(),
        user_prompt=texts[0].strip(),
        goal_prompt=texts[1],
        system_prompt=texts[2],
        sandbox_template=chance.choices([one["name"] for one in SANDBOX_TEMPLATES], [60, 12, 16, 8, 4])[0],
        duration_hours=chance.choices([1, 2, 4, 8], [62, 22, 12, 4])[0],
        thread_id=f"thread-demo-{history.workspace.pk}-{number + 1}",
        is_simulated=True,
    )
    history.sessions.append(session)
    return session


def _live(history: _History, run: Run) -> datetime:
    """Take the run from the queue to its status, with times and ids as they would be. Returns when it came
    there."""
    chance, session = history.chance, run.agent_session
    path = PATHS[run.status]
    why = f"{session.sandbox_template} for {session.duration_hours} h"
    history.event(run, run.queued_at, "status", run.message or why, by=run.created_by, now=Status.QUEUED)
    run.reason = chance.choice(REASONS.get(run.status, [""]))
    if run.status in ACTIVE:
        run.due_at = history.now + timedelta(minutes=2)
        run.claimed_until = run.due_at if run.status == Status.SENDING else None
    if run.status in READABLE:
        # The simulated Giga would not know it; it goes on until its time is over.
        session.duration_hours = max(session.duration_hours, 4)
        run.due_at = history.now + timedelta(hours=6)
    if not path:
        # It only says so: who launches in the demo does not wait behind it.
        place = sum(one.status == Status.QUEUED for one in history.runs)
        run.reason = f"Waiting for a free computer, place {place} in line" + (
            ": all of the plan are busy." if place == 1 else "."
        )
        session.thread_id = ""
        history.event(run, run.queued_at + timedelta(seconds=2), "wait", run.reason)
        return history.now
    run.session_at = at = run.queued_at + timedelta(seconds=chance.uniform(0.4, 3))
    if not run.message:
        history.event(run, at, "session", f"Session {session.thread_id}")
    for status in path:
        at = _enter(history, run, status, at)
        history.event(run, at, "status", _why(run, status), now=status)
        if status == Status.RUNNING:
            at = _buy_time(history, run, at)
    if run.status in FINAL:
        run.ended_at = at
    run.contact_at = run.ended_at or (history.now if run.status in READABLE else run.session_at)
    return at


def _enter(history: _History, run: Run, status: Status, at: datetime) -> datetime:
    """When the run came to this status after it had been in the one before since `at`; notes what it got."""
    chance, number = history.chance, len(history.runs)
    if status == Status.SENDING:
        run.sent_at = at = at + timedelta(seconds=chance.uniform(0.2, 2))
        run.attempt = 1
    elif status == Status.STARTING:
        run.accepted_at = at = at + timedelta(seconds=chance.uniform(0.6, 4))
        run.remote_id = f"run_demo_{run.workspace_id}_{number}"
    elif status == Status.RUNNING:
        run.started_at = at = at + timedelta(seconds=chance.uniform(18, 55))
        run.desktop_at = at + timedelta(seconds=chance.uniform(1, 5))
        run.sandbox_id, run.sandbox_status = f"box_demo_{run.workspace_id}_{number}", "ready"
    elif status == Status.UNKNOWN:
        at += timedelta(seconds=35)
    elif status == Status.NOT_STARTED:
        at += timedelta(minutes=4)
    elif status == Status.REJECTED:
        at += timedelta(seconds=1)
        run.request_id = f"req_{chance.getrandbits(40):010x}"
        run.error_code, run.error_hint = REFUSAL["error_code"], REFUSAL["error_hint"]
    else:
        at = max(at, _end_of(history, run, status))
    run.remote_word = WORDS.get(status, run.remote_word)
    return at


def _end_of(history: _History, run: Run, status: Status) -> datetime:
    """When a run that was started came to rest."""
    chance = history.chance
    run.__dict__.pop("ends_at", None)  # time may have been bought since it was asked for
    began, paid_until = run.started_at or run.accepted_at, run.ends_at
    if began is None or paid_until is None:
        return history.now
    if status == Status.LOST:
        return paid_until + timedelta(minutes=31)
    if status in (Status.TIMED_OUT, Status.EXPIRED):
        return paid_until
    until = min(paid_until, history.now)
    return began + (until - began) * min(0.97, chance.triangular(0.02, 0.98, 0.2))


def _why(run: Run, status: Status) -> str:
    """What its history says of it."""
    if status == Status.STARTING:
        return f"Run {run.remote_id}"
    if status == run.status and run.reason and status != Status.FAILED:
        return run.reason
    if status == Status.UNKNOWN:
        return REASONS[Status.UNKNOWN][0]
    return f"Giga says “{WORDS[status]}”" if status in WORDS else ""


def _buy_time(history: _History, run: Run, at: datetime) -> datetime:
    if (
        run.status not in (Status.TIMED_OUT, Status.COMPLETED, Status.WAITING)
        or history.chance.random() > 0.12
    ):
        return at
    asked_at = at + timedelta(minutes=history.chance.uniform(0.5, 1.5))
    history.event(run, asked_at, "extend", "15 min asked for", by=run.created_by)
    told_at = asked_at + timedelta(seconds=1)
    history.event(run, told_at, "extend", "15 min added, says Giga")
    run.extended_minutes = 15
    history.extensions.append(
        Extension(
            run=run,
            token=history.uuid(),
            by=run.created_by,
            asked_at=asked_at,
            outcome=Extension.Outcome.CONFIRMED,
        )
    )
    return told_at


def _talk(session: AgentSession, run: Run) -> None:
    """The conversation, as it was read when the run was over."""
    if run.status not in FINAL or not run.started_at or not run.ended_at:
        return
    kept = session.thread or {"messages": [], "is_recognised": True, "raw": {"id": session.thread_id}}
    ending = {
        Status.COMPLETED: "It is done. What you asked for is where you said.",
        Status.INCONCLUSIVE: "I stopped here: I could not tell whether this is what you meant.",
    }.get(Status(run.status), "")
    said = [
        ("user", run.message or session.user_prompt, run.queued_at),
        ("assistant", "I open the browser and begin with the first one.", run.started_at),
        ("assistant", ending, run.ended_at),
    ]
    kept["messages"] += [
        {"role": role, "text": text, "at": at.isoformat(timespec="seconds")}
        for role, text, at in said
        if text
    ]
    session.thread, session.thread_read_at = kept, run.ended_at


def _touch(history: _History, run: Run, at: datetime) -> None:
    """What people did to it since it came to its status: a verdict, tags, a note, a call for somebody."""
    chance, place = history.chance, len(history.runs) - 1
    at = min(at + timedelta(minutes=chance.uniform(1, 90)), history.now)
    colleague = chance.choice(history.people)
    if run.status in JUDGED and (place < RUNS * 0.6 or chance.random() < 0.5):
        run.verdict = chance.choices(Verdict.values, [70, 20, 10])[0]
        history.event(run, at, "verdict", run.verdict, by=colleague)
    if chance.random() < 0.22:
        tags = sorted(chance.sample(history.tags, chance.choice([1, 1, 1, 2])), key=lambda tag: tag.name)
        history.tags_of[place] = tags
        history.event(run, at, "tag", ", ".join(tag.name for tag in tags), by=run.created_by)
    if chance.random() < 0.16:
        note = RunNote(run=run, by=colleague, at=at, text=chance.choice(NOTES))
        history.notes.append(note)
        history.event(run, at, "note", note.text, by=colleague)
    if run.status == Status.RUNNING and not any(other.needs_at for other in history.runs):
        run.needs, run.needs_at, run.needs_by = "The portal asks for a code by phone", at, colleague
        history.event(run, at, "flag", run.needs, by=colleague)
