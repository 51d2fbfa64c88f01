"""What every request and answer of a signed-in person carries."""

from django.conf import settings
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse

from people.audit import coming_from
from people.bell import ring_for
from people.models import place_of
from people.network import address_of
from people.reading import ZONE_COOKIE, reading_as
from people.sessions import WORKSPACE

# What a person who has yet to bring a second factor may do: bring it, read the help, go.
WITHOUT_SECOND_FACTOR = ("/accounts/", "/workspaces/switch/")
# Where one signs out.
DOORS = ("/accounts/", "/admin/")


def membership(get_response):
    """`request.membership`: the workspace this person works in and their role there; None for a stranger.
    Where a second factor is asked for, those without one see the pages to bring it and no other."""

    def middleware(request):
        user_id, place = request.user.pk, place_of(request.user)
        may_enter = place and place.may_enter
        request.membership = place if may_enter else None
        request.needs_factor_in = place.workspace if place and not may_enter else None
        if place and request.headers.get("X-Live-Parts") is None:
            show_pages_of(request, place.workspace_id)
        with coming_from(address_of(request)):
            if request.needs_factor_in and not request.path.startswith(WITHOUT_SECOND_FACTOR):
                return _bring_a_second_factor(request, request.needs_factor_in)
            response = get_response(request)
        if user_id and request.method == "POST" and request.path.startswith(DOORS):
            ring_for(user_id)  # signed out, here or elsewhere
        return response

    return middleware


def show_pages_of(request, workspace_id: int) -> None:
    """From now on. What stands open in other tabs is of another workspace, and what is typed there is meant
    for that one: its forms are taken as little as those of another login."""
    if request.session.get(WORKSPACE) != workspace_id:
        request.session[WORKSPACE] = workspace_id
        rotate_token(request)
        request.COOKIES.pop(settings.CSRF_COOKIE_NAME, None)  # by which this very form would be taken


def _bring_a_second_factor(request, workspace):
    if request.method == "GET" and not request.headers.get("HX-Request"):
        return redirect("mfa_index")
    context = {"workspace": workspace, "enrol": reverse("mfa_index")}
    return render(request, "people/second_factor_needed.html", context, status=403)


def keep_login(get_response):
    """Whoever asks for a page uses their login. A page that asks by itself, to catch up, does not: it may
    stand open on a desk that everybody left."""

    def middleware(request):
        if request.user.is_authenticated and request.headers.get("X-Live-Parts") != "1":
            request.session.is_used()
        return get_response(request)

    return middleware


def reading(get_response):
    """Pages speak the language of their reader, and tell the time of their zone."""

    def middleware(request):
        reader = request.membership.user if request.membership else request.user
        said = request.headers.get("Accept-Language", ""), request.COOKIES.get(ZONE_COOKIE, "")
        with reading_as(reader, *said):
            return get_response(request)

    return middleware


def no_store(get_response):
    """A signed-in person's page stays out of every cache: after signing out, Back must not show it."""

    def middleware(request):
        response = get_response(request)
        if request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware
