"""Questions that come before money is spent by one key, or for many runs: what will happen, and what it
costs. They change nothing; the answer is a press of its own."""

from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from people.permissions import OPERATE, permission
from runs import bulk, listing
from runs.accepting import obstacle_to_relaunch, relaunch_token
from runs.extending import MINUTES, SILENT, is_silent, offer
from runs.forms import CREDITS_AN_HOUR, BulkForm, RunFilterForm
from runs.models import Run
from runs.views.answers import visible_run


@permission(OPERATE, gettext_lazy("Only operators and managers launch runs."))
@require_GET
def relaunch_question(request, pk):
    """Whether this run shall really be launched again."""
    run = visible_run(request, pk)
    context = {"title": _("Launch it again?"), "subject": run.title}
    if obstacle := obstacle_to_relaunch(run):
        return _ask(request, context | {"lines": [obstacle]})
    return _ask(
        request,
        context
        | {
            "lines": [_price([(run, run.agent_session.duration_hours)])],
            "action": reverse("run-relaunch", args=[pk]),
            "token": relaunch_token(run),
            "icon": "rotate-ccw",
            "verb": _("Relaunch"),
        },
    )


@permission(OPERATE, gettext_lazy("Only operators and managers extend a run."))
@require_GET
def extend_question(request, pk):
    """Whether this run shall really get 15 more minutes."""
    run = visible_run(request, pk)
    offered = offer(run)
    context = {"title": _("15 more minutes?"), "subject": run.title}
    if not offered["can_extend"]:
        return _ask(request, context | {"lines": [_("Only a run with a computer can be extended.")]})
    if is_silent(run):
        return _ask(request, context | {"lines": [SILENT]})
    if offered["is_extending"]:
        return _ask(request, context | {"lines": [_("15 more minutes are being asked for right now.")]})
    return _ask(
        request,
        context
        | {
            "lines": [_price([(run, MINUTES / 60)])],
            "action": reverse("run-extend", args=[pk]),
            "token": offered["extend_token"],
            "icon": "clock-plus",
            "verb": _("+15 min"),
        },
    )


@permission(OPERATE, gettext_lazy("Only operators and managers change runs."))
@require_POST
def bulk_question(request):
    """How many of what is selected would be launched again, which not and why, and the sum."""
    address = RunFilterForm(request.GET)
    form = BulkForm({**request.POST.dict(), "run": request.POST.getlist("run"), "action": "relaunch"})
    context = {"title": _("Relaunch what is selected?")}
    if not form.is_valid():
        reasons = [error for errors in form.errors.values() for error in errors]
        return _ask(request, context | {"lines": reasons})
    if form.cleaned_data["everything"] and address.unread:
        return _ask(request, context | {"lines": [address.refusal]})
    filters = {name: value for name, value in address.asked.items() if name != "before"}
    runs = listing.filtered(request.membership, filters)
    if not form.cleaned_data["everything"]:
        runs = listing.filtered(request.membership, {}).filter(pk__in=form.cleaned_data["run"])
    try:
        plan = bulk.plan_relaunch(bulk.chosen(runs.for_list(), bulk.MOST_RELAUNCHED))
    except bulk.TooMany as reason:
        return _ask(request, {"title": _("Too many at once"), "lines": [str(reason)]})
    count = len(plan.done)
    left_out = [
        ngettext("%(count)d is left out: %(reason)s", "%(count)d are left out: %(reason)s", times)
        % {"count": times, "reason": reason}
        for reason, times in plan.refused.items()
    ]
    if not count:
        return _ask(request, {"title": _("None of these is launched again"), "lines": left_out})
    title = ngettext("Relaunch %(count)d run?", "Relaunch %(count)d runs?", count) % {"count": count}
    return _ask(
        request,
        {
            "title": title,
            "lines": [
                _("Each becomes a new session with the same prompts, computer and duration."),
                _price([(run, run.agent_session.duration_hours) for run in plan.done]),
                *left_out,
            ],
            "form": "bulk",
            "icon": "rotate-ccw",
            "verb": _("Relaunch %s") % count,
        },
    )


def _price(bought: list[tuple[Run, float]]) -> str:
    """What so many hours of their computers cost at most, in a sentence."""
    rates = [CREDITS_AN_HOUR.get(run.agent_session.sandbox_template) for run, _hours in bought]
    known = sum(rate * hours for rate, (_run, hours) in zip(rates, bought, strict=True) if rate)
    if not known:
        return _("It costs credits; the rate of this computer is not published.")
    if None in rates:
        return _("It costs more than %(credits)s credits: not every rate is published.") % {
            "credits": f"{known:g}"
        }
    return _("It costs up to %(credits)s credits for the computer; AI tokens are extra.") % {
        "credits": f"{known:g}"
    }


def _ask(request, context: dict):
    return render(request, "runs/_question.html", context)
