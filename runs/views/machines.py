"""For machines, not people: a load balancer, an engine of containers, a watchdog."""

from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.http import require_safe

from people.permissions import ANYONE, permission
from runs import health


def for_machines(get_response):
    """Machines ask by whatever name they know this process, and in its worst hour: no host is compared for
    them, and no login read."""
    pages = {"/healthz": healthz, "/readyz": readyz}

    def middleware(request):
        page = pages.get(request.path_info)
        return page(request) if page else get_response(request)

    return middleware


@permission(ANYONE)
@xframe_options_deny
@require_safe
@never_cache
@login_not_required
def healthz(request):
    """That this process lives. Nothing else is asked for it."""
    return JsonResponse({"process": health.OK})


@permission(ANYONE)
@xframe_options_deny
@require_safe
@never_cache
@login_not_required
def readyz(request):
    """Whether it can do its work: 200, or 503 with what it lacks."""
    said = health.readiness()
    answer = JsonResponse(said, status=200 if set(said.values()) == {health.OK} else 503)
    answer._has_been_logged = True  # Django would write a line each time
    return answer
