"""Runs as CSV, workbook and JSON, some at a time, so that a million of them need no memory. Names the fields
that leave: no secret and no desktop address is among them. No requests, no templates."""

import json
from collections.abc import Iterator

from people.spreadsheets import csv_line
from people.workbooks import workbook_pieces

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
    "tags": lambda run: ", ".join(_quoted(tag.name) for tag in run.shown_tags),
    "reason": lambda run: run.reason,
    "error_code": lambda run: run.error_code,
    "queued_at": lambda run: _time(run.queued_at),
    "started_at": lambda run: _time(run.started_at),
    "ended_at": lambda run: _time(run.ended_at),
    "run_id": lambda run: run.remote_id or "",
    "thread_id": lambda run: run.agent_session.thread_id,
    "request_id": lambda run: run.request_id,
}
# Texts of a run can be 80 kB long.
AT_A_TIME = 100


def csv_pieces(runs) -> Iterator[str]:
    """A CSV file with a head, some lines at a time."""
    yield "\ufeff" + csv_line(FIELDS)  # by this mark a spreadsheet knows the encoding
    for rows in _rows_in_pieces(runs):
        yield "".join(csv_line(row.values()) for row in rows)


def xlsx_pieces(runs) -> Iterator[bytes]:
    """A workbook, some lines at a time."""
    return workbook_pieces(FIELDS, ([[*row.values()] for row in rows] for rows in _rows_in_pieces(runs)))


def json_pieces(runs) -> Iterator[str]:
    """One JSON list, some lines at a time."""
    yield "["
    before = "\n"
    for rows in _rows_in_pieces(runs):
        yield before + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        before = ",\n"
    yield "\n]\n"


def _rows_in_pieces(runs) -> Iterator[list[dict]]:
    """All of them, newest first, by their cursor: no read of the database lasts long, and none comes twice.
    Each is as it is when its turn comes; what is made meanwhile is not among them."""
    older = runs
    while piece := list(older.for_list()[:AT_A_TIME]):
        yield [{name: value(run) for name, value in FIELDS.items()} for run in piece]
        older = runs.filter(**{f"{runs.newest_by}__lt": piece[-1].pk})


def _quoted(name: str) -> str:
    """The name of a tag; older ones may hold what parts them."""
    return '"' + name.replace('"', '""') + '"' if "," in name or name.startswith('"') else name


def _time(at) -> str:
    return at.isoformat(timespec="seconds") if at else ""
