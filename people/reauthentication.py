"""Who is asked again who they are. A login may be an hour old and its person gone: what changes how one signs
in, and what gives away power or money, takes the password, a code or a passkey of the last five minutes.

Here is the whole list: a page of ours asks when its view says so (`permission(…, asks_again=True)`); what
only managers or superusers may change always does. What was sent is not kept here meanwhile: it may be
a secret. The browser brings back what is none (static/js/typed.js)."""

import time

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from people.login_required import page_of
from people.models import Workspace, second_factors_of
from people.typed import back_to_copy

BY_LINK = "link"
SAFE = ("GET", "HEAD", "OPTIONS")
# allauth's pages that an old login may use: they say it again, end the login, or are for who has none. All
# others ask, and so do those that its next version brings.
OPEN_TO_OLD_LOGINS = {
    "account_confirm_email",
    "account_confirm_login_code",
    "account_email_verification_sent",
    "account_inactive",
    "account_login",
    "account_logout",
    "account_reauthenticate",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_signup",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "openid_connect_callback",
    "openid_connect_login",
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
    "socialaccount_signup",
}
# Lists, on which nothing is typed.
READ_BY_OLD_LOGINS = {"mfa_index", "mfa_list_webauthn", "socialaccount_connections", "usersessions_list"}
# Looking around in the admin asks again later than a change, or a form to type one into.
ADMIN_IS_READ_FOR_S = 1800
ADMIN_FORMS = ("/add/", "/change/", "/delete/", "/password/")


def is_recent(request, within_s: float | None = None) -> bool:
    """Whether this person has shown so lately who they are. Coming back from single sign-on shows that a
    browser is signed in elsewhere, and no more, unless they were asked there anew."""
    shown = [record["at"] for record in get_authentication_records(request) if _shows_who(record)]
    within_s = app_settings.REAUTHENTICATION_TIMEOUT if within_s is None else within_s
    return request.user.is_authenticated and time.time() - max(shown, default=0) < within_s


def _shows_who(record: dict) -> bool:
    by = record.get("method")
    return by in ("password", "mfa", BY_LINK) or (
        by == "socialaccount" and bool(record.get("reauthenticated"))
    )


def must_say_again(request, view, *, is_power: bool) -> bool:
    """Whether this request is for somebody who has just shown who they are, and its person has not.
    `is_power` says that only managers or superusers may open the view."""
    if not request.user.is_authenticated:
        return False
    match, is_read = request.resolver_match, request.method in SAFE
    if match.route.startswith("accounts/") and not hasattr(view, "permission"):
        is_open = match.url_name in OPEN_TO_OLD_LOGINS or (is_read and match.url_name in READ_BY_OLD_LOGINS)
        return not is_open and not is_recent(request)
    if "admin" in match.app_names:
        is_looked_at = is_read and not request.path.endswith(ADMIN_FORMS)
        is_door = match.url_name in ("login", "logout")
        return not is_door and not is_recent(request, ADMIN_IS_READ_FOR_S if is_looked_at else None)
    is_guarded = getattr(view, "asks_again", False) or (is_power and not is_read)
    return is_guarded and not is_recent(request)


def say_again(request):
    """Leads to where one shows who one is, and from there back to the page."""
    if not get_adapter().get_reauthentication_methods(request.user):
        return render(request, "people/no_way_to_confirm.html", status=403)
    if request.method in SAFE and not request.htmx:
        return redirect(say_again_url(request.get_full_path()))
    messages.warning(request, _("Nothing was changed: confirm that it is you, then do it again."))
    url = say_again_url(page_of(request, otherwise=_start_of(request)))
    if request.htmx:
        return HttpResponseClientRedirect(url)
    return back_to_copy(request, url) or redirect(url)


def say_again_url(back_to: str) -> str:
    return f"{reverse('account_reauthenticate')}?{urlencode({'next': back_to})}"


def _start_of(request) -> str:
    starts = {"accounts/": "mfa_index", "admin/": "admin:index", "team/": "team"}
    route = request.resolver_match.route
    return reverse(next((name for place, name in starts.items() if route.startswith(place)), "home"))


def lacks_second_factor(superuser) -> bool:
    """Whoever may change every workspace needs what the strictest of them asks of its members."""
    is_asked = Workspace.objects.filter(needs_second_factor=True).exists()
    return is_asked and not second_factors_of(superuser).exists()


def bring_second_factor(request):
    messages.warning(
        request, _("Administrators need a second factor, as a workspace asks its members for one.")
    )
    return redirect("mfa_index")
