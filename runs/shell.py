"""What every page shows around its content: the places to go, the workspace, what is wrong with Giga. Reads
only."""

from functools import cache

from django.conf import settings

from people.models import Preferences
from runs.finding import actions_found
from runs.listing import counts_beside
from runs.models import GigaAccount
from runs.places import places_for
from runs.room import lack_of_room
from runs.sayings import told

MAX_NAMED = 3


def _preferences(user) -> Preferences:
    return getattr(user, "preferences", None) or Preferences()


def shell(request) -> dict:
    """Context for `base.html`; nothing but the mode for a stranger."""
    context = {"is_demo": settings.IS_DEMO}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or request.path.startswith("/admin/"):
        return context
    membership = request.membership
    context["membership"] = membership
    context["version"] = settings.VERSION
    context["places"] = places_for(user)
    context["palette_actions"] = actions_found(user, membership)
    reader = membership.user if membership else user
    chosen = _preferences(reader)
    context["has_single_keys"] = chosen.remembered.get("single_keys", True)
    context["has_chosen_zone"] = bool(chosen.time_zone)
    context["workspace"] = workspace = membership and membership.workspace
    if workspace:
        # Asked for by the side bar when the page has not counted already.
        counts = cache(lambda: counts_beside(membership))
        context["active_count"] = lambda: counts()["active_count"]
        context["needs_count"] = lambda: counts()["needs_count"]
        context |= what_is_wrong(membership)
    return context


def what_is_wrong(membership) -> dict:
    """Context of the notices above a page: what is wrong with Giga, and who can do something about it."""
    managers = membership.workspace.memberships.managers().filter(user__is_active=True)
    return {
        "giga_account": GigaAccount.objects.filter(workspace=membership.workspace_id).first(),
        "lack_of_room": told(lack_of_room()),
        "managers": managers.select_related("user").order_by("user__username")[:MAX_NAMED],
    }
