"""The dashboard's addresses, and two at which it fails: nothing of its own can be made to."""

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import SuspiciousOperation
from django.urls import path

from dashboard.urls import handler500 as handler500
from dashboard.urls import urlpatterns as real
from people.permissions import ANYONE, permission


@permission(ANYONE)
@login_not_required
def broken(request):
    raise RuntimeError("It broke")


@permission(ANYONE)
@login_not_required
def suspicious(request):
    raise SuspiciousOperation("What is this?")


urlpatterns = [path("broken/", broken), path("suspicious/", suspicious), *real]
