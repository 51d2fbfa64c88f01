"""The parts of the shell that are fetched when somebody asks for them: the palette, the other workspaces."""

from django.shortcuts import render
from django.views.decorators.http import require_GET

from people.permissions import PERSON, permission
from runs.finding import actions_found, runs_found
from runs.models import Run


@permission(PERSON)
@require_GET
def find(request):
    """The palette's list for what was typed: runs, pages, actions."""
    text = request.GET.get("q", "").strip()[:200]
    membership = request.membership
    context = {
        "q": text,
        "found_runs": runs_found(request.user, membership.workspace, text) if membership else [],
        "palette_actions": actions_found(request.user, membership, text, _run_in_page(request)),
    }
    return render(request, "_found.html", context)


@permission(PERSON)
@require_GET
def own_workspaces(request):
    """The workspaces this person may go on in, as the menu of the side bar shows them."""
    context = {
        "memberships": request.user.memberships.select_related("workspace").order_by("workspace__name"),
        "next": request.GET.get("next", ""),
    }
    return render(request, "_own_workspaces.html", context)


def _run_in_page(request) -> Run | None:
    pk = request.GET.get("run", "")
    if not (pk.isascii() and pk.isdecimal() and len(pk) < 19):
        return None
    return Run.objects.visible_to(request.user).for_display().filter(pk=pk).first()
