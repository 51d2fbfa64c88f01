"""The workspace's Giga key, for managers: set, replaced, tested, and never shown again."""

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from people.permissions import MANAGE, permission
from people.views.answers import step_up
from runs import keys
from runs.forms import KeyForm
from runs.sayings import told


@permission(MANAGE)
@require_http_methods(["GET", "POST"])
@step_up
def team_key(request):
    """What is known of the key; a new one is taken and tried at once."""
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        account = keys.replace_key(request.membership, form.cleaned_data["api_key"])
        _say(request, keys.try_key(request.membership, account))
        return redirect("team-key")
    account = getattr(request.membership.workspace, "giga_account", None)
    context = {
        "section": "key",
        "form": form,
        "account": account,
        "ends": keys.ends_of(account) if account else "",
        "api_url": account.api_url if account else settings.GIGA_API_URL,
    }
    return render(request, "runs/team_key.html", context, status=422 if form.errors else 200)


@permission(MANAGE)
@require_POST
@step_up
def team_key_test(request):
    account = getattr(request.membership.workspace, "giga_account", None)
    if account is None:
        messages.warning(request, _("There is no key to test yet."))
    else:
        _say(request, keys.try_key(request.membership, account))
    return redirect("team-key")


def _say(request, result: keys.KeyTest) -> None:
    level = messages.SUCCESS if result.works else messages.ERROR
    messages.add_message(request, level, told(result.text))
