"""What a person is told whose launch is over a limit, wherever they launched from."""

from django.shortcuts import render
from django.urls import reverse
from django_htmx.http import reswap, retarget

from people.permissions import note_refusal
from people.reauthentication import is_recent, say_again_url
from runs import limits
from runs.sayings import told


def say_again_to_go_over(request) -> str:
    """Where a manager first confirms who they are; "" when they just did. What was typed stays where it
    stands: the link opens beside it."""
    return "" if is_recent(request) else say_again_url(reverse("run-list"))


class OverLimitMiddleware:
    """A manager's `go_over` lets one request past the limits, unless its login is an old one; a launch over
    one is answered with its reason."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.method != "POST":
            return self.get_response(request)
        with limits.going_over(bool(request.POST.get("go_over")) and is_recent(request)):
            return self.get_response(request)

    def process_exception(self, request, exception):
        if not isinstance(exception, limits.OverLimit):
            return None
        note_refusal(request, str(exception))
        sent = [
            (name, value)
            for name, values in request.POST.lists()
            for value in values
            if name not in ("csrfmiddlewaretoken", "go_over")
        ]
        context = {
            "reason": told(str(exception)),
            "sent": sent,
            "say_again_url": say_again_to_go_over(request),
        }
        if request.htmx:  # what was typed stays where it stands
            toast = render(request, "runs/_over_limit_toast.html", context, status=422)
            return reswap(retarget(toast, "#toasts"), "beforeend")
        return render(request, "runs/over_limit.html", context, status=422)
