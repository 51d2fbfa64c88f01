"""The workspace's Giga key, for managers: set, replaced, tested, and never shown again."""

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from people.permissions import MANAGE, permission
from runs import keys
from runs.forms import KeyForm
from runs.sayings import told


@permission(MANAGE)
@require_http_methods(["GET", "POST"])
def team_key(request):
    """What is known of the key; a new one is tried, and taken when Giga takes it."""
    form, is_unreachable = KeyForm(request.POST or None), False
    if request.method == "POST" and form.is_valid():
        try:
            _say_replaced(request, keys.replace_key(request.membership, **form.cleaned_data))
            return redirect("team-key")
        except keys.NotReplaced as error:
            form.add_error("api_key", str(error))
            is_unreachable = error.is_unreachable
    account = keys.account_of(request.membership.workspace)
    context = {
        "section": "key",
        "form": form,
        "may_store_untried": is_unreachable,
        "account": account,
        "asks_simulator": keys.asks_simulator(account),
        "ends": account.readable_key[-4:] if account else "",
        "api_url": account.api_url if account else settings.GIGA_API_URL,
    }
    return render(request, "runs/team_key.html", context, status=422 if form.errors else 200)


@permission(MANAGE)
@require_POST
def team_key_test(request):
    account = keys.account_of(request.membership.workspace)
    if account is None:
        messages.warning(request, _("There is no key to test yet."))
    else:
        result = keys.try_key(request.membership, account)
        level = messages.SUCCESS if result.works else messages.ERROR
        messages.add_message(request, level, told(result.text))
    return redirect("team-key")


def _say_replaced(request, tried: keys.KeyTest) -> None:
    if tried.works:
        messages.success(request, told(tried.text))
    else:
        messages.warning(request, _("Stored, and not tried: %(problem)s") % {"problem": told(tried.text)})
