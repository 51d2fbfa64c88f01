"""What people add to a run: whether the goal was met, notes, a flag that somebody is needed."""

from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from people.permissions import OPERATE, permission
from runs import live
from runs.forms import FlagForm, NoteForm, TagForm, UntagForm, VerdictForm
from runs.views.answers import visible_run
from runs.views.run import live_parts, run_page


@permission(OPERATE)
@require_POST
def run_verdict(request, pk):
    """A person says whether the goal was met, or takes that back."""

    def judge(run, verdict):
        run.judge(verdict, by=request.user)

    return _mark(request, pk, judge, form=VerdictForm(request.POST))


@permission(OPERATE)
@require_POST
def run_note(request, pk):
    """Keeps what a person has to say about a run."""

    def write(run, text):
        run.write_note(text, by=request.user)

    return _mark(request, pk, write, form=NoteForm(request.POST), name="note_form", made_anew="note_form")


@permission(OPERATE)
@require_POST
def run_tag(request, pk):
    """Gives a run one more tag."""

    def give(run, tag):
        run.add_tag(tag, by=request.user)

    return _mark(request, pk, give, form=TagForm(request.POST), name="tag_form", made_anew="tag_form")


@permission(OPERATE)
@require_POST
def run_untag(request, pk):
    """Takes a tag off a run."""

    def take_off(run, tag):
        run.remove_tag(tag, by=request.user)

    return _mark(request, pk, take_off, form=UntagForm(request.POST))


@permission(OPERATE)
@require_POST
def run_flag(request, pk):
    """Calls for somebody, with what for."""

    def call(run, needs):
        run.call_for_somebody(needs, by=request.user)

    return _mark(request, pk, call, form=FlagForm(request.POST), name="flag_form", made_anew="flag_box")


@permission(OPERATE)
@require_POST
def run_take(request, pk):
    """This person sees to it. Where somebody was first, the page shows who."""
    return _mark(request, pk, lambda run: run.take_on(by=request.user))


@permission(OPERATE)
@require_POST
def run_unflag(request, pk):
    """Nobody is needed any more."""
    return _mark(request, pk, lambda run: run.lower_flag(by=request.user))


def _mark(request, pk, act, *, form=None, name: str = "", made_anew: str = ""):
    """Do something to a run. Answers htmx with the live parts, after what is `made_anew`, empty and closed;
    a form that is refused comes back whole with 422."""
    run = visible_run(request, pk)
    is_refused = form is not None and not form.is_valid()
    if not is_refused:
        act(run, **(form.cleaned_data if form else {}))
    if not request.htmx and not is_refused:
        return redirect("run-detail", pk)
    event_id = live.newest_event_of_run(pk)
    run = visible_run(request, pk)
    context = {"run": run, "can_operate": True}
    if request.htmx and is_refused and name:
        return render(request, f"runs/_{name}.html", context | {name: form}, status=422)
    if is_refused:
        page = run_page(run, request.membership, event_id) | {name or "form": form}
        return render(request, "runs/run_detail.html", page, status=422)
    first = render_to_string(f"runs/_{made_anew}.html", context, request) if made_anew else ""
    return live_parts(request, run, request.membership, event_id, first=first)
