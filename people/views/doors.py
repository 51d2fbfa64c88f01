"""Doors: the one-time link of an administrator, and the link of an invitation."""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.account.utils import perform_login
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError, transaction
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from people import team
from people.forms import NewAccountForm
from people.links import person_of_link, use_up
from people.models import Invitation
from people.oidc import begin_to_connect
from people.permissions import ANYONE, PERSON, permission
from people.reauthentication import BY_LINK
from people.sign_in_names import NAME_TAKEN

OPENED = "opened_invitation"


@permission(ANYONE)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_not_required
def enter(request, uid, token):
    """Signs in by a one-time link, then asks for a password. Opening it does not: programs that read chats
    and mail open every link, so its person presses a button."""
    user = person_of_link(uid, token)
    if user and request.method != "POST":
        return render(request, "people/enter.html")
    if user is None or not use_up(user):
        return render(request, "people/link_used.html", status=410)
    record_authentication(request, user, method=BY_LINK)
    home = reverse("home")
    onward = home if user.has_usable_password() else f"{reverse('account_set_password')}?next={home}"
    return perform_login(request, user, email_verification="none", redirect_url=onward)


@permission(ANYONE)
@require_safe
@never_cache
@login_not_required
def invitation(request, token):
    """The link of an invitation leads to a page without it: no log and no other site is told the link."""
    found = Invitation.objects.of_token(token).first()
    if found is None:
        return render(request, "people/invitation_over.html", status=410)
    if request.method != "HEAD":
        request.session[OPENED] = found.pk
    return redirect("invitation-opened")


@permission(ANYONE)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_not_required
def invitation_opened(request):
    """The invitation whose link this browser opened: joins who is signed in, makes an account for who has
    none."""
    opened = Invitation.objects.open().filter(pk=request.session.get(OPENED))
    found = opened.select_related("workspace", "created_by").first()
    if found is None:
        return render(request, "people/invitation_over.html", status=410)
    if request.user.is_authenticated:
        return _join(request, found)
    return _join_anew(request, found)


def _join(request, found: Invitation):
    context = {"invitation": found}
    if request.method != "POST":
        return render(request, "people/invitation.html", context)
    try:
        team.join(request.user, found)
    except team.NotPossible as error:
        return render(request, "people/invitation.html", {**context, "problem": str(error)}, status=422)
    return redirect("run-list")


def _join_anew(request, found: Invitation):
    form = NewAccountForm(request.POST or None, email=found.email)
    context = {"invitation": found, "form": form}
    if not (request.method == "POST" and form.is_valid()):
        return render(request, "people/invitation.html", context, status=422 if form.errors else 200)
    try:
        with transaction.atomic():
            user = form.save()
            if found.email:
                EmailAddress.objects.create(user=user, email=found.email, verified=True, primary=True)
            team.join(user, found)
    except team.NotPossible as error:
        return render(request, "people/invitation.html", {**context, "problem": str(error)}, status=422)
    except IntegrityError:  # by somebody else, just now
        form.add_error("username", NAME_TAKEN)
        return render(request, "people/invitation.html", context, status=422)
    record_authentication(request, user, method="password")
    return perform_login(request, user, email_verification="none", redirect_url=reverse("run-list"))


@permission(PERSON, asks_again=True)
@require_POST
def connect_sign_on(request):
    """Begins to connect single sign-on with this account. The way there is a link on a page of ours: our
    content policy lets no form end on another host."""
    provider = next(iter(get_adapter().list_providers(request)), None)
    if provider is None:
        raise Http404
    begin_to_connect(request)
    onward = provider.get_login_url(request, process=AuthProcess.CONNECT)
    return render(request, "people/sign_on_to_connect.html", {"provider": provider, "onward": onward})
