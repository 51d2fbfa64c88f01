"""The page of what nobody caught: an error of ours, or a database that does not do what it is asked. It asks
the database nothing."""

import logging
import sys

from django.http import HttpResponse, HttpResponseServerError
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django_htmx.http import reswap, retarget

from dashboard.error_pages import HidesSecrets
from dashboard.outages import note_database_error
from people.login_required import page_of
from people.typed import texts_in
from runs.database_errors import Trouble, reason_of

logger = logging.getLogger(__name__)

TRY_AGAIN_S = 5
# They tell a form that is sent twice; no secrets, whatever their names sound like.
OF_ONE_PRESS = ("launch_token", "token")


def server_error(request):
    """500, or 503 where it is the database's."""
    error = sys.exc_info()[1]
    trouble = note_database_error(error)
    if trouble is None:
        return HttpResponseServerError(render_to_string("500.html", {"request_id": id_of(request)}))
    if trouble is Trouble.BUSY:
        logger.warning("Answered 503, the database is busy: %s", reason_of(error), extra={"request": request})
    answer = said_in_place(request, trouble) if request.headers.get("HX-Request") else page(request, trouble)
    answer.headers["Retry-After"] = str(TRY_AGAIN_S)
    answer._has_been_logged = True  # else it would be in the log again, with a traceback
    return answer


def page(request, trouble: Trouble) -> HttpResponse:
    heading, advice = words_of(trouble)
    is_form = request.method == "POST"
    context = {
        "heading": heading,
        "advice": advice,
        # Whoever asks with it finds its line in the log: an outage is one line, and of no request.
        "request_id": id_of(request) if trouble is Trouble.BUSY else "",
        "is_form": is_form,
        "back_url": page_of(request) if is_form else request.get_full_path(),
        "address": request.get_full_path(),
        "sent": sent_again(request),
    }
    if context["sent"]:
        context["csrf_token"] = get_token(request)
    elif is_form and is_of_ours(request):
        context["texts"] = texts_in(request)
    return HttpResponse(render_to_string("503.html", context), status=503)


def said_in_place(request, trouble: Trouble) -> HttpResponse:
    """For a part of a page: what stands there stays, and what was typed with it."""
    if request.method != "POST":
        return reswap(HttpResponse(status=503), "none")
    toast = render_to_string("_toast.html", {"tone": "red", "text": ". ".join(words_of(trouble))})
    return reswap(retarget(HttpResponse(toast, status=503), "#toasts"), "beforeend")


def words_of(trouble: Trouble) -> tuple[str, str]:
    again = _("Nothing was kept. Try again in a moment.")
    return {
        Trouble.BUSY: (_("The database is busy"), again),
        Trouble.AWAY: (_("The database cannot be reached"), again),
        Trouble.DAMAGED: (
            _("The database is damaged"),
            _("Nothing was kept. Whoever looks after this dashboard has to restore it from a backup."),
        ),
    }[trouble]


def sent_again(request) -> list[tuple[str, str]]:
    """What a form held, to be sent again by a button: of one that was sent by a page of ours, and that holds
    no secret and no file."""
    if request.method != "POST" or not is_of_ours(request) or request.FILES:
        return []
    sent = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken"
    ]
    has_secret = any(
        name not in OF_ONE_PRESS and HidesSecrets.hidden_settings.search(name) for name, _value in sent
    )
    return [] if has_secret else sent


def is_of_ours(request) -> bool:
    """Whether it is known that a page of ours has sent it."""
    return getattr(request, "csrf_processing_done", False)


def id_of(request) -> str:
    return getattr(request, "id", "")
