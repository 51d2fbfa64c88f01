"""What a person is told whose launch is over a limit, wherever they launched from."""

from django.shortcuts import render
from django_htmx.http import reswap, retarget

from people.permissions import note_refusal
from runs import limits
from runs.sayings import told


class OverLimitMiddleware:
    """A manager's `go_over` lets one request past the limits; a launch over one is answered with its
    reason."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.method != "POST":
            return self.get_response(request)
        with limits.going_over(bool(request.POST.get("go_over"))):
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
        context = {"reason": told(str(exception)), "sent": sent}
        if request.htmx:  # what was typed stays where it stands
            toast = render(request, "runs/_over_limit_toast.html", context, status=422)
            return reswap(retarget(toast, "#toasts"), "beforeend")
        return render(request, "runs/over_limit.html", context, status=422)
