"""The team: its members, roles and invitations."""

from django.conf import settings
from django.contrib import messages
from django.core.mail import send_mail
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from people import team
from people.forms import InviteForm, RoleForm
from people.models import Invitation, Membership, Role
from people.permissions import MANAGE, WATCH, permission


@permission(WATCH)
@require_GET
def members(request):
    """Who belongs to the workspace, and who is invited."""
    return _page(request, InviteForm())


@permission(MANAGE)
@require_POST
def invite(request):
    """Invites by mail where an address is given, else shows the link, this once."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    if form.cleaned_data["email"] and not settings.CAN_SEND_MAIL:
        form.add_error("email", _("This dashboard cannot send mail: leave it empty for a link."))
        return _page(request, form, status=422)
    try:
        invitation, token = team.invite(request.membership, **form.cleaned_data)
    except team.NotPossible as error:
        form.add_error("email", str(error))
        return _page(request, form, status=422)
    link = request.build_absolute_uri(reverse("invitation", args=[token]))
    if not invitation.email:
        return _page(request, InviteForm(), link=link)
    if not _mail(request, invitation, link):
        team.revoke(request.membership, invitation)
        form.add_error("email", _("The mail could not be sent. Try again, or leave it empty for a link."))
        return _page(request, form, status=422)
    messages.success(request, _("An invitation went to %(email)s.") % {"email": invitation.email})
    return redirect("team")


def _mail(request, invitation: Invitation, link: str) -> bool:
    context = {"invitation": invitation, "link": link, "by": request.user}
    subject = _("Join %(workspace)s on Gigawatch") % {"workspace": invitation.workspace}
    text = render_to_string("people/mail/invitation.txt", context)
    in_one_line = " ".join(subject.split())  # a header ends with its line
    try:
        return bool(send_mail(in_one_line, text, None, [invitation.email]))
    except OSError:  # what smtplib and sockets raise
        return False


@permission(MANAGE)
@require_POST
def revoke(request, pk):
    invitation = get_object_or_404(Invitation, pk=pk, workspace=request.membership.workspace)
    if team.revoke(request.membership, invitation):
        messages.success(request, _("The invitation is revoked: its link opens nothing any more."))
    else:
        messages.warning(request, _("This invitation is over: it was used, or taken back."))
    return redirect("team")


@permission(MANAGE)
@require_POST
def change_role(request, pk):
    form = RoleForm(request.POST)
    member = _member(request, pk)
    if not form.is_valid():
        return redirect("team")
    role = Role(form.cleaned_data["role"])
    said = _("%(name)s has the role %(role)s now.") % {"name": member.user, "role": role.label}
    return _done(request, said, lambda: team.change_role(request.membership, member, role))


@permission(MANAGE)
@require_POST
def remove(request, pk):
    member = _member(request, pk)
    said = _("%(name)s is no member any more.") % {"name": member.user}
    return _done(request, said, lambda: team.remove(request.membership, member))


def _member(request, pk) -> Membership:
    return get_object_or_404(Membership, pk=pk, workspace=request.membership.workspace)


def _done(request, said: str, act):
    try:
        act()
    except team.NotPossible as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    return redirect("team")


def _page(request, form, *, link: str = "", status: int = 200):
    membership = request.membership
    members = membership.workspace.memberships.select_related("user").order_by("user__username")
    context = {
        "section": "members",
        "members": members,
        "roles": Role.choices,
        "form": form,
        "link": link,
        "can_send_mail": settings.CAN_SEND_MAIL,
    }
    if membership.can_manage:
        context["invitations"] = (
            Invitation.objects.unanswered()
            .filter(workspace=membership.workspace)
            .select_related("created_by")
        )
    return render(request, "people/team.html", context, status=status)
