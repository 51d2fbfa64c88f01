"""The launch form, and what launches again: a relaunch, a follow-up."""

from itertools import islice

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from people.permissions import OPERATE, note_refusal, permission
from runs import accepting, comparing, curl, live, tasks
from runs.accepting import CONFIGURATION, NotPossible, configuration_of
from runs.examples import EXAMPLE_BY_SLUG
from runs.forms import (
    LONGEST_HOURS,
    SANDBOX_TEMPLATES,
    SECOND_LOOK_CREDITS,
    SHORTEST_HOURS,
    FollowUpForm,
    LaunchForm,
    PressForm,
)
from runs.limits import OverLimit
from runs.models import AgentSession, Run
from runs.over_limit import say_again_to_go_over
from runs.sayings import told
from runs.usual import usual_of
from runs.views.answers import go_to, visible_run
from runs.views.run import run_page

RECENT_SHOWN, RECENT_LOOKED_AT = 8, 40


@permission(OPERATE, _("Only operators and managers launch runs."))
@require_http_methods(["GET", "POST"])
def run_new(request):
    """The launch form. A good one is accepted and carried out in the background; a bad one comes back
    whole."""
    over_limit = ""
    form = LaunchForm(request.POST) if request.method == "POST" else LaunchForm(initial=_prefill(request))
    if request.method == "POST" and form.is_valid():
        try:
            run = _launch(request, form.cleaned_data)
        except OverLimit as error:
            note_refusal(request, str(error))
            over_limit = told(str(error))
        else:
            # Kept: the same texts again, with a token of their own.
            return redirect(
                f"{reverse('run-new')}?kept={run.pk}" if "keep" in request.POST else _page_of(run)
            )
    usual = usual_of(request.membership.workspace_id)
    context = {
        "form": form,
        "over_limit": over_limit,
        "say_again_url": say_again_to_go_over(request) if over_limit else "",
        "sandbox_templates": [
            computer | {"usual": usual.get(computer["name"])} for computer in SANDBOX_TEMPLATES
        ],
        "second_look_credits": SECOND_LOOK_CREDITS,
        "hours": range(SHORTEST_HOURS, LONGEST_HOURS + 1),
        "recent": _recent(request),
        "kept": _visible_run_named(request, request.GET.get("kept", "")) if not form.is_bound else None,
    }
    context |= _checks(request, {name: form[name].value() for name in form.fields})
    return render(request, "runs/run_new.html", context, status=422 if form.errors or over_limit else 200)


def _launch(request, cleaned: dict) -> Run:
    source = _visible_run_named(request, str(cleaned["relaunch_of"] or ""))
    run = accepting.accept_launch(
        request.membership,
        launch_token=cleaned["launch_token"],
        relaunched_from=source,
        **{name: cleaned[name] for name in CONFIGURATION},
    )
    tasks.ring(run.pk)
    return run


def _page_of(run: Run) -> str:
    return reverse("run-detail", args=[run.pk])


@permission(OPERATE, _("Only operators and managers launch runs."))
@require_POST
def launch_checks(request):
    """What there is to say about the form as it is now: what a relaunch changes, and whether a run like it is
    going on."""
    return render(request, "runs/_launch_checks.html", _checks(request, request.POST))


@permission(OPERATE, _("Only operators and managers launch runs."))
@require_POST
def launch_curl(request):
    """The form as it is now as two calls of curl; for looking, so nothing has to be right yet."""
    form = LaunchForm(request.POST)
    form.is_valid()
    configuration = {name: form.cleaned_data.get(name, form.data.get(name, "")) for name in CONFIGURATION}
    account = getattr(request.membership.workspace, "giga_account", None)
    text = curl.launch_as_curl(account.api_url, configuration) if account else ""
    return render(request, "runs/_curl.html", {"curl": text})


