"""What every page shows around its content: the workspace, the demo sign, what is wrong with Giga. Reads
only."""

from django.conf import settings

from runs.models import GigaAccount, Run
from runs.room import lack_of_room


def shell(request) -> dict:
    """Context for `base.html`; nothing but the mode for a stranger."""
    context = {"is_demo": settings.IS_DEMO}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or request.path.startswith("/admin/"):
        return context
    membership = request.membership
    context["membership"] = membership
    context["workspace"] = workspace = membership and membership.workspace
    if workspace:
        context["active_count"] = Run.objects.visible_to(user).active().count()
        context["lack_of_room"] = lack_of_room()
        context["giga_account"] = GigaAccount.objects.filter(workspace=workspace).first()
    return context
