"""The Giga API, one function per call. No models, no ORM.

Answers become frozen dataclasses here; everything that can go wrong becomes one `GigaError` that says what to
do. Nothing in here retries, sleeps or follows a redirect."""

import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from urllib.parse import quote

from people.texts import beginning
from runs.http import Answer, Broken, NotSent, one_request

READ_S = 20
# `POST …/runs` may hold the connection for 15 s (Giga's API guide), so it gets twice that and a margin.
START_RUN_S = 35
MAX_ID_LENGTH = 200
DEFAULT_RETRY_AFTER_S = 60.0
# What Giga's API guide says of Retry-After is kept to, up to a day.
MAX_RETRY_AFTER_S = 86_400.0
SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")  # gateways write fractions, which HTTP has not
MOST_FILES = 1000
SECRET_NAMES = ("vncurl", "streamurl", "token", "authorization", "apikey", "secret", "password")


class Outcome(Enum):
    """What a failed call means for the caller."""

    REFUSED = "Giga said no; asking again changes nothing"
    KEY_REFUSED = "Giga does not accept the key; stop asking until somebody looks"
    GONE = "Giga does not know this session or run"
    RATE_LIMITED = "too many requests; ask again after `retry_after_s`"
    NO_FREE_COMPUTER = "all computers of the plan are busy; ask again when one is free"
    NOT_SENT = "the request never reached Giga; asking again is safe"
    UNCLEAR = "the request may have been carried out; only reading can tell"


class GigaError(Exception):
    """A call that did not give what it should. `message` is for people and holds no secret."""

    def __init__(
        self,
        message: str,
        *,
        outcome: Outcome,
        code: str = "",
        hint: str = "",
        request_id: str = "",
        status_code: int = 0,
        retry_after_s: float = 0,
        is_outage: bool = False,
    ):
        super().__init__(message)
        self.message = message
        self.outcome = outcome
        self.code = code
        self.hint = hint
        self.request_id = request_id
        self.status_code = status_code
        self.retry_after_s = retry_after_s
        # Giga itself seems to be down: no connection, a broken one, or a 5xx.
        self.is_outage = is_outage

    @property
    def was_not_done(self) -> bool:
        """Whether it is certain that Giga did not do what it was asked: nothing was sent, or Giga itself says
        no in the words it documents. A gateway on the way may say 429 or 404 of what Giga has done."""
        return self.outcome == Outcome.NOT_SENT or (self.outcome != Outcome.UNCLEAR and bool(self.code))


@dataclass(frozen=True)
class Access:
    """Where Giga is and who is asking. `client_id` attributes usage to one workspace (`X-Client-Id`)."""

    api_url: str
    api_key: str = field(repr=False)
    client_id: str = ""


@dataclass(frozen=True)
class RemoteSession:
    thread_id: str
    message_id: str


@dataclass(frozen=True)
class StartedRun:
    run_id: str
    message_id: str
    public_access_token: str = field(repr=False)


@dataclass(frozen=True)
class RemoteRun:
    """What Giga says of a run. `desktop_url` is unchecked and is None when absent; `raw` holds no secret."""

    word: str
    is_completed: bool
    is_errored: bool
    sandbox_id: str
    sandbox_status: str
    desktop_url: object = field(repr=False)
    raw: object


@dataclass(frozen=True)
class ThreadMessage:
    role: str
    text: str
    at: str


@dataclass(frozen=True)
class RemoteThread:
    """A session as Giga remembers it. Its shape is undocumented: `messages` are those that could be
    recognised, `is_recognised` says whether a list of messages was found at all, `raw` is the rest without
    secrets."""

    messages: tuple[ThreadMessage, ...]
    is_recognised: bool
    word: str
    run_id: str
    sandbox_id: str
    sandbox_status: str
    desktop_url: object = field(repr=False)
    raw: object

    @property
    def shows_life(self) -> bool:
        """Whether a run was started in this session: a computer, a run, or a second message."""
        return bool(self.run_id or self.sandbox_id or self.sandbox_status or len(self.messages) > 1)

    def places_of(self, text: str) -> list[int]:
        """Where among the messages a person said exactly this."""
        return [
            place
            for place, message in enumerate(self.messages)
            if message.role == "user" and message.text.strip() == text.strip()
        ]


@dataclass(frozen=True)
class RemoteFile:
    """A file of a deployment. `name` is somebody else's text; `size` is None when Giga does not tell it."""

    file_id: str
    name: str
    size: int | None
    mime_type: str
    at: str


