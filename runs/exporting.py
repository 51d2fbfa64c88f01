"""Runs as CSV and JSON, one line after the other, so that a million of them need no memory. Names the fields
that leave: no secret and no desktop address is among them. No requests, no templates."""

import csv
import json
from collections.abc import Iterator

from people.spreadsheets import safe_cell
from runs.models import Run

FIELDS = {
    "id": lambda run: run.pk,
    "status": lambda run: run.status,
    "verdict": lambda run: run.verdict,
    "title": lambda run: run.title,
    "task": lambda run: run.agent_session.user_prompt,
    "done_means": lambda run: run.agent_session.goal_prompt,
    "rules": lambda run: run.agent_session.system_prompt,
    "message": lambda run: run.message,
    "launched_by": lambda run: run.created_by.get_username() if run.created_by else "",
    "template": lambda run: run.agent_session.sandbox_template,
    "duration_hours": lambda run: run.agent_session.duration_hours,
    "extended_minutes": lambda run: run.extended_minutes,
    "tags": lambda run: ", ".join(tag.name for tag in run.shown_tags),
    "reason": lambda run: run.reason,
    "error_code": lambda run: run.error_code,
    "queued_at": lambda run: _time(run.queued_at),
    "started_at": lambda run: _time(run.started_at),
    "ended_at": lambda run: _time(run.ended_at),
    "run_id": lambda run: run.remote_id or "",
    "thread_id": lambda run: run.agent_session.thread_id,
    "request_id": lambda run: run.request_id,
}
AT_A_TIME = 500


def rows(runs) -> Iterator[dict]:
    """Each run as a dictionary."""
    for run in _in_pieces(runs):
        yield {name: value(run) for name, value in FIELDS.items()}


def csv_lines(runs) -> Iterator[str]:
    """The lines of a CSV file, with a head."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(FIELDS)  # by this mark a spreadsheet knows the encoding
    for row in rows(runs):
        yield writer.writerow([safe_cell(value) for value in row.values()])


def json_lines(runs) -> Iterator[str]:
    """The pieces of one JSON list."""
    yield "["
    for number, row in enumerate(rows(runs)):
        yield (",\n" if number else "\n") + json.dumps(row, ensure_ascii=False)
    yield "\n]\n"


def _in_pieces(runs) -> Iterator[Run]:
    """All of them, newest first, by their cursor: no read of the database lasts long."""
    key = runs.newest_by
    while piece := list(runs.for_list()[:AT_A_TIME]):
        yield from piece
        runs = runs.filter(**{f"{key}__lt": piece[-1].pk})


def _time(at) -> str:
    return at.isoformat(timespec="seconds") if at else ""


class _Echo:
    """What `csv` writes to: gives back what it is given."""

    def write(self, text: str) -> str:
        return text
