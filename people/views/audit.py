"""The audit log, for managers: what people did in this workspace."""

import json
from urllib.parse import urlencode

from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from people import exports, workbooks
from people.audit import Act, AuditEntry, audit
from people.forms import AuditExportForm, AuditForm
from people.permissions import MANAGE, permission
from people.spreadsheets import csv_line
from people.workbooks import workbook_pieces

ROWS = 50
AT_A_TIME = 100
COLUMNS = [
    "number",
    "at",
    "who",
    "address",
    "act",
    "object",
    "before",
    "after",
    "hash",
    "user_id",
    "username",
]


@permission(MANAGE)
@require_GET
def log(request):
    """Newest first, searched by who, what, when and from where."""
    form = AuditForm(request.GET)
    entries = AuditEntry.objects.of(request.membership.workspace).found(**form.searched)
    if "before" in form.asked:
        entries = entries.filter(number__lt=form.asked["before"])
    rows = list(entries[: ROWS + 1])
    older = "?" + urlencode({**form.searched, "before": rows[ROWS - 1].number}) if len(rows) > ROWS else ""
    context = {
        "section": "audit",
        "entries": rows[:ROWS],
        "form": form,
        "searched": form.searched,
        "older": older,
        "unread": form.unread_parts,
        "exports": {
            kind: form.with_unread("?" + urlencode({**form.searched, "format": kind})) for kind in MEDIA
        },
    }
    return render(request, "people/audit.html", context)


@permission(MANAGE, asks_again=True)
@require_GET
def export(request):
    """The same rows as CSV or a workbook, all of them."""
    form = AuditExportForm(request.GET)
    if form.unread:
        form.asked.pop("format", None)
        back_url = reverse("team-audit") + form.with_unread("?" + urlencode(form.asked))
        context = {"reason": form.refusal, "back_url": back_url}
        return render(request, "not_done.html", context, status=422)
    slot = exports.Slot.of(request.user)
    if not slot.take():
        return exports.under_way(request)
    kind = form.asked.get("format", "csv")
    noted = audit(
        request,
        Act.EXPORTED,
        f"audit.{kind}",
        after={name: str(value) for name, value in form.searched.items()},
    )
    entries = AuditEntry.objects.of(request.membership.workspace).found(**form.searched)
    media, pieces = MEDIA[kind]
    rows = pieces(entries.filter(number__lt=noted.number))
    return exports.streamed(request.membership, slot, rows, name=f"audit.{kind}", media=media)


def csv_pieces(entries):
    """Lines of a CSV file with a head, some at a time, newest first by their number."""
    yield "\ufeff" + csv_line(COLUMNS)  # by this mark a spreadsheet knows the encoding
    for rows in _rows_in_pieces(entries):
        yield "".join(map(csv_line, rows))


def xlsx_pieces(entries):
    """A workbook, some lines at a time."""
    return workbook_pieces(COLUMNS, _rows_in_pieces(entries))


MEDIA = {"csv": ("text/csv; charset=utf-8", csv_pieces), "xlsx": (workbooks.MEDIA, xlsx_pieces)}


def _rows_in_pieces(entries):
    older = entries
    while piece := list(older[:AT_A_TIME]):
        yield [_cells(entry) for entry in piece]
        older = entries.filter(number__lt=piece[-1].number)


def _cells(entry) -> list:
    return [
        entry.number,
        entry.at.isoformat(),
        entry.actor,
        entry.address,
        entry.act,
        entry.object,
        *(json.dumps(value, ensure_ascii=False) if value else "" for value in (entry.before, entry.after)),
        entry.hash,
        "" if entry.actor_id is None else entry.actor_id,
        entry.username,
    ]
