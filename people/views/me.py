"""The page of a person's own preferences."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from people.permissions import PERSON, permission
from people.preferences import PreferencesForm, zone_names
from people.reading import reading_as


@permission(PERSON)
@require_http_methods(["GET", "POST"])
def me(request):
    """How one is called and wants to read. A refused form comes back with its sentences."""
    form = PreferencesForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        with reading_as(request.user, request.headers.get("Accept-Language", "")):
            messages.success(request, _("Your preferences are kept."))
        return redirect("me")
    context = {"form": form, "zone_names": zone_names()}
    return render(request, "people/me.html", context, status=422 if form.errors else 200)
