"""Showing again who one is where one is, before something is done."""

from allauth.account.adapter import get_adapter
from allauth.mfa.webauthn.internal.auth import begin_authentication
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from people.permissions import PERSON, permission
from people.reauthentication import is_recent

BY_KEY = "mfa_reauthenticate:webauthn"


@permission(PERSON)
@require_GET
def confirm(request):
    """Nothing for who has just shown it; else a box with all their ways. What is sent goes to allauth's own
    pages, and only whether it was right is asked here again (`tried`)."""
    if is_recent(request):
        return HttpResponse()
    ways = {way["id"]: way for way in get_adapter().get_reauthentication_methods(request.user)}
    context = {
        "ways": ways,
        "by_code": ways.get("mfa_reauthenticate"),
        "by_key": ways.get(BY_KEY),
        "key_options": begin_authentication(request.user) if BY_KEY in ways else None,
        "was_tried": "tried" in request.GET,
    }
    return render(request, "people/_confirm.html", context)
