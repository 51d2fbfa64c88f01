"""What a run, its computer and its thread look like at a moment: pure functions of the records and the time.
No state, no network, no clock of its own."""

from collections.abc import Sequence
from datetime import UTC, datetime

from simulator.config import Config
from simulator.records import Extend, Run, Session
from simulator.scenarios import SCENARIOS, Scenario, without_marker
from simulator.story import Story, tell

EXTEND_S = 15 * 60.0
HOSTILE = "</script><script>alert(1)</script>\x00\ud800\u202e"


def elapsed_s(run: Run, now: float) -> float:
    """Simulated seconds since the run was started."""
    return (now - run.started_at) * run.speed


def ready_s(run: Run) -> float:
    """Simulated seconds from the start of a run to its desktop; a computer that still runs need not boot."""
    return run.queued_s + (0 if run.is_restored else run.booting_s)


def end_s(run: Run) -> float:
    """Simulated seconds from the start of a run to its end; infinite when it never ends."""
    scenario = SCENARIOS[run.scenario]
    if scenario.ending is None:
        return float("inf")
    return {"in-queue": run.queued_s, "in-boot": ready_s(run), "done": ready_s(run) + run.run_s}[
        scenario.ends
    ]


def is_over(run: Run, now: float) -> bool:
    return elapsed_s(run, now) >= end_s(run)


def has_desktop(run: Run) -> bool:
    """Whether its computer comes up, and the agent gets to work."""
    return SCENARIOS[run.scenario].ends == "done"


def working_s(run: Run, now: float) -> float:
    """Simulated seconds the agent has worked on the desktop so far."""
    if not has_desktop(run):
        return 0.0
    return max(0.0, min(elapsed_s(run, now), end_s(run)) - ready_s(run))


def sandbox_ends_at(booted_by: Run, extends: Sequence[Extend]) -> float:
    """When the computer of a run goes away. Extensions made before stack."""
    extended = sum(1 for extend in extends if extend.sandbox_id == booted_by.sandbox_id)
    return (
        booted_by.started_at
        + (ready_s(booted_by) + booted_by.sandbox_s + extended * EXTEND_S) / booted_by.speed
    )


def sandbox_is_up(booted_by: Run, extends: Sequence[Extend], now: float) -> bool:
    is_ready = has_desktop(booted_by) and elapsed_s(booted_by, now) >= ready_s(booted_by)
    return is_ready and now < sandbox_ends_at(booted_by, extends)


def run_body(run: Run, now: float, *, config: Config, host: str) -> dict:
    """The answer to `GET /api/sessions/{id}/runs/{runId}`. A dead computer's `ready` stays, as with Giga."""
    scenario = SCENARIOS[run.scenario]
    if scenario.is_hostile:
        return _hostile_body(run)
    body = {
        "id": run.run_id,
        "status": _word(run, now),
        "isCompleted": False,
        "isErrored": False,
        "metadata": {},
    }
    if is_over(run, now) and scenario.ending:
        body["isCompleted"], body["isErrored"] = scenario.ending.is_completed, scenario.ending.is_errored
    if scenario.has_metadata:
        body["metadata"] = _metadata(run, now, config=config, host=host)
    else:
        del body["metadata"]
    return body


def thread_body(
    session: Session, runs: Sequence[Run], now: float, *, scenario: Scenario, config: Config, host: str
) -> dict:
    """The answer to `GET /api/sessions/{id}`. Its form is undocumented; a scenario chooses between three."""
    entries = messages(session, runs, now)
    latest = runs[-1] if runs else None
    if scenario.thread == "unknown":
        return {
            "thread": {"v": 7, "nodes": {entry["id"]: [entry["role"], entry["content"]] for entry in entries}}
        }
    if scenario.thread == "history":
        history = [
            {"id": entry["id"], "role": entry["role"], "parts": [{"type": "text", "text": entry["content"]}]}
            for entry in entries
        ]
        return {"thread": {"threadId": session.thread_id, "history": history}}
    thread = {
        "id": session.thread_id,
        "createdAt": iso(session.created_at),
        "config": {
            "template": session.template,
            "duration": session.duration,
            "prompts": session.prompts,
        },
        "messages": entries,
        "metadata": {},
    }
    if latest:
        body = run_body(latest, now, config=config, host=host)
        thread["status"], thread["metadata"] = body["status"], body.get("metadata", {})
    if scenario.is_hostile:
        thread["messages"] = [*entries, *_hostile_messages()]
    return {"thread": thread}