def _checks(request, typed) -> dict:
    """`typed` has the texts of the form, checked or not."""
    source = _visible_run_named(request, str(typed.get("relaunch_of") or ""))
    task = (typed.get("user_prompt") or "").replace("\r\n", "\n")
    runs = Run.objects.visible_to(request.user).active().select_related("agent_session")
    alike = runs.filter(workspace=request.membership.workspace, agent_session__user_prompt=task)
    checks = {"source": source, "alike": alike.order_by("-id").first() if task.strip() else None}
    if source:
        before = configuration_of(source.agent_session)
        after = {name: str(typed.get(name) or "").replace("\r\n", "\n") for name in CONFIGURATION}
        after["sandbox_template"] = after["sandbox_template"] or typed.get("other_template", "")
        checks["changes"] = comparing.changes(before, after)
    return checks


def _prefill(request) -> dict:
    """The configuration that the address names: that of a run to relaunch with changes (`?run=`) or of one
    just launched (`?kept=`), of a session (`?from=`), or an example; else the plain start."""
    if run := _visible_run_named(request, request.GET.get("run", "")):
        return configuration_of(run.agent_session) | {"relaunch_of": run.pk}
    if run := _visible_run_named(request, request.GET.get("kept", "")):
        return configuration_of(run.agent_session)
    if pk := _number(request.GET.get("from", "")):
        agent_session = AgentSession.objects.visible_to(request.user).filter(pk=pk).first()
        return configuration_of(agent_session) if agent_session else {}
    example = EXAMPLE_BY_SLUG.get(request.GET.get("example", ""))
    return {name: str(getattr(example, name)) for name in CONFIGURATION if hasattr(example, name)}


def _visible_run_named(request, text: str) -> Run | None:
    pk = _number(text)
    runs = Run.objects.visible_to(request.user).filter(workspace=request.membership.workspace)
    return runs.select_related("agent_session").filter(pk=pk).first() if pk else None


def _number(text: str) -> int | None:
    text = text[:18]
    return int(text) if text.isascii() and text.isdecimal() else None


def _recent(request) -> list[AgentSession]:
    """The newest distinct configurations of the workspace."""
    sessions = AgentSession.objects.visible_to(request.user).filter(workspace=request.membership.workspace)
    distinct: dict[tuple, AgentSession] = {}
    for agent_session in sessions[:RECENT_LOOKED_AT]:
        distinct.setdefault(tuple(configuration_of(agent_session).values()), agent_session)
    return list(islice(distinct.values(), RECENT_SHOWN))


@permission(OPERATE, _("Only operators and managers launch runs."))
@require_POST
def run_relaunch(request, pk):
    """The same configuration again; one press is one launch, and goes to its page."""
    source = visible_run(request, pk)
    form = PressForm(request.POST)
    if not form.is_valid():
        return go_to(request, "run-detail", pk)
    try:
        run = accepting.relaunch(source, request.membership, token=form.cleaned_data["token"])
    except NotPossible as reason:
        messages.warning(request, str(reason))
        return go_to(request, "run-detail", pk)
    tasks.ring(run.pk)
    return go_to(request, "run-detail", run.pk)


@permission(OPERATE, _("Only operators and managers send follow-ups."))
@require_POST
def run_follow_up(request, pk):
    """A further message in the run's session; one press is one run, and goes to its page. What was typed
    comes back where it cannot be sent."""
    event_id = live.newest_event_of_run(pk)
    run = visible_run(request, pk)
    membership = request.membership
    form = FollowUpForm(request.POST)
    try:
        if form.is_valid():
            follow_up = accepting.accept_follow_up(run.agent_session, membership, **form.cleaned_data)
            tasks.ring(follow_up.pk)
            return go_to(request, "run-detail", follow_up.pk)
    except NotPossible as reason:
        form.add_error("message", str(reason))
    context = run_page(run, membership, event_id) | {"follow_up_form": form}
    template = "runs/_run_follow_up.html" if request.htmx else "runs/run_detail.html"
    return render(request, template, context, status=422)
