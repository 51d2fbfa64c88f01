"""Pages of people: so far the door for the one-time link."""

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from people.links import person_of_link


@require_GET
@never_cache
@login_not_required
def enter(request, uid, token):
    """Signs in by a one-time link, then asks for a password."""
    user = person_of_link(uid, token)
    if user is None:
        return render(request, "people/link_used.html", status=410)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("home")
