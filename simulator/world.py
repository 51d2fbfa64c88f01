"""One simulated Giga: what it knows, what it allows, a ledger of what it was asked. No HTTP, no drawing."""

import hashlib
import math
import random
import re
import string
import time
import uuid
from collections import defaultdict, deque
from dataclasses import asdict, fields, replace

from simulator import timeline
from simulator.config import CONCURRENT_RUNS, Config
from simulator.records import Extend, Journal, Run, Session
from simulator.scenarios import EVERY_CALL, SCENARIOS, Scenario, marked_scenario

KEY_FORM = re.compile(r"giga_sk_[0-9a-f]{32}")
WINDOW_S = 60.0
CREDITS_PER_HOUR = {
    "giga-standard": 20,
    "giga-mini": 10,
    "giga-pro": 40,
    "giga-max": 80,
    "linux-toolkit-standard": 20,
}
DEPLOYMENT = "dep_demo"


class Refused(Exception):
    """Giga says no, in the words of its error envelope."""

    def __init__(self, status: int, code: str, message: str, *, hint: str = "", retry_after_s: int = 0):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.retry_after_s = retry_after_s


def not_found(what: str) -> Refused:
    return Refused(404, "RESOURCE_NOT_FOUND", f"{what} not found")


class World:
    def __init__(self, config: Config):
        self.initial_config = config
        self.journal = Journal(config.state_path)
        self._forget()
        for record in self.journal.read():
            self._take(record)

    def _forget(self) -> None:
        self.config = self.initial_config
        self.mishap_calls: frozenset[str] = frozenset()
        self.sessions: dict[str, Session] = {}
        self.runs: dict[str, Run] = {}
        self.thread_runs: dict[str, list[Run]] = defaultdict(list)
        self.sandbox_runs: dict[str, list[Run]] = defaultdict(list)
        self.extends: list[Extend] = []
        self.requests: deque[dict] = deque(maxlen=self.config.ledger_length)
        self.hits: dict[str, deque[float]] = defaultdict(deque)
        self.skipped_s = 0.0

    def reset(self) -> None:
        self.journal.clear()
        self._forget()

    def now(self) -> float:
        return time.time() + self.skipped_s

    # What holds

    def switch(self, changes: dict) -> None:
        """Change the scenario (`name`), the calls its mishap befalls (`calls`), or any field of Config.
        Raises ValueError."""
        changes = dict(changes)
        calls = frozenset(changes.pop("calls", ()))
        name = changes.pop("name", self.config.scenario)
        unknown = set(changes) - {field.name for field in fields(Config)} | calls - set(EVERY_CALL)
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        self.config = replace(self.config, scenario=name, **changes)
        self.mishap_calls = calls

    def scenario_of(self, marked: str) -> Scenario:
        """The scenario of a session with this marker, or the one that holds for all."""
        return SCENARIOS[marked or self.config.scenario]

    def mishap_for(self, call: str, marked: str) -> str:
        """What befalls this call now: a name in `mishaps`, or nothing."""
        scenario = self.scenario_of(marked)
        calls = scenario.calls if marked else self.mishap_calls or scenario.calls
        return scenario.mishap if call in calls else ""

    # Who asks, and how often

    def owner(self, authorization: str) -> str:
        """A digest of the key in the Authorization header. Raises Refused."""
        if not authorization.startswith("Bearer "):
            raise Refused(401, "UNAUTHORIZED", "Missing or malformed Authorization header")
        key = authorization[len("Bearer ") :].strip()
        keys = self.config.accept_keys
        if not (KEY_FORM.fullmatch(key) if keys is None else key in keys):
            raise Refused(401, "INVALID_API_KEY", "The API key is invalid or has been revoked")
        return hashlib.sha256(key.encode()).hexdigest()[:16]

    def count(self, authorization: str) -> int:
        """Count one request of this key and say how many are left in the minute. Raises Refused."""
        hits, now = self.hits[authorization], time.monotonic() + self.skipped_s
        while hits and hits[0] <= now - WINDOW_S:
            hits.popleft()
        if len(hits) >= self.config.rate_per_minute:
            wait_s = math.ceil(hits[0] + WINDOW_S - now) if hits else int(WINDOW_S)
            raise Refused(429, "RATE_LIMITED", "Too many requests", retry_after_s=max(1, wait_s))
        hits.append(now)
        return self.config.rate_per_minute - len(hits)

    # Sessions, runs, computers

    def create_session(self, owner: str, body: dict) -> Session:
        """Raises Refused."""
        prompts = body.get("prompts")
        prompts = prompts if isinstance(prompts, dict) else {}
        for name in ("userPrompt", "goalPrompt"):
            if not isinstance(prompts.get(name), str) or not prompts[name].strip():
                raise Refused(400, "INVALID_REQUEST", f"prompts.{name} is required", hint=f"prompts.{name}")
        if not isinstance(prompts.get("systemPrompt", ""), str):
            raise Refused(400, "INVALID_FIELD", "systemPrompt must be a string", hint="prompts.systemPrompt")
        duration = body.get("duration", 1)
        if isinstance(duration, bool) or not isinstance(duration, (int, float)) or not 1 <= duration <= 24:
            raise Refused(400, "INVALID_FIELD", "duration must be between 1 and 24 hours", hint="duration")
        template = body.get("template", "giga-standard")
        if not isinstance(template, str) or template not in CREDITS_PER_HOUR:
            raise Refused(400, "UNSUPPORTED_PLATFORM", "This template does not exist", hint="template")
        deployment_id = body.get("deploymentId", "")
        if deployment_id not in ("", None, DEPLOYMENT):
            raise not_found("Deployment")
        session = Session(
            thread_id=str(uuid.uuid4()),
            message_id=str(uuid.uuid4()),
            owner=owner,
            created_at=self.now(),
            prompts=prompts,
            template=template,
            duration=duration,
            deployment_id=deployment_id or "",
            scenario=marked_scenario(prompts["userPrompt"]),
        )
        self._keep(session)
        return session

    def session(self, owner: str, thread_id: str) -> Session:
        """Raises Refused, the same for another key's session as for none."""
        session = self.sessions.get(thread_id)
        if session is None or session.owner != owner:
            raise not_found("Session")
        return session

    def run(self, owner: str, thread_id: str, run_id: str) -> Run:
        """Raises Refused."""
        run = self.runs.get(run_id)
        if run is None or run.owner != owner or run.thread_id != thread_id:
            raise not_found("Run")
        return run

    def start_run(self, session: Session, message: object) -> Run:
        """Raises Refused. Asked twice it starts two: there is no idempotency key."""
        if not isinstance(message, str) or not message.strip():
            raise Refused(400, "INVALID_REQUEST", "message is required", hint="message")
        now = self.now()
        if self.billing(session.owner)["totalBalance"] <= 0:
            raise Refused(402, "INSUFFICIENT_CREDITS", "Your balance is too low to start a run")
        most = CONCURRENT_RUNS[self.scenario_of(session.scenario).plan or self.config.plan]
        mine = [run for run in self.runs.values() if run.owner == session.owner]
        if most is not None and sum(not timeline.is_over(run, now) for run in mine) >= most:
            raise Refused(429, "CONCURRENCY_LIMIT_EXCEEDED", f"Your plan allows {most} concurrent sandboxes")
        computer = self._computer_of(session.thread_id)
        run = Run(
            run_id="run_" + _letters(24),
            thread_id=session.thread_id,
            message_id=str(uuid.uuid4()),
            owner=session.owner,
            started_at=now,
            message=message,
            scenario=session.scenario or self.config.scenario,
            sandbox_id=computer.sandbox_id if computer else "i" + _letters(19),
            is_restored=computer is not None,
            speed=self.config.speed,
            queued_s=self.config.queued_s,
            booting_s=self.config.booting_s,
            run_s=self.config.run_seconds,
            sandbox_s=self.config.sandbox_s,
        )
        self._keep(run)
        return run

    def extend(self, owner: str, sandbox_id: object) -> Extend:
        """Raises Refused."""
        if not isinstance(sandbox_id, str) or not sandbox_id:
            raise Refused(400, "INVALID_REQUEST", "sandboxId is required", hint="sandboxId")
        booted_by = self.computer(sandbox_id)
        if booted_by is None or booted_by.owner != owner:
            raise not_found("Sandbox")
        extend = Extend(sandbox_id=sandbox_id, at=self.now())
        self._keep(extend)
        return extend

    def computer(self, sandbox_id: str) -> Run | None:
        """The run that booted this computer, if the computer is up now."""
        booted_by = next(iter(self.sandbox_runs.get(sandbox_id, ())), None)
        return (
            booted_by if booted_by and timeline.sandbox_is_up(booted_by, self.extends, self.now()) else None
        )

    def at_work(self, sandbox_id: str) -> tuple[Session, list[Run], Run]:
        """The session of a computer, its runs, and the latest of them on this computer that got as far."""
        now = self.now()
        on_it = self.sandbox_runs[sandbox_id]
        begun = [run for run in on_it if timeline.elapsed_s(run, now) >= timeline.ready_s(run)]
        run = (begun or on_it)[-1]
        return self.sessions[run.thread_id], self.thread_runs[run.thread_id], run

    def _computer_of(self, thread_id: str) -> Run | None:
        booted = [run for run in self.thread_runs[thread_id] if not run.is_restored]
        return self.computer(booted[-1].sandbox_id) if booted else None

    def billing(self, owner: str) -> dict:
        """Credits are used by the minute while a run works, and are full again every month."""
        month = time.gmtime(self.now())[:2]
        used = sum(
            timeline.working_s(run, self.now())
            / 3600
            * CREDITS_PER_HOUR[self.sessions[run.thread_id].template]
            for run in self.runs.values()
            if run.owner == owner and time.gmtime(run.started_at)[:2] == month
        )
        left = round(max(0.0, self.config.credits - used), 2)
        return {
            "plan": self.config.plan,
            "planCreditsRemaining": left,
            "prepaidBalance": 0.0,
            "totalBalance": left,
            "currentPeriodStart": f"{month[0]}-{month[1]:02}-01T00:00:00.000Z",
            "currentPeriodEnd": f"{month[0] + month[1] // 12}-{month[1] % 12 + 1:02}-01T00:00:00.000Z",
        }

    def ledger(self) -> dict:
        """Every request that arrived and every run that was really started, answered or not."""
        return {
            "requests": list(self.requests),
            "runs_started": [
                {
                    "run_id": run.run_id,
                    "thread_id": run.thread_id,
                    "at": run.started_at,
                    "message": run.message,
                    "user_prompt": self.sessions[run.thread_id].prompts["userPrompt"],
                    "scenario": run.scenario,
                    "sandbox_id": run.sandbox_id,
                    "is_restored": run.is_restored,
                }
                for run in self.runs.values()
            ],
            "sessions": [
                {name: value for name, value in asdict(session).items() if name != "owner"}
                for session in self.sessions.values()
            ],
            "extends": [asdict(extend) for extend in self.extends],
        }

    def _keep(self, record: Session | Run | Extend) -> None:
        self.journal.write(record)
        self._take(record)

    def _take(self, record: Session | Run | Extend) -> None:
        if isinstance(record, Session):
            self.sessions[record.thread_id] = record
        elif isinstance(record, Extend):
            self.extends.append(record)
        elif record.thread_id in self.sessions and record.scenario in SCENARIOS:
            self.runs[record.run_id] = record
            self.thread_runs[record.thread_id].append(record)
            self.sandbox_runs[record.sandbox_id].append(record)


def _letters(count: int) -> str:
    return "".join(random.choices(string.ascii_lowercase + string.digits, k=count))
