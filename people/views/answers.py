"""Acts that ask again who it is."""

from functools import wraps

from allauth.account.internal.flows.reauthentication import did_recently_authenticate
from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _


def step_up(view):
    """An act that takes the password, a code or a passkey again after five minutes. What was sent is not
    kept meanwhile: it may be a secret."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if did_recently_authenticate(request):
            return view(request, *args, **kwargs)
        if request.method == "GET":
            return redirect(step_up_url(request.get_full_path()))
        messages.warning(request, _("Nothing was changed: confirm that it is you, then do it again."))
        return redirect(step_up_url(reverse("team")))

    return guarded


def step_up_url(back_to: str) -> str:
    return f"{reverse('account_reauthenticate')}?{urlencode({'next': back_to})}"
