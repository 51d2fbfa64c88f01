"""What several pages answer with: a run as this person sees it, how new an answer is, where to go next."""

import json

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from runs import live
from runs.models import Run


def visible_run(request, pk: int) -> Run:
    """Of the workspace in which `request.membership` says what this person may: they might have gone on in
    another one since that was read."""
    runs = Run.objects.visible_to(request.user).filter(workspace=request.membership.workspace_id)
    return get_object_or_404(runs.for_display(), pk=pk)


def as_of(event_id: int, membership, response):
    """Says how new an answer is, for whom, and what time it is here: the page compares all with its own."""
    response.headers["X-Newest-Event"] = str(event_id)
    response.headers["X-Standing"] = live.standing_of(membership)
    response.headers["X-Now"] = timezone.now().isoformat()
    return response


def go_to(request, *where):
    """To another page, also for a form that the page sent by itself."""
    return HttpResponseClientRedirect(resolve_url(*where)) if request.htmx else redirect(*where)


def only_said(text: str, tone: str) -> HttpResponse:
    """Nothing to put into the page that asked, but a message to show there."""
    return saying(HttpResponse(status=204), text, tone)


def saying(response, text: str, tone: str):
    """This answer, and a message if there is one."""
    if text:
        response.headers["HX-Trigger"] = json.dumps({"toast": {"text": text, "tone": tone}})
    return response
