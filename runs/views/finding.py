"""The parts of the shell that are fetched when somebody asks for them: the palette, the other workspaces."""

from django.shortcuts import render
from django.views.decorators.http import require_GET

from people.permissions import PERSON, permission
from runs.finding import actions_found, runs_found
from runs.forms import FindForm
from runs.models import Run


@permission(PERSON)
@require_GET
def find(request):
    """The palette's list for what was typed: runs, pages, actions."""
    form = FindForm(request.GET)
    text = form.asked.get("q", "")
    membership = request.membership
    may_look = membership and "q" not in form.unread
    context = {
        "q": request.GET.get("q", "").strip(),
        "unread": form.unread_parts,
        "found_runs": runs_found(request.user, membership.workspace, text) if may_look else [],
        "palette_actions": actions_found(request.user, membership, text, _run_in_page(request, form)),
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


def _run_in_page(request, form: FindForm) -> Run | None:
    pk = form.asked.get("run")
    return Run.objects.visible_to(request.user).for_display().filter(pk=pk).first() if pk else None