def create_session(
    access: Access,
    *,
    user_prompt: str,
    goal_prompt: str,
    system_prompt: str,
    sandbox_template: str,
    duration_hours: int,
    deployment_id: str,
) -> RemoteSession:
    """`POST /api/sessions`: stores the configuration; starts nothing and costs nothing. Raises GigaError."""
    body = session_body(
        user_prompt=user_prompt,
        goal_prompt=goal_prompt,
        system_prompt=system_prompt,
        sandbox_template=sandbox_template,
        duration_hours=duration_hours,
        deployment_id=deployment_id,
    )
    answer = _call(access, "POST", "/api/sessions", body=body)
    return RemoteSession(thread_id=_needed_id(answer, "threadId"), message_id=_text(answer.get("messageId")))


def session_body(
    *,
    user_prompt: str,
    goal_prompt: str,
    system_prompt: str,
    sandbox_template: str,
    duration_hours: int,
    deployment_id: str,
) -> dict:
    """What is sent to create a session."""
    prompts = {"userPrompt": user_prompt, "goalPrompt": goal_prompt}
    if system_prompt:
        prompts["systemPrompt"] = system_prompt
    body = {"prompts": prompts, "template": sandbox_template, "duration": duration_hours}
    if deployment_id:
        body["deploymentId"] = deployment_id
    return body


def start_run(access: Access, *, thread_id: str, message: str) -> StartedRun:
    """`POST /api/sessions/{threadId}/runs`: boots the computer and begins the work. Costs money: never call
    it twice for one launch. Raises GigaError."""
    answer = _call(
        access,
        "POST",
        f"/api/sessions/{_quoted(thread_id)}/runs",
        body={"message": message},
        within_s=START_RUN_S,
    )
    return StartedRun(
        run_id=_needed_id(answer, "runId"),
        message_id=_text(answer.get("messageId")),
        public_access_token=_text(answer.get("publicAccessToken"), limit=4096),
    )


def extend_sandbox(access: Access, *, sandbox_id: str) -> None:
    """`POST /api/sandbox/extend`: 15 more minutes. Calls stack and cost, so never call it twice for one
    press. Giga's answer holds no new expiry. Raises GigaError."""
    answer = _call(access, "POST", "/api/sandbox/extend", body={"sandboxId": sandbox_id})
    if answer.get("success") is not True:
        raise GigaError("Giga did not say whether it extended", outcome=Outcome.UNCLEAR)


def get_run(access: Access, *, thread_id: str, run_id: str) -> RemoteRun:
    """`GET /api/sessions/{threadId}/runs/{runId}`. Raises GigaError."""
    answer = _call(access, "GET", f"/api/sessions/{_quoted(thread_id)}/runs/{_quoted(run_id)}")
    metadata = answer.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    word = _text(answer.get("status"), limit=60)
    if not word:
        raise GigaError("Giga's answer names no status", outcome=Outcome.UNCLEAR)
    return RemoteRun(
        word=word,
        is_completed=answer.get("isCompleted") is True,
        is_errored=answer.get("isErrored") is True,
        sandbox_id=_id(metadata.get("sandboxId")),
        sandbox_status=_text(metadata.get("sandboxStatus"), limit=40),
        desktop_url=metadata.get("vncUrl"),
        raw=_without_secrets(answer),
    )


def get_thread(access: Access, *, thread_id: str) -> RemoteThread:
    """`GET /api/sessions/{threadId}`. Raises GigaError."""
    answer = _call(access, "GET", f"/api/sessions/{_quoted(thread_id)}")
    thread = answer.get("thread")
    if not isinstance(thread, dict):
        raise GigaError("Giga's answer holds no thread", outcome=Outcome.UNCLEAR)
    metadata = thread.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    entries = next(
        (thread[key] for key in ("messages", "history", "items") if isinstance(thread.get(key), list)), None
    )
    return RemoteThread(
        messages=tuple(filter(None, map(_message, entries or []))),
        is_recognised=entries is not None,
        word=_text(thread.get("status"), limit=60),
        run_id=_id(metadata.get("runId") or thread.get("runId")),
        sandbox_id=_id(metadata.get("sandboxId")),
        sandbox_status=_text(metadata.get("sandboxStatus"), limit=40),
        desktop_url=metadata.get("vncUrl"),
        raw=_without_secrets(thread),
    )


