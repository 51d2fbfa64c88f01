"""Who may open what, in one word at each view and socket. What declares nothing is open to nobody."""

from enum import Enum

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from people.audit import Act, audit
from people.reauthentication import bring_second_factor, lacks_second_factor, must_say_again, say_again


class Permission(Enum):
    ANYONE = "whoever asks"
    PERSON = "who is signed in"
    WATCH = "a member of the workspace they work in"
    OPERATE = "an operator or manager there"
    MANAGE = "a manager there"
    SUPERUSER = "a superuser of this instance"


ANYONE, PERSON, WATCH, OPERATE, MANAGE, SUPERUSER = Permission

REFUSALS = {
    OPERATE: _("Only operators and managers do this."),
    MANAGE: _("Only managers may do this."),
}
OURS = ("dashboard", "people", "runs")
# Views that others wrote, by where they hang. Those of allauth each know whether they ask for a login.
OF_OTHERS = {"accounts/": ANYONE, "admin/": SUPERUSER}


def permission(needed: Permission, refusal="", *, asks_again: bool = False):
    """Declares who may open a view; `refusal` is what a member is told whose role is too low. With
    `asks_again` an old login is asked anew, even to look at the page."""

    def declare(view):
        view.permission, view.refusal = needed, refusal or REFUSALS.get(needed, "")
        view.asks_again = asks_again
        return view

    return declare


def declared(view, route: str) -> Permission | None:
    """What this view, at this route, asks for; None where nobody said."""
    needed = getattr(view, "permission", None)
    if needed or view.__module__.split(".")[0] in OURS:
        return needed
    return next((needed for place, needed in OF_OTHERS.items() if route.startswith(place)), None)


def allows(needed: Permission | None, user, membership) -> bool:
    """Whether this person, with this place in the workspace they work in, may."""
    if needed in (None, ANYONE):
        return needed is ANYONE
    if not (user.is_authenticated and user.is_active):
        return False
    return {
        PERSON: True,
        WATCH: membership is not None,
        OPERATE: membership is not None and membership.can_operate,
        MANAGE: membership is not None and membership.can_manage,
        SUPERUSER: user.is_superuser,
    }[needed]


class PermissionMiddleware:
    """Asks before a view looks anything up, so a refusal tells nothing of what is there."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        needed = declared(view, request.resolver_match.route)
        if allows(needed, request.user, request.membership):
            if needed is SUPERUSER and lacks_second_factor(request.user):
                return bring_second_factor(request)
            is_power = needed in (MANAGE, SUPERUSER)
            return say_again(request) if must_say_again(request, view, is_power=is_power) else None
        if needed is SUPERUSER:
            return _hidden(request)
        if needed is None or not request.user.is_authenticated:
            raise PermissionDenied
        if request.membership is None:
            note_refusal(request, "no workspace")
            return render(request, "people/no_workspace.html", status=403)
        return refused(request, view.refusal)


def _hidden(request):
    """Nobody else learns what is there; who has yet to sign in is sent to the door by the view itself."""
    if request.user.is_authenticated:
        raise Http404


def refused(request, reason):
    """403 with a sentence; the refusal is noted."""
    note_refusal(request, reason)
    return render(request, "403.html", {"reason": reason}, status=403)


def note_refusal(request, reason) -> None:
    audit(request, Act.REFUSED, f"{request.method} {request.path}", after={"reason": reason})
