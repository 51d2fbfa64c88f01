"""What a person does to many runs of the list at once."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from people import exports, workbooks
from people.audit import TEXT_LENGTH, Act, audit
from people.permissions import OPERATE, WATCH, permission, refused
from runs import bulk, exporting, listing, tasks
from runs.accepting import NotAllowed
from runs.forms import BulkForm, RunFilterForm
from runs.status import Verdict

# Where a login keeps what it did last to many runs, and how a message says that this can be taken back.
LAST, UNDO = "done_to_many", "undo:"
MEDIA = {
    "csv": ("text/csv; charset=utf-8", exporting.csv_pieces),
    "xlsx": (workbooks.MEDIA, exporting.xlsx_pieces),
    "json": ("application/json", exporting.json_pieces),
}


@permission(WATCH)
@require_http_methods(["GET", "POST"])
def run_bulk(request):
    """Does to the runs that were picked, or to everything that matches the address, what was asked. A GET
    says how many match."""
    membership = request.membership
    query = request.GET.copy()
    query.pop("everything", None)  # the box that asks how many match sends itself
    address = RunFilterForm(query)
    filters = {name: value for name, value in address.asked.items() if name != "before"}
    if request.method == "GET":
        if address.unread:
            return HttpResponse(address.refusal, content_type="text/plain", status=422)
        return HttpResponse(listing.shown_count(listing.count_of(membership, filters)))
    form = BulkForm(request.POST)
    list_url = reverse("run-list") + address.with_unread(listing.query_of(filters))
    back = redirect(list_url)
    if not form.is_valid():
        messages.warning(request, " ".join(error for errors in form.errors.values() for error in errors))
        return back
    if form.cleaned_data["everything"] and address.unread:
        # A mistyped filter does not mean all runs.
        context = {"reason": address.refusal, "back_url": list_url}
        return render(request, "not_done.html", context, status=422)
    runs = listing.filtered(membership, filters)
    if not form.cleaned_data["everything"]:
        # Picked rows count even when they do not match any longer.
        runs = listing.filtered(membership, {}).filter(pk__in=form.cleaned_data["run"])
    if form.cleaned_data["action"] in MEDIA:
        return _export(request, runs, form.cleaned_data)
    try:
        outcome = _act(membership, runs, form.cleaned_data)
    except NotAllowed as reason:
        return refused(request, reason.args[0])
    except bulk.TooMany as reason:
        messages.warning(request, str(reason))
        return back
    _tell(request, form.cleaned_data, outcome, list_url)
    return back


@permission(OPERATE)
@require_POST
def bulk_undo(request):
    """Takes back what this person did to many runs last, where it still stands."""
    last = request.session.get(LAST)
    if not last or last["token"] != request.POST.get("token"):
        messages.warning(request, _("There is nothing left to undo."))
        return redirect("run-list")
    del request.session[LAST]
    before = {int(pk): value for pk, value in last["before"].items()}
    runs = listing.filtered(request.membership, {}).filter(pk__in=before).for_list()
    if last["action"] == "tag":
        outcome = bulk.remove_tag(request.membership, runs, last["tag"])
    else:
        verdict = last["action"].removeprefix("verdict-")
        outcome = bulk.judge_as_before(request.membership, runs, verdict, before)
    count = len(outcome.done)
    undone = ngettext("Undone for %(count)d run.", "Undone for %(count)d runs.", count)
    messages.success(request, undone % {"count": count})
    _tell_refused(request, outcome)
    return redirect(last["list"])


def _act(membership, runs, asked: dict) -> bulk.Outcome:
    runs = runs.for_list()
    if asked["action"] == "tag":
        return bulk.add_tag(membership, bulk.chosen(runs, bulk.MOST_CHANGED), asked["tag"])
    if asked["action"].startswith("verdict-"):
        verdict = asked["action"].removeprefix("verdict-")
        return bulk.judge(membership, bulk.chosen(runs, bulk.MOST_CHANGED), verdict)
    outcome = bulk.relaunch(membership, bulk.chosen(runs, bulk.MOST_RELAUNCHED), asked["token"])
    for run in outcome.done:
        tasks.ring(run.pk)
    return outcome


def _export(request, runs, asked: dict):
    slot = exports.Slot.of(request.user)
    if not slot.take():
        return exports.under_way(request)
    kind = asked["action"]
    picked = {} if asked["everything"] else {"runs": ", ".join(str(pk) for pk in asked["run"])[:TEXT_LENGTH]}
    audit(
        request, Act.EXPORTED, f"runs.{kind}", after={"list": request.GET.urlencode()[:TEXT_LENGTH], **picked}
    )
    media, pieces = MEDIA[kind]
    name = f"runs-{timezone.localtime():%Y-%m-%d-%H%M}.{kind}"
    return exports.streamed(request.membership, slot, pieces(runs), name=name, media=media)


def _tell(request, asked: dict, outcome: bulk.Outcome, list_url: str) -> None:
    """What was done, with a way to take it back, and what was not."""
    undo = ""
    if outcome.before:
        undo = f"{UNDO}{uuid.uuid4()}"
        request.session[LAST] = {
            "token": undo,
            "action": asked["action"],
            "tag": asked["tag"],
            "before": outcome.before,
            "list": list_url,
        }
    messages.success(request, _what_was_done(asked, len(outcome.done)), extra_tags=undo)
    _tell_refused(request, outcome)


def _what_was_done(asked: dict, count: int) -> str:
    if asked["action"] == "tag":
        said = ngettext("%(count)d run tagged “%(what)s”.", "%(count)d runs tagged “%(what)s”.", count)
        return said % {"count": count, "what": asked["tag"]}
    if asked["action"] == "relaunch":
        said = ngettext("%(count)d run launched again.", "%(count)d runs launched again.", count)
        return said % {"count": count}
    said = ngettext("%(count)d run judged: %(what)s.", "%(count)d runs judged: %(what)s.", count)
    return said % {"count": count, "what": Verdict(asked["action"].removeprefix("verdict-")).label}


def _tell_refused(request, outcome: bulk.Outcome) -> None:
    for reason, times in outcome.refused.items():
        refused = ngettext("%(count)d run not done: %(reason)s", "%(count)d runs not done: %(reason)s", times)
        messages.warning(request, refused % {"count": times, "reason": reason})
