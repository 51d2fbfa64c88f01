"""The way of a stranger to the door, and of who signs in again back to where they were."""

from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from people.typed import back_to_copy


class LoginRequired(LoginRequiredMiddleware):
    """Leads back to the page: an address that a form is sent to, or a part is asked from, is none."""

    def handle_no_permission(self, request, view_func):
        if request.method == "GET" and not request.htmx:
            return super().handle_no_permission(request, view_func)
        answer = redirect_to_login(page_of(request))
        if request.htmx:
            return HttpResponse(status=401, headers={"HX-Redirect": answer.url})
        return back_to_copy(request, answer.url) or answer


def page_of(request, otherwise: str = "/") -> str:
    """Path and query of the page that asks, as its browser says; another one when it is not ours."""
    url = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(url, {request.get_host()}):
        return otherwise
    page = urlsplit(url)
    return page._replace(scheme="", netloc="", fragment="").geturl()