def requests_left(access: Access) -> int | None:
    """`GET /api/billing`, which changes nothing: whether the key works, and how many requests it has left in
    this minute, None where Giga does not say. Raises GigaError."""
    answer = _ask(access, "GET", "/api/billing")
    raw = _body(access, answer)
    _judge(answer, raw)
    said = _parsed(raw)
    if not isinstance(said, dict) or said.get("success") is not True:
        raise GigaError("Giga did not say whether the key works", outcome=Outcome.UNCLEAR)
    left = answer.headers.get("X-RateLimit-Remaining", "")
    return int(left) if left.isascii() and left.isdecimal() and len(left) < 7 else None


def list_files(access: Access, *, deployment_id: str) -> tuple[RemoteFile, ...]:
    """`GET /api/files?deploymentId=…`: those that can be named and fetched. Raises GigaError."""
    files = _call(access, "GET", f"/api/files?deploymentId={_quoted(deployment_id)}").get("files")
    if not isinstance(files, list):
        raise GigaError("Giga's answer holds no list of files", outcome=Outcome.UNCLEAR)
    return tuple(filter(None, map(_file, files[:MOST_FILES])))


def get_download_url(access: Access, *, file_id: str) -> object:
    """`GET /api/files/download?fileId=…`: where the file is for a short time, unchecked, None when absent.
    The name of the field is undocumented. Whoever has the address has the file: never keep it. Raises
    GigaError."""
    answer = _call(access, "GET", f"/api/files/download?fileId={_quoted(file_id)}")
    return answer.get("downloadUrl") or answer.get("url")


def _call(
    access: Access, method: str, path: str, *, body: dict | None = None, within_s: float | None = None
) -> dict:
    """One request, one answer as an object. Raises GigaError for everything else."""
    answer = _ask(access, method, path, body=body, within_s=within_s)
    return _judge(answer, _body(access, answer))


def _body(access: Access, answer: Answer) -> bytes:
    """An error message that quotes our own key must not carry it into the history."""
    return answer.body.replace(access.api_key.encode(), b"(key)")


def _ask(
    access: Access, method: str, path: str, *, body: dict | None = None, within_s: float | None = None
) -> Answer:
    headers = {
        "Authorization": f"Bearer {access.api_key}",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
    }
    if access.client_id:
        headers["X-Client-Id"] = access.client_id
    try:
        return one_request(
            method, access.api_url + path, body=body, headers=headers, within_s=within_s or READ_S
        )
    except NotSent as error:
        text = f"Giga cannot be reached: {error}"
        raise GigaError(text, outcome=Outcome.NOT_SENT, is_outage=True) from None
    except Broken as error:
        text = f"Giga's answer was lost: {error}"
        raise GigaError(text, outcome=Outcome.UNCLEAR, is_outage=True) from None


def _judge(response: Answer, raw: bytes) -> dict:
    status, answer = response.status, _parsed(raw)
    if 200 <= status < 300 and isinstance(answer, dict) and answer.get("success") is not False:
        # Sessions and runs are documented bare, everything else as {success, data}: take both.
        inner = answer.get("data")
        return inner if answer.get("success") is True and isinstance(inner, dict) else answer
    raise _refusal(response, answer)


def _refusal(response: Answer, answer: object) -> GigaError:
    """The error an answer means. Only an envelope Giga documents counts as a refusal; anything else is
    unclear."""
    status = response.status
    envelope = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(envelope, dict) or status < 400:
        said = (
            "an answer that is not what its API documents"
            if status < 400
            else f"HTTP {status} without a reason"
        )
        outcomes = {401: Outcome.KEY_REFUSED, 404: Outcome.GONE, 429: Outcome.RATE_LIMITED}
        return GigaError(
            f"Giga gave {said}",
            outcome=outcomes.get(status, Outcome.UNCLEAR),
            status_code=status,
            is_outage=status >= 500,
            retry_after_s=_retry_after_s(response),
        )
    code = _text(envelope.get("code"), limit=60)
    if status == 429 and code == "CONCURRENCY_LIMIT_EXCEEDED":
        outcome = Outcome.NO_FREE_COMPUTER
    elif status == 429:
        outcome = Outcome.RATE_LIMITED
    elif status == 401:
        outcome = Outcome.KEY_REFUSED
    elif status == 404:
        outcome = Outcome.GONE
    elif status in (400, 402, 403, 422):
        outcome = Outcome.REFUSED
    else:
        outcome = Outcome.UNCLEAR
    return GigaError(
        _text(envelope.get("message"), limit=500) or f"Giga answered HTTP {status}",
        outcome=outcome,
        code=code,
        hint=_text(envelope.get("hint"), limit=500),
        request_id=_text(envelope.get("requestId"), limit=100),
        status_code=status,
        is_outage=status >= 500,
        retry_after_s=_retry_after_s(response),
    )


