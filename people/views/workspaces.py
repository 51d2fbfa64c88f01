"""A workspace itself: made, named, chosen, limited."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from people import team
from people.audit import Act
from people.forms import LimitsForm, NameForm, SettingsForm
from people.middleware import show_pages_of
from people.models import Workspace
from people.permissions import MANAGE, PERSON, permission, refused
from people.reauthentication import bring_second_factor, lacks_second_factor

ONLY_ADMINISTRATORS = gettext_lazy("Only administrators make workspaces here.")


def may_make_workspaces(user) -> bool:
    return user.is_superuser or settings.WORKSPACE_CREATION == "anyone"


@permission(PERSON)
@require_GET
def own(request):
    """All workspaces one belongs to, to go on in another."""
    context = {
        "workspaces": Workspace.objects.of(request.user),
        "may_make": may_make_workspaces(request.user),
        "onward": request.GET.get("next", ""),
    }
    return render(request, "people/workspaces.html", context)


@permission(PERSON, asks_again=True)
@require_http_methods(["GET", "POST"])
def new(request):
    """A new workspace, for those who may make one."""
    if not may_make_workspaces(request.user):
        return refused(request, ONLY_ADMINISTRATORS)
    if settings.WORKSPACE_CREATION != "anyone" and lacks_second_factor(request.user):
        return bring_second_factor(request)
    form = NameForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        team.make_workspace(request.user, name=form.cleaned_data["name"])
        return redirect("team")
    return render(request, "people/workspace_new.html", {"form": form}, status=422 if form.errors else 200)


@permission(PERSON)
@require_POST
def switch(request):
    """Works in another of one's workspaces from now on, and goes on to `next`, else to its runs."""
    pk = request.POST.get("workspace", "")
    if not (pk.isascii() and pk.isdecimal()):
        raise Http404
    workspace = get_object_or_404(Workspace.objects.of(request.user), pk=int(pk[:18]))
    team.switch(request.user, workspace)
    show_pages_of(request, workspace.pk)
    onward = request.POST.get("next", "")
    is_path = onward.startswith("/")  # a word alone would be taken for the name of a page
    is_ours = is_path and url_has_allowed_host_and_scheme(onward, {request.get_host()}, request.is_secure())
    return redirect(onward if is_ours else "run-list")


@permission(MANAGE)
@require_http_methods(["GET", "POST"])
def change(request):
    """The name, and whether a second factor is asked for."""
    workspace = request.membership.workspace
    fields = ("name", "needs_second_factor")
    form = SettingsForm(request.POST or None, initial={name: getattr(workspace, name) for name in fields})
    if request.method == "POST" and form.is_valid():
        team.change(request.membership, Act.WORKSPACE_CHANGED, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("team-settings")
    context = {"section": "settings", "form": form}
    return render(request, "people/settings.html", context, status=422 if form.errors else 200)


@permission(MANAGE)
@require_http_methods(["GET", "POST"])
def limits(request):
    """How much may be launched."""
    form = LimitsForm(
        request.POST or None, instance=Workspace.objects.get(pk=request.membership.workspace_id)
    )
    if request.method == "POST" and form.is_valid():
        team.change(request.membership, Act.LIMITS_CHANGED, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("team-limits")
    context = {"section": "limits", "form": form}
    return render(request, "people/limits.html", context, status=422 if form.errors else 200)
