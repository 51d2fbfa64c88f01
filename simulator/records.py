"""What the simulator remembers: sessions, runs and extensions, as they were asked for. Nothing here changes
with time; what they look like at a moment is `timeline`'s matter."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Session:
    thread_id: str
    message_id: str
    owner: str  # a digest of the key: another key's sessions read as not there
    created_at: float
    prompts: dict
    template: str
    duration: float
    deployment_id: str
    scenario: str  # from a marker in the prompt, or nothing


@dataclass(frozen=True)
class Run:
    """Its times are simulated seconds: `speed` of them pass in a real one."""

    run_id: str
    thread_id: str
    message_id: str
    owner: str
    started_at: float
    message: str
    scenario: str
    sandbox_id: str
    is_restored: bool
    speed: float
    queued_s: float
    booting_s: float
    run_s: float
    sandbox_s: float


@dataclass(frozen=True)
class Extend:
    sandbox_id: str
    at: float


KINDS = {"session": Session, "run": Run, "extend": Extend}


class Journal:
    """A file of one JSON object a line, readable by its owner only; without a path, nothing is kept."""

    def __init__(self, path: str | Path | None):
        self._path = path

    def read(self) -> list[Session | Run | Extend]:
        """Everything written so far. A line cut short by a killed writer is passed over."""
        if not self._path or not os.path.exists(self._path):
            return []
        records = []
        for line in Path(self._path).read_bytes().splitlines():
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                fields = json.loads(line)
                records.append(KINDS[fields.pop("kind")](**fields))
        return records

    def write(self, record: Session | Run | Extend) -> None:
        if not self._path:
            return
        kind = type(record).__name__.lower()
        line = json.dumps({"kind": kind, **asdict(record)}).encode() + b"\n"
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                line = b"\n" + line  # half a line was left behind; it must not swallow this one
            os.write(file, line)
        finally:
            os.close(file)

    def clear(self) -> None:
        if self._path and os.path.exists(self._path):
            os.truncate(self._path, 0)
