"""What a person does to many runs of the list at once."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from people import exports, workbooks
from people.audit import TEXT_LENGTH, Act, audit
from people.permissions import WATCH, permission, refused
from runs import bulk, exporting, listing, tasks
from runs.accepting import NotAllowed
from runs.forms import BulkForm, RunFilterForm

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
    _tell(request, outcome)
    return back


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


def _tell(request, outcome: bulk.Outcome) -> None:
    count = len(outcome.done)
    messages.success(
        request, ngettext("%(count)d run done.", "%(count)d runs done.", count) % {"count": count}
    )
    for reason, times in outcome.refused.items():
        refused = ngettext("%(count)d run not done: %(reason)s", "%(count)d runs not done: %(reason)s", times)
        messages.warning(request, refused % {"count": times, "reason": reason})