def messages(session: Session, runs: Sequence[Run], now: float) -> list[dict]:
    """The conversation so far; it grows while a run works."""
    entries = [_entry(session.message_id, "user", session.prompts["userPrompt"], session.created_at)]
    for run in runs:
        entries.append(_entry(run.message_id, "user", run.message, run.started_at))
        begun = ready_s(run)
        for number, (at_s, role, text) in enumerate(story_of(session, runs, run).steps(working_s(run, now))):
            at = run.started_at + (begun + at_s) / run.speed
            entries.append(_entry(f"{run.message_id}-{number}", role, text, at))
        if has_desktop(run) and is_over(run, now):
            at = run.started_at + end_s(run) / run.speed
            entries.append(_entry(f"{run.message_id}-end", "assistant", _last_words(session, run), at))
    return entries


def story_of(session: Session, runs: Sequence[Run], run: Run) -> Story:
    """What the agent does in this run: the session's task first, then what each follow-up says."""
    is_first = runs[0].run_id == run.run_id
    return tell(without_marker(session.prompts["userPrompt"] if is_first else run.message))


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _word(run: Run, now: float) -> str:
    scenario, elapsed = SCENARIOS[run.scenario], elapsed_s(run, now)
    if is_over(run, now) and scenario.ending:
        return scenario.ending.status
    if elapsed < run.queued_s:
        return scenario.queued
    third = (elapsed - ready_s(run)) / (run.run_s or 1) * 3
    if scenario.middle and 1 <= third < 2:
        return scenario.middle[int((third - 1) * len(scenario.middle))]
    return scenario.running


def _metadata(run: Run, now: float, *, config: Config, host: str) -> dict:
    scenario, elapsed = SCENARIOS[run.scenario], elapsed_s(run, now)
    initializing, ready, restored = scenario.sandbox_words
    if elapsed < run.queued_s or scenario.ends == "in-queue":
        return {}
    if elapsed < ready_s(run):
        return {"sandboxStatus": initializing}
    if scenario.ends == "in-boot":
        return {"sandboxStatus": "failed"}
    return {
        "sandboxId": run.sandbox_id,
        "vncUrl": desktop_url(run.sandbox_id, scenario, config=config, host=host),
        "sandboxStatus": restored if run.is_restored else ready,
    }


def desktop_url(sandbox_id: str, scenario: Scenario, *, config: Config, host: str) -> object:
    """`vncUrl`. A scenario's pattern may name {host}, {sandbox} and {dashboard}."""
    if isinstance(scenario.desktop_url, str) and scenario.desktop_url:
        return scenario.desktop_url.format(host=host, sandbox=sandbox_id, dashboard=config.dashboard_url)
    if scenario.desktop_url:
        return scenario.desktop_url
    if config.desktop_url:
        return config.desktop_url
    if config.desktop == "stream":
        return f"ws://{host}/websockify/{sandbox_id}"
    password = f"&password={config.desktop_password}" if config.desktop_password else ""
    return f"http://{host}/vnc.html?autoconnect=true&resize=scale{password}&path=websockify/{sandbox_id}"


def _entry(identifier: str, role: str, content: str, at: float) -> dict:
    return {"id": identifier, "role": role, "content": content, "createdAt": iso(at)}


def _last_words(session: Session, run: Run) -> str:
    ending = SCENARIOS[run.scenario].ending
    if ending and ending.is_errored is True:
        return "Something went wrong on my side and I could not finish."
    if ending and ending.status.upper() != "COMPLETED":
        return "I was stopped before I could finish."
    return f"I am done. You wanted: {session.prompts['goalPrompt']}"


def _hostile_body(run: Run) -> dict:
    return {
        "id": [run.run_id],
        "status": f"RUN{HOSTILE}",
        "isCompleted": "false",
        "isErrored": 0,
        "metadata": {
            "sandboxId": {"$ne": HOSTILE},
            "vncUrl": ["javascript:alert(1)"],
            "sandboxStatus": f"ready{HOSTILE}",
            HOSTILE: HOSTILE,
        },
    }


def _hostile_messages() -> list:
    return [
        {"id": HOSTILE, "role": "assistant", "content": HOSTILE, "createdAt": HOSTILE},
        {
            "id": 1,
            "role": "assistant",
            "content": [{"text": 17}, {"text": "<img src=x onerror=alert(1)>"}, None],
        },
        {"id": None, "role": ["user"], "content": {"text": {"text": "deep"}}, "createdAt": 10**400},
        {"role": "tool", "content": "x" * 100_000},
        None,
        "a bare text",
        [[[[[[[[]]]]]]]],
    ]
