"""Pages: functions of one screenful. Fetch as this person may see it, one call, one answer."""

from urllib.parse import urlencode

from csp.decorators import csp_replace
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from people.models import membership_of
from runs import health, launching, listing, live, tasks
from runs.desktop import Refused, view_only
from runs.desktop_door import checked_desktop, may_open, token_for
from runs.extending import NotPossible, accept_extension
from runs.following import read_thread
from runs.forms import (
    LONGEST_HOURS,
    SANDBOX_TEMPLATES,
    SHORTEST_HOURS,
    ExtendForm,
    LaunchForm,
    RunFilterForm,
    SettleForm,
)
from runs.models import AgentSession, Run, newest_event_id
from runs.settling import settle_by_person

SESSIONS_PER_PAGE = 50


@require_GET
def home(request):
    return redirect("run-list")


@require_GET
def run_list(request):
    """The workspace's runs, newest first; the whole state is in the address. Asked by htmx for more rows, or
    by a page that was away for its live parts, it answers with just these."""
    membership = request.membership
    if membership is None:
        return render(request, "people/no_workspace.html", status=403)
    filters = RunFilterForm(request.GET).filters()
    # Read before the rows: what happens in between makes the page fetch once too often, never too seldom.
    event_id = newest_event_id(membership.workspace)
    runs, next_cursor = listing.page_of(request.user, filters, down_to=_run_id(request, "X-Down-To"))
    kept = {key: value for key, value in filters.items() if key != "before"}
    context = {
        "runs": runs,
        "next_query": "?" + urlencode({**kept, "before": next_cursor}) if next_cursor else "",
        "filters": filters,
        "is_filtered": bool(kept),
        "is_head": "before" not in filters,
    }
    if request.htmx and not request.htmx.boosted:
        return _as_of(event_id, membership, render(request, "runs/_run_rows.html", context))
    context["chips"] = listing.chips_of(request.user, filters)
    if request.headers.get("X-Live-Parts"):
        return _as_of(event_id, membership, HttpResponse(live.list_parts(context, request)))
    context["people"] = (
        get_user_model().objects.filter(memberships__workspace=membership.workspace).order_by("username")
    )
    context |= live.connection(
        "/ws/runs/?" + urlencode(kept),
        page=request.get_full_path(),
        newest_event_id=event_id,
        membership=membership,
    )
    return render(request, "runs/run_list.html", context)


def _run_id(request, header: str) -> int | None:
    value = request.headers.get(header, "")[:18]
    return int(value) if value.isascii() and value.isdecimal() else None


def _as_of(event_id: int, membership, response):
    """Says how new an answer is, and for whom: the page compares both with its own."""
    response.headers["X-Newest-Event"] = str(event_id)
    response.headers["X-Standing"] = live.standing_of(membership)
    return response


@require_http_methods(["GET", "POST"])
def run_new(request):
    """The launch form. A good one is accepted and carried out in the background; a bad one comes back
    whole."""
    membership = request.membership
    if membership is None or not membership.can_operate:
        return _not_allowed(request, _("Only operators and managers launch runs."))
    form = LaunchForm(request.POST) if request.method == "POST" else LaunchForm(initial=_prefill(request))
    if request.method == "POST" and form.is_valid():
        cleaned = {key: value for key, value in form.cleaned_data.items() if key != "launch_token"}
        run = launching.accept_launch(membership, launch_token=form.cleaned_data["launch_token"], **cleaned)
        tasks.ring(run.pk)
        return redirect("run-detail", run.pk)
    context = {
        "form": form,
        "sandbox_templates": SANDBOX_TEMPLATES,
        "hours": range(SHORTEST_HOURS, LONGEST_HOURS + 1),
    }
    return render(request, "runs/run_new.html", context, status=422 if form.errors else 200)


def _prefill(request) -> dict:
    """The configuration of the session `?from=` names, for a launch like it; else the plain start."""
    source = request.GET.get("from", "")[:18]
    sessions = AgentSession.objects.visible_to(request.user)
    agent_session = (
        sessions.filter(pk=int(source)).first() if source.isascii() and source.isdecimal() else None
    )
    names = [name for name in LaunchForm.base_fields if name != "launch_token"]
    return {name: getattr(agent_session, name) for name in names} if agent_session else {}


def _not_allowed(request, reason: str):
    return render(request, "403.html", {"reason": reason}, status=403)


def _visible_run(request, pk: int) -> Run:
    return get_object_or_404(Run.objects.visible_to(request.user).for_display(), pk=pk)


@require_GET
@csp_replace({"frame-src": ["'self'"]})
def run_detail(request, pk):
    """One run with its desktop. Asked by a page that was away, its live parts alone."""
    event_id = live.newest_event_of_run(pk)
    run = _visible_run(request, pk)
    membership = membership_of(request.user, run.workspace_id)
    if request.headers.get("X-Live-Parts"):
        parts = live.run_parts(run, membership) + live.active_badge(listing.active_count(request.user))
        return _as_of(event_id, membership, HttpResponse(parts))
    return render(request, "runs/run_detail.html", _run_page(run, membership, event_id))


def _run_page(run: Run, membership, event_id: int) -> dict:
    """Context of the run page. Its own address, not the one it was answered at: a refused form has none to
    ask."""
    page = reverse("run-detail", args=[run.pk])
    return live.run_context(run, membership) | live.connection(
        f"/ws/runs/{run.pk}/", page=page, newest_event_id=event_id, membership=membership
    )


