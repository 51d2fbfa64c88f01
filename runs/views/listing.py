"""The runs list: its rows, filters and counts, and a glance at one of its runs."""

import uuid

from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from people.permissions import PERSON, WATCH, permission
from runs import listing, live
from runs.examples import EXAMPLES
from runs.extending import offer
from runs.forms import SANDBOX_TEMPLATES, RunFilterForm
from runs.models import SavedView, Tag
from runs.remembering import ListLook
from runs.repeats import folded
from runs.status import Verdict
from runs.views.answers import as_of, visible_run

PEEK_EVENTS_READ = 100
PEEK_EVENTS = 3


@permission(PERSON)
@require_GET
def home(request):
    return redirect("run-list")


@permission(WATCH)
@require_GET
def run_list(request):
    """The workspace's runs, newest first; the whole state is in the address. Asked by htmx for more rows, or
    by a page that was away for its live parts, it answers with just these."""
    membership = request.membership
    form = RunFilterForm(request.GET)
    filters = form.asked
    # Read before the rows: what happens in between makes the page fetch once too often, never too seldom.
    counts = listing.counts_of(membership)
    event_id = counts["newest_event"]
    runs, next_cursor = listing.page_of(membership, filters, down_to=_run_id(request, "X-Down-To"))
    context = {
        "runs": runs,
        "next_query": listing.query_of(filters, before=next_cursor) if next_cursor else "",
        "filters": filters,
        "is_filtered": bool(filters.keys() - {"before", "view"}),
        "is_head": "before" not in filters,
        "look": ListLook.of(membership),
    }
    if request.headers.get("HX-Request") and not request.htmx.boosted:
        context["rows_template"] = "runs/_run_rows.html"
        return as_of(event_id, membership, render(request, "runs/_more_rows.html", context))
    context |= _controls(membership, form, counts) | _view_of(request, filters)
    if wanted := request.headers.get("X-Live-Parts"):
        parts = live.list_parts(context, request)
        if wanted == "all":
            parts += live.list_controls(context, request)
        return as_of(event_id, membership, HttpResponse(parts))
    context |= live.connection(
        "/ws/runs/" + listing.query_of(filters),
        page=request.get_full_path(),
        newest_event_id=event_id,
        membership=membership,
    )
    return render(request, "runs/run_list.html", context)


def _controls(membership, form: RunFilterForm, counts: dict) -> dict:
    """What stands above the rows: groups with counts, choices to filter by, the filters that are on, and what
    of the address could not be read."""
    filters = form.asked
    members = get_user_model().objects.filter(memberships__workspace=membership.workspace_id)
    people = list(members.order_by("first_name", "username"))
    tag = Tag.objects.filter(workspace=membership.workspace_id, pk=filters["tag"]) if "tag" in filters else []
    return {
        "chips": listing.chips_of(counts, filters),
        "active_count": counts["active_count"],
        "needs_count": counts["needs_count"],
        "people": people,
        "sandbox_templates": [template["name"] for template in SANDBOX_TEMPLATES],
        "statuses": listing.status_words(),
        "when_words": listing.when_words(),
        "applied": listing.applied_of(filters, people=people, tag_name=next((str(one) for one in tag), "?")),
        "unread": form.unread_parts,
        "query": form.with_unread(listing.query_of(filters)),
        "verdicts": Verdict.choices,
        "bulk_token": uuid.uuid4(),
        "examples": EXAMPLES,
    }


def _view_of(request, filters: dict) -> dict:
    """The saved view by which the list was called up, and whether it has been changed since."""
    if "view" not in filters:
        return {}
    views = SavedView.objects.visible_to(request.user, request.membership.workspace)
    view = views.filter(pk=filters["view"]).first()
    is_changed = bool(view) and view.query != listing.query_of(filters, view=None)
    return {"view": view, "view_is_changed": is_changed}


@permission(WATCH)
@require_GET
def run_peek(request, pk):
    """A glance at one run, beside the list."""
    run = visible_run(request, pk)
    context = offer(run) | {
        "run": run,
        "agent_session": run.agent_session,
        "events": folded(list(run.events.select_related("by").order_by("-id")[:PEEK_EVENTS_READ]))[
            :PEEK_EVENTS
        ],
        "can_operate": request.membership.can_operate,
    }
    return render(request, "runs/_run_peek.html", context)


def _run_id(request, header: str) -> int | None:
    value = request.headers.get(header, "")[:18]
    return int(value) if value.isascii() and value.isdecimal() else None
