"""For machines, not people."""

from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from people.permissions import ANYONE, permission
from runs import health


@permission(ANYONE)
@require_GET
@never_cache
@login_not_required
def healthz(request):
    """Whether this instance works, for machines: 200 with `ok` or a reason for each part."""
    return JsonResponse(health.report(timezone.now()))