@require_GET
@never_cache
@xframe_options_sameorigin
def run_desktop(request, pk):
    """The frame's page: Giga's own page inside a frame that may hold nothing else, or our viewer for a bare
    stream."""
    run = _run_with_desktop(request, pk)
    try:
        desktop = checked_desktop(run, own_origins=[_own_origin(request)])
    except Refused as problem:
        return _framed(
            render(request, "runs/desktop_problem.html", {"problem": problem}, status=409), "'none'"
        )
    if desktop.kind == "page":
        return _framed(render(request, "runs/desktop_page.html", {"run": run}), f"'self' {desktop.origin}")
    socket = f"/ws/desktop/{token_for(request.user, run)}/"
    return _framed(render(request, "runs/desktop_stream.html", {"run": run, "socket": socket}), "'none'")


@require_GET
@never_cache
def run_desktop_open(request, pk):
    """Goes on to Giga's page for this desktop: for looking only with `?view_only=1`, as the frame asks. The
    only place where the address leaves the server."""
    run = _run_with_desktop(request, pk)
    try:
        desktop = checked_desktop(run, own_origins=[_own_origin(request)])
    except Refused:
        raise Http404 from None
    if desktop.kind != "page":
        raise Http404
    url = view_only(desktop.url) if "view_only" in request.GET else desktop.url
    return HttpResponse(status=302, headers={"Location": url, "Referrer-Policy": "no-referrer"})


def _run_with_desktop(request, pk: int) -> Run:
    run = _visible_run(request, pk)
    if not run.has_desktop or not may_open(request.user, run):
        raise Http404
    return run


def _own_origin(request) -> str:
    return f"{request.scheme}://{request.get_host()}"


def _framed(response, frame_src: str):
    """Allow our own pages to frame this answer, and this answer to frame one place only."""
    policy = {"frame-src": frame_src.split(), "frame-ancestors": ["'self'"]}
    return csp_replace(policy)(lambda request: response)(None)


@require_POST
def run_settle(request, pk):
    """A person says what became of an unknown run."""
    event_id = live.newest_event_of_run(pk)
    run = _visible_run(request, pk)
    membership = membership_of(request.user, run.workspace_id)
    if not membership.can_operate:
        return _not_allowed(request, _("Only operators and managers decide this."))
    form = SettleForm(request.POST)
    if form.is_valid():
        did_start = form.cleaned_data["decision"] == "running"
        done = settle_by_person(
            run, membership, did_start=did_start, remote_id=form.cleaned_data["remote_id"]
        )
        if not done:
            messages.warning(
                request, _("Nothing was changed: it was settled meanwhile, or that id is another run's.")
            )
        return redirect("run-detail", run.pk)
    context = _run_page(run, membership, event_id) | {"settle_form": form}
    return render(request, "runs/run_detail.html", context, status=422)


@require_POST
def run_extend(request, pk):
    """Takes a press of +15 min on; Giga is asked in the background, and the page hears of it by itself."""
    run = _visible_run(request, pk)
    membership = membership_of(request.user, run.workspace_id)
    if not membership.can_operate:
        return _not_allowed(request, _("Only operators and managers extend a run."))
    form = ExtendForm(request.POST)
    try:
        if form.is_valid():
            extension = accept_extension(run, membership, token=form.cleaned_data["token"])
            tasks.ring(extension.pk, tasks.extend)
    except NotPossible as reason:
        messages.warning(request, str(reason))
    return HttpResponse(status=204) if request.htmx else redirect("run-detail", run.pk)


@require_GET
def session_list(request):
    """History by session, newest first."""
    membership = request.membership
    if membership is None:
        return render(request, "people/no_workspace.html", status=403)
    filters = RunFilterForm(request.GET).filters()
    sessions = AgentSession.objects.visible_to(request.user).matching(filters.get("q", ""))
    if "before" in filters:
        sessions = sessions.filter(pk__lt=filters["before"])
    rows = list(sessions.select_related("created_by").prefetch_related("runs")[: SESSIONS_PER_PAGE + 1])
    kept = {"q": filters["q"]} if "q" in filters else {}
    more = len(rows) > SESSIONS_PER_PAGE
    rows = rows[:SESSIONS_PER_PAGE]
    context = {
        "agent_sessions": rows,
        "filters": filters,
        "next_query": "?" + urlencode({**kept, "before": rows[-1].pk}) if more else "",
    }
    return render(request, "runs/session_list.html", context)


@require_GET
def session_detail(request, pk):
    """Prompts, configuration, runs, and the conversation as it was last read."""
    agent_session = _visible_session(request, pk)
    runs = agent_session.runs.for_display().order_by("-id")
    return render(request, "runs/session_detail.html", {"agent_session": agent_session, "runs": runs})


def _visible_session(request, pk: int) -> AgentSession:
    sessions = AgentSession.objects.visible_to(request.user).select_related(
        "created_by", "workspace__giga_account"
    )
    return get_object_or_404(sessions, pk=pk)


@require_POST
def session_thread(request, pk):
    """Reads the conversation from Giga anew. With htmx the part alone, else back to the page."""
    agent_session = _visible_session(request, pk)
    problem = read_thread(agent_session)
    if request.htmx:
        return render(
            request, "runs/_thread.html", {"agent_session": agent_session, "thread_problem": problem}
        )
    if problem:
        messages.warning(request, problem)
    return redirect(reverse("session-detail", args=[pk]) + "#thread")


@require_GET
@never_cache
@login_not_required
def healthz(request):
    """Whether this instance works, for machines: 200 with `ok` or a reason for each part."""
    return JsonResponse(health.report(timezone.now()))
