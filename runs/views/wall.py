"""The wall: all active desktops of a workspace, and what a person does to one there."""

from urllib.parse import urlencode

from csp.decorators import csp_replace
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from people.permissions import OPERATE, WATCH, permission
from runs import live, tiles
from runs.forms import MOST_LIVE, WALL_LAYOUTS, WallForm
from runs.models import Run, newest_event_id
from runs.views.answers import as_of, visible_run


@permission(WATCH)
@require_GET
@csp_replace({"frame-src": ["'self'"]})
def wall(request):
    """Tiles of all active runs; the whole state is in the address. Asked by a page that was away, the tiles
    alone."""
    membership = request.membership
    form = WallForm(request.GET)
    state = form.asked
    # Read before the tiles: what happens in between makes the page fetch once too often, never too seldom.
    event_id = newest_event_id(membership.workspace)
    runs = tiles.shown(membership, state)
    if request.headers.get("X-Live-Parts"):
        parts = [live.wall_tile(run, membership) for run in runs]
        parts.append(live.side_counts(request.membership))
        return as_of(event_id, membership, HttpResponse("".join(parts)))
    context = _controls(request, state) | {"runs": runs, "can_operate": membership.can_operate}
    context["unread"] = form.unread_parts
    context["large"] = tiles.large(runs, slots=context["slots"], most_live=context["most_live"])
    context |= live.connection(
        "/ws/wall/?" + urlencode(_filters(state, "kiosk")),
        page=request.get_full_path(),
        newest_event_id=event_id,
        membership=membership,
    )
    return render(request, "runs/wall.html", context)


def _filters(state: dict, *besides: str) -> dict:
    return {name: state[name] for name in ("who", "template", *besides) if name in state}


def _controls(request, state: dict) -> dict:
    """The wall's state and what may be chosen instead, each with the address it stands at."""
    workspace = request.membership.workspace
    layout = state.get("layout", "3x2")
    columns, rows = map(int, layout.split("x"))
    active = Run.objects.visible_to(request.user).filter(workspace=workspace).in_group("active")
    templates = {*active.values_list("agent_session__sandbox_template", flat=True).distinct()}
    kept = {name: value for name, value in state.items() if name not in ("layout", "kiosk")}
    may_watch = request.membership.can_operate
    return {
        "state": state,
        "layout": layout,
        "is_automatic": "layout" not in state,
        "automatic_query": "?" + urlencode(kept),
        "layouts": [(name, "?" + urlencode({**kept, "layout": name})) for name in WALL_LAYOUTS],
        "is_kiosk": "kiosk" in state,
        "is_filtered": bool(_filters(state)),
        "kiosk_query": "?" + urlencode({**state, "kiosk": 1}),
        "plain_query": "?" + urlencode({name: value for name, value in state.items() if name != "kiosk"}),
        "most_live": min(state.get("live", MOST_LIVE), MOST_LIVE) if may_watch else 0,
        "slots": columns * rows if may_watch else 0,
        "people": get_user_model().objects.filter(memberships__workspace=workspace).order_by("username"),
        "templates": sorted(templates | ({state["template"]} if "template" in state else set())),
    }


@permission(OPERATE, gettext_lazy("Only operators and managers answer a flag."))
@require_POST
def wall_take(request, pk):
    """This person sees to what a colleague flagged; every page hears of it by itself."""
    run = visible_run(request, pk)
    if not run.take_on(by=request.user) and not request.htmx:
        messages.warning(request, _("Somebody was first, or nobody is needed any more."))
    return HttpResponse(status=204) if request.htmx else redirect("run-detail", run.pk)
