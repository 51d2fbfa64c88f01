"""History by session: its prompts, its runs, its conversation, its files."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from people.audit import Act, audit
from people.permissions import WATCH, permission
from runs import files
from runs.files import NotRead
from runs.following import read_thread_for
from runs.forms import SessionFilterForm
from runs.models import AgentSession, Run

SESSIONS_PER_PAGE = 50


@permission(WATCH)
@require_GET
def session_list(request):
    """History by session, newest first. Asked by htmx for more rows, it answers with just these."""
    membership = request.membership
    form = SessionFilterForm(request.GET)
    filters = form.asked
    sessions = (
        AgentSession.objects.visible_to(request.user)
        .filter(workspace=membership.workspace)
        .matching(filters.get("q", ""), workspace=membership.workspace_id)
    )
    if "before" in filters:
        sessions = sessions.filter(pk__lt=filters["before"])
    runs = Prefetch("runs", Run.objects.only("agent_session", "status", "verdict").order_by("-id"))
    rows = list(sessions.select_related("created_by").prefetch_related(runs)[: SESSIONS_PER_PAGE + 1])
    kept = {"q": filters["q"]} if "q" in filters else {}
    more = len(rows) > SESSIONS_PER_PAGE
    rows = rows[:SESSIONS_PER_PAGE]
    context = {
        "agent_sessions": rows,
        "filters": filters,
        "unread": form.unread_parts,
        "rows_template": "runs/_session_rows.html",
        "next_query": "?" + urlencode({**kept, "before": rows[-1].pk}) if more else "",
    }
    is_more = request.htmx and not request.htmx.boosted
    return render(request, "runs/_more_rows.html" if is_more else "runs/session_list.html", context)


@permission(WATCH)
@require_GET
def session_detail(request, pk):
    """Prompts, configuration, runs from the first to the last, and the conversation as it was last read. The
    files are asked for by the page itself: it does not wait for Giga."""
    return _page(request, {"agent_session": _visible_session(request, pk)})


@permission(WATCH)
@require_GET
@never_cache
def session_files(request, pk):
    """The files of the session's deployment, asked for now. With htmx the part alone, else the page with
    it."""
    agent_session = _visible_session(request, pk)
    context = {"agent_session": agent_session, "has_files": True}
    try:
        found = files.list_files(agent_session, request.user.pk)
        context["files"] = [(file, files.token_of(agent_session, file)) for file in found]
    except NotRead as reason:
        context |= {"files_problem": str(reason), "has_files": not reason.is_gone}
    if request.htmx:
        return render(request, "runs/_files.html", context)
    return _page(request, context)


@permission(WATCH)
@require_GET
@never_cache
def session_file(request, pk, token):
    """Goes on to where the file is right now. The address is a key to it: asked for with each click, kept
    nowhere."""
    agent_session = _visible_session(request, pk)
    try:
        url = files.address_of(agent_session, token, request.user.pk)
    except NotRead as reason:
        if reason.is_gone:
            raise Http404 from None
        messages.warning(request, str(reason))
        return redirect("session-detail", pk)
    named = {"file": files.file_id_of(agent_session, token)}
    audit(request, Act.FILE_OPENED, f"{agent_session.pk}: {agent_session}", after=named)
    return HttpResponse(status=302, headers={"Location": url, "Referrer-Policy": "no-referrer"})


@permission(WATCH)
@require_POST
def session_thread(request, pk):
    """Reads the conversation from Giga anew. With htmx the part alone, else back to the page."""
    agent_session = _visible_session(request, pk)
    audit(request, Act.THREAD_READ, f"{agent_session.pk}: {agent_session}")
    problem = read_thread_for(agent_session, request.user.pk)
    if request.htmx:
        return render(
            request, "runs/_thread.html", {"agent_session": agent_session, "thread_problem": problem}
        )
    if problem:
        messages.warning(request, problem)
    return redirect(reverse("session-detail", args=[pk]) + "#thread")


def _visible_session(request, pk: int) -> AgentSession:
    sessions = AgentSession.objects.visible_to(request.user).filter(workspace=request.membership.workspace_id)
    return get_object_or_404(sessions.select_related("created_by", "workspace__giga_account"), pk=pk)


def _page(request, context: dict):
    runs = context["agent_session"].runs.for_display().order_by("id")
    return render(request, "runs/session_detail.html", {**context, "runs": runs})
