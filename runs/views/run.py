"""One run: its page, and what a person does to it there."""

from csp.decorators import csp_replace
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from people.audit import Act, audit
from people.permissions import OPERATE, WATCH, permission
from people.texts import shortened
from runs import comparing, curl, live, remembering, tasks
from runs.accepting import NotPossible, configuration_of
from runs.extending import accept_extension
from runs.forms import PressForm, SettleForm
from runs.models import AgentSession, Run
from runs.settling import read_again, settle_by_person
from runs.status import Status
from runs.views.answers import as_of, go_to, only_said, saying, visible_run


@permission(WATCH)
@require_GET
@csp_replace({"frame-src": ["'self'"]})
def run_detail(request, pk):
    """One run with its desktop. Asked by a page that was away, its live parts alone."""
    event_id = live.newest_event_of_run(pk)
    run = visible_run(request, pk)
    membership = request.membership
    if request.headers.get("X-Live-Parts"):
        return live_parts(request, run, membership, event_id)
    return render(request, "runs/run_detail.html", run_page(run, membership, event_id))


def live_parts(request, run: Run, membership, event_id: int, *, first: str = ""):
    """The live parts of a run's page alone, after what else is answered."""
    parts = live.run_parts(run, membership) + live.side_counts(membership)
    return as_of(event_id, membership, HttpResponse(first + parts))


def run_page(run: Run, membership, event_id: int) -> dict:
    """Context of the run page. Its own address, not the one it was answered at: a refused form has none to
    ask."""
    page = reverse("run-detail", args=[run.pk])
    return (
        live.run_context(run, membership)
        | {"curl": _as_curl(run), "relaunched_from": run.agent_session.relaunched_from}
        | {"is_side_folded": remembering.is_side_folded(membership.user)}
        | _changes(run.agent_session)
        | live.connection(f"/ws/runs/{run.pk}/", page=page, newest_event_id=event_id, membership=membership)
    )


@permission(WATCH)
@require_POST
def run_side(request):
    """Remembers whether what stands beside the desktop is folded."""
    remembering.fold_side(request.user, "is_folded" in request.POST)
    return HttpResponse(status=204)


def _changes(agent_session: AgentSession) -> dict:
    """What was changed in a relaunch, field by field."""
    source = agent_session.relaunched_from
    if source is None:
        return {}
    before, after = configuration_of(source.agent_session), configuration_of(agent_session)
    return {"changes": comparing.changes(before, after)}


def _as_curl(run: Run) -> str:
    account = getattr(run.workspace, "giga_account", None)
    if account is None:
        return ""
    if run.is_follow_up:
        return curl.follow_up_as_curl(account.api_url, run.agent_session.thread_id, run.message)
    return curl.launch_as_curl(account.api_url, configuration_of(run.agent_session))


@permission(OPERATE, gettext_lazy("Only operators and managers decide this."))
@require_POST
def run_settle(request, pk):
    """A person says what became of an unknown run."""
    event_id = live.newest_event_of_run(pk)
    run = visible_run(request, pk)
    membership = request.membership
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
        return go_to(request, "run-detail", run.pk)
    context = run_page(run, membership, event_id) | {"settle_form": form}
    template = "runs/_stage_unknown.html" if request.htmx else "runs/run_detail.html"
    return render(request, template, context, status=422)


@permission(OPERATE, gettext_lazy("Only operators and managers have a run read."))
@require_POST
def run_read(request, pk):
    """Has the session of an unknown run read now, and says what that told."""
    membership = request.membership
    run = visible_run(request, pk)
    audit(request, Act.RUN_READ, f"{run.pk}: {run.title}")
    problem = read_again(run, membership)
    event_id = live.newest_event_of_run(pk)
    run = visible_run(request, pk)
    is_open = run.status == Status.UNKNOWN
    said = shortened(problem, 200) or (
        _("Its session was read just now and does not tell yet.") if is_open else ""
    )
    if request.htmx:
        return saying(live_parts(request, run, membership, event_id), said, "amber")
    if said:
        messages.warning(request, said)
    return redirect("run-detail", pk)


@permission(OPERATE, gettext_lazy("Only operators and managers extend a run."))
@require_POST
def run_extend(request, pk):
    """Takes a press of +15 min on; Giga is asked in the background, and the page hears of it by itself. Said
    at once, too: the page may not be live."""
    run = visible_run(request, pk)
    membership = request.membership
    form = PressForm(request.POST)
    try:
        if form.is_valid():
            extension = accept_extension(run, membership, token=form.cleaned_data["token"])
            tasks.ring(extension.pk, tasks.extend)
    except NotPossible as reason:
        if request.htmx:
            return only_said(str(reason), "amber")
        messages.warning(request, str(reason))
    page = reverse("run-detail", args=[pk])
    if not request.htmx:
        return redirect(page)
    if request.htmx.current_url_abs_path == page:
        return live_parts(request, visible_run(request, pk), membership, live.newest_event_of_run(pk))
    return only_said(_("15 more minutes are being asked for right now."), "slate")
