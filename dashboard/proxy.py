"""What a proxy in front leaves out: said in the log once, and on a page where the way to https would lead
back to itself."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponseBadRequest, HttpResponsePermanentRedirect
from django.template.loader import render_to_string

from people.network import warn_once
from people.reading import reading_as

NO_SOCKETS = (
    "A live socket was asked for as if it were a page: the proxy in front does not hand on websockets "
    "(HTTP/1.1, with the headers Upgrade and Connection). Pages ask every ten seconds meanwhile."
)
NO_SCHEME = (
    "Requests do not say that they came over https, and SITE_URL is https: the proxy in front must set "
    "X-Forwarded-Proto to the scheme it was asked by."
)
NO_HOST = (
    "Requests come with a Host of this machine alone, and SITE_URL is another: the proxy in front must hand "
    "on Host, or links in invitations lead nowhere."
)


def hints(get_response):
    """In front of Django's SecurityMiddleware, which sends to https for ever who came by https already."""

    def middleware(request):
        if request.path.startswith("/ws/"):
            warn_once(NO_SOCKETS)
        response = get_response(request)
        is_sent_on = settings.SECURE_SSL_REDIRECT and isinstance(response, HttpResponsePermanentRedirect)
        if request.is_secure():
            _look_at_host(request)
        elif is_sent_on and _leads_back(request):
            warn_once(NO_SCHEME)
            return _page(request, {name: response[name] for name in response.headers if name != "Location"})
        return response

    return middleware


def _page(request, headers: dict[str, str]):
    with reading_as(None, request.headers.get("Accept-Language", "")):
        page = render_to_string("scheme_missing.html", {"home": settings.SITE_ORIGINS[0]})
    return HttpResponseBadRequest(page, headers=headers)


def _leads_back(request) -> bool:
    """Whether a proxy may have been asked by https: it does not say, or says otherwise than the browser,
    which names the mode of a request over https alone."""
    return "HTTP_X_FORWARDED_PROTO" not in request.META or "HTTP_SEC_FETCH_MODE" in request.META


def _look_at_host(request) -> None:
    here = tuple(settings.LOOPBACK_NAMES)
    home = urlsplit(settings.SITE_ORIGINS[0]).netloc
    if request.META.get("HTTP_HOST", "").startswith(here) and not home.startswith(here):
        warn_once(NO_HOST)
