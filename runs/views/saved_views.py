"""Names for states of the runs list, and how the list looks to a person."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from people.audit import Act, audit
from people.names import label_key
from people.permissions import WATCH, permission
from runs import listing
from runs.forms import RunFilterForm, SavedViewForm
from runs.marks import QUERY_LENGTH
from runs.models import SavedView
from runs.remembering import COLUMNS, DENSITIES, ListLook


@permission(WATCH)
@require_http_methods(["GET", "POST"])
def run_views(request):
    """The views of the list; with htmx the menu alone. A POST keeps the list at this address under a
    name; a name of one's own that is there already is given to this list."""
    membership = request.membership
    address = RunFilterForm(request.GET)
    query = listing.query_of(address.asked, view=None)
    form = SavedViewForm(request.POST or None)
    if form.is_bound and len(query) > QUERY_LENGTH:
        form.add_error("name", _("This list’s filters are too long to be kept: shorten the search."))
    if form.is_bound and address.unread:
        form.add_error("name", address.refusal)
    if request.method == "POST" and form.is_valid():
        kept = {"query": query, "is_shared": form.cleaned_data["is_shared"]}
        name = form.cleaned_data["name"]
        with transaction.atomic():
            view, _is_new = SavedView.objects.update_or_create(
                workspace=membership.workspace,
                owner=request.user,
                folded=label_key(name),
                defaults={"name": name, **kept},
            )
            audit(request, Act.VIEW_KEPT, name, after={"list": query, "is_shared": view.is_shared})
        return redirect(reverse("run-list") + address_of(view))
    views = SavedView.objects.visible_to(request.user, membership.workspace).select_related("owner")
    for view in views:
        view.address = address_of(view)
    context = {
        "views": views,
        "standard_views": standard_views(request.user),
        "form": form,
        "query": address.with_unread(query),
        "unread": address.unread_parts,
    }
    page = "runs/_views.html" if request.headers.get("HX-Request") else "runs/run_views.html"
    return render(request, page, context, status=422 if form.errors else 200)


@permission(WATCH)
@require_POST
def run_view_delete(request, pk):
    """Forgets one of one's own views."""
    views = SavedView.objects.visible_to(request.user, request.membership.workspace)
    view = get_object_or_404(views.filter(owner=request.user), pk=pk)
    with transaction.atomic():
        view.delete()
        audit(request, Act.VIEW_DELETED, view, before={"list": view.query, "is_shared": view.is_shared})
    messages.success(request, _("The view %(name)s is gone.") % {"name": view.name})
    return redirect("run-list")


@permission(WATCH)
@require_POST
def run_look(request):
    """Remembers which columns somebody shows, and how high their rows are."""
    shown = set(request.POST.getlist("shown"))
    density = request.POST.get("density")
    hidden = frozenset(name for name in COLUMNS if name not in shown)
    ListLook(hidden, density if density in DENSITIES else "compact").keep(request.user)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204)
    address = RunFilterForm(request.GET)
    return redirect(reverse("run-list") + address.with_unread(listing.query_of(address.asked)))


def standard_views(user) -> list[dict]:
    """What everybody has."""
    return [
        {"name": _("All"), "query": ""},
        {"name": _("Mine"), "query": f"?who={user.pk}"},
        {"name": _("Running now"), "query": "?status=active"},
        {"name": _("Today"), "query": "?when=today"},
        {"name": _("To judge"), "query": "?status=to_judge"},
    ]


def address_of(view: SavedView) -> str:
    """The list as it was kept, and by which name it was called up."""
    return f"{view.query}{'&' if len(view.query) > 1 else ''}view={view.pk}"
