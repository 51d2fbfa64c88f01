"""The audit log, for managers: what people did in this workspace."""

import json
from urllib.parse import urlencode

from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from people import exports
from people.audit import Act, AuditEntry, audit
from people.forms import AuditForm
from people.permissions import MANAGE, permission
from people.spreadsheets import csv_line

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
    """Newest first, searched by who, what and from where."""
    form = AuditForm(request.GET)
    text = form.asked.get("q", "")
    entries = AuditEntry.objects.of(request.membership.workspace).matching(text)
    if "before" in form.asked:
        entries = entries.filter(number__lt=form.asked["before"])
    rows = list(entries[: ROWS + 1])
    kept = {"q": text} if text else {}
    older = "?" + urlencode({**kept, "before": rows[ROWS - 1].number}) if len(rows) > ROWS else ""
    context = {
        "section": "audit",
        "entries": rows[:ROWS],
        "q": text,
        "older": older,
        "unread": form.unread_parts,
        "export": form.with_unread("?" + urlencode(kept)).removesuffix("?"),
    }
    return render(request, "people/audit.html", context)


@permission(MANAGE, asks_again=True)
@require_GET
def export(request):
    """The same rows as CSV, all of them."""
    form = AuditForm(request.GET)
    if form.unread:
        back_url = reverse("team-audit") + form.with_unread("?" + urlencode(form.asked))
        context = {"reason": form.refusal, "back_url": back_url}
        return render(request, "not_done.html", context, status=422)
    text = form.asked.get("q", "")
    slot = exports.Slot.of(request.user)
    if not slot.take():
        return exports.under_way(request)
    noted = audit(request, Act.EXPORTED, "audit.csv", after={"q": text} if text else None)
    entries = AuditEntry.objects.of(request.membership.workspace).matching(text)
    pieces = _pieces(entries.filter(number__lt=noted.number))
    return exports.streamed(
        request.membership, slot, pieces, name="audit.csv", media="text/csv; charset=utf-8"
    )


def _pieces(entries):
    """Lines of a CSV file with a head, some at a time, newest first by their number."""
    yield csv_line(COLUMNS)
    older = entries
    while piece := list(older[:AT_A_TIME]):
        yield "".join(csv_line(_cells(entry)) for entry in piece)
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
