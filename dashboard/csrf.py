"""What is answered to a form that is older than the login it came with, is of another workspace than its
person works in, or is none of ours."""

from allauth.account.utils import get_next_redirect_url
from django.contrib import messages
from django.middleware.csrf import REASON_BAD_ORIGIN
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from dashboard.origins import say_refused
from people.login_required import page_of
from people.typed import texts_in


def failure(request, reason=""):
    """Who has signed in meanwhile, in another tab, goes on to where they were going; any other form is not
    taken, and its page gets back what was typed (static/js/typed.js)."""
    is_of_others = reason.startswith(REASON_BAD_ORIGIN.partition("%s")[0])
    if is_of_others:
        say_refused(request.META["HTTP_ORIGIN"], request.get_host())
    if request.user.is_authenticated and not is_of_others:
        if request.resolver_match.url_name == "account_login":
            return redirect(get_next_redirect_url(request) or "run-list")
        if request.htmx:
            why = _(
                "Nothing was done: you have signed in anew or changed the workspace meanwhile. Do it again."
            )
            messages.warning(request, why)
            return HttpResponseClientRedirect(page_of(request))
    is_ours = "HTTP_ORIGIN" in request.META and not is_of_others
    context = {"back_url": page_of(request), "texts": texts_in(request) if is_ours else []}
    return render(request, "403_csrf.html", context, status=403)
