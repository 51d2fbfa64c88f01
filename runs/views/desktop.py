"""The desktop in its frame. The only pages that know where a desktop is."""

from csp.decorators import csp_replace
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from outbound.addresses import Refused
from people.audit import Act, audit
from people.permissions import OPERATE, permission
from runs.desktop import view_only
from runs.desktop_door import checked_desktop, token_for
from runs.models import Run
from runs.sayings import told
from runs.views.answers import visible_run

OPERATORS_ONLY = _("Only operators and managers open desktops.")


@permission(OPERATE, OPERATORS_ONLY)
@require_GET
@never_cache
@xframe_options_sameorigin
def run_desktop(request, pk):
    """The frame's page: Giga's own page inside a frame that may hold nothing else, or our viewer for a bare
    stream."""
    run = _run_with_desktop(request, pk)
    try:
        desktop = checked_desktop(run, own_origins=[_own_origin(request)])
    except Refused as problem:
        return _framed(
            render(request, "runs/desktop_problem.html", {"problem": told(str(problem))}, status=409),
            "'none'",
        )
    if desktop.kind == "page":
        return _framed(render(request, "runs/desktop_page.html", {"run": run}), f"'self' {desktop.origin}")
    # Whoever has the token is shown the desktop by the socket.
    audit(request, Act.DESKTOP_SEEN, f"{run.pk}: {run.title}")
    socket = f"/ws/desktop/{token_for(request.session.session_key, run)}/"
    return _framed(render(request, "runs/desktop_stream.html", {"run": run, "socket": socket}), "'none'")


@permission(OPERATE, OPERATORS_ONLY)
@require_GET
@never_cache
def run_desktop_open(request, pk):
    """Goes on to Giga's page for this desktop: for looking only with `?view_only=1`, as the frame asks. The
    only place where the address leaves the server."""
    run = _run_with_desktop(request, pk)
    try:
        desktop = checked_desktop(run, own_origins=[_own_origin(request)])
    except Refused:
        raise Http404 from None
    if desktop.kind != "page":
        raise Http404
    is_seen_only = "view_only" in request.GET
    audit(request, Act.DESKTOP_SEEN if is_seen_only else Act.DESKTOP_OPENED, f"{run.pk}: {run.title}")
    url = view_only(desktop.url) if is_seen_only else desktop.url
    return HttpResponse(status=302, headers={"Location": url, "Referrer-Policy": "no-referrer"})


def _run_with_desktop(request, pk: int) -> Run:
    run = visible_run(request, pk)
    if not run.has_desktop:
        raise Http404
    return run


def _own_origin(request) -> str:
    return f"{request.scheme}://{request.get_host()}"


def _framed(response, frame_src: str):
    """Allow our own pages to frame this answer, and this answer to frame one place only."""
    policy = {"frame-src": frame_src.split(), "frame-ancestors": ["'self'"]}
    return csp_replace(policy)(lambda request: response)(None)