def _parsed(raw: bytes) -> object:
    """The JSON in `raw`, or None for anything that is not strict JSON."""

    def refuse(constant):
        raise ValueError(constant)

    try:
        return json.loads(raw.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError):
        return None


def _text(value: object, *, limit: int = MAX_ID_LENGTH) -> str:
    """A text that can be stored and shown: numbers become text, other things nothing; no NUL, no half
    characters."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    text = str(value).replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return beginning(text, limit)


def _id(value: object) -> str:
    """An id that may go into an address: printable, no spaces, not longer than 200 characters; else
    nothing."""
    text = value if isinstance(value, str) else _text(value)
    if not text or len(text) > MAX_ID_LENGTH or not text.isascii() or not text.isprintable():
        return ""
    return "" if any(character in text for character in " /\\?#%<>\"'") or text in (".", "..") else text


def _needed_id(answer: dict, name: str) -> str:
    value = _id(answer.get(name))
    if not value:
        raise GigaError(f"Giga's answer holds no usable {name}", outcome=Outcome.UNCLEAR)
    return value


def _quoted(identifier: str) -> str:
    return quote(identifier, safe="")


def _file(entry: object) -> RemoteFile | None:
    """One file of a list, if it has an id; Giga writes `_id` here and `id` elsewhere."""
    if not isinstance(entry, dict):
        return None
    file_id = _id(entry.get("id")) or _id(entry.get("_id"))
    if not file_id:
        return None
    size = entry.get("fileSize")
    is_size = isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**63
    return RemoteFile(
        file_id=file_id,
        name=_text(entry.get("fileName"), limit=300).strip() or file_id,
        size=size if is_size else None,
        mime_type=_text(entry.get("mimeType"), limit=100),
        at=_text(entry.get("createdAt"), limit=40),
    )


def _message(entry: object) -> ThreadMessage | None:
    """One entry of a thread, if it has a role and a text that can be recognised; never an invented one."""
    if not isinstance(entry, dict):
        return None
    role = _text(entry.get("role"), limit=20).lower()
    if role not in ("user", "assistant", "system", "tool", "action"):
        return None
    content = entry.get("content", entry.get("text", entry.get("parts")))
    parts = content if isinstance(content, list) else [content]
    texts = [_text(part.get("text") if isinstance(part, dict) else part, limit=20_000) for part in parts]
    text = "\n".join(filter(None, texts))
    return ThreadMessage(role=role, text=text, at=_text(entry.get("createdAt"), limit=40)) if text else None


def _without_secrets(value: object, *, depth: int = 20) -> object:
    """A copy that may be stored and shown: addresses of desktops and tokens are replaced, depth is
    limited."""
    if depth == 0:
        return "…"
    if isinstance(value, dict):
        return {
            _text(key, limit=100): "(not kept)"
            if any(name in str(key).lower() for name in SECRET_NAMES) and inner
            else _without_secrets(inner, depth=depth - 1)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(inner, depth=depth - 1) for inner in value]
    if isinstance(value, str):
        return _text(value, limit=20_000)
    if isinstance(value, float) and not math.isfinite(value):
        return "…"  # 1e999 is JSON, but becomes a number that no database keeps
    return value


def _retry_after_s(answer: Answer) -> float:
    """For how many seconds nothing is to be asked, by an answer that is an error, whatever its status: what
    Retry-After says, in seconds or as an HTTP date, up to a day; 60 for a 429 that says nothing usable, else
    0."""
    silent = DEFAULT_RETRY_AFTER_S if answer.status == 429 else 0.0
    said = (answer.headers.get("Retry-After") or "").strip()
    numbers = [number.strip() for number in said.split(",")]
    if all(SECONDS.fullmatch(number) for number in numbers):
        # Of many digits it is infinite, and so cut to a day.
        seconds = max(map(float, numbers))
    else:
        try:
            at = parsedate_to_datetime(said)
            seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return silent
    return min(MAX_RETRY_AFTER_S, max(1.0, seconds))
