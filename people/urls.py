from django.urls import path

from people.views import audit, confirm, doors, me, team, workspaces

urlpatterns = [
    path("enter/<str:uid>/<str:token>/", doors.enter, name="enter"),
    path("invitation/", doors.invitation_opened, name="invitation-opened"),
    path("invitation/<str:token>/", doors.invitation, name="invitation"),
    path("confirm/", confirm.confirm, name="confirm"),
    path("single-sign-on/connect/", doors.connect_sign_on, name="connect-sign-on"),
    path("team/", team.members, name="team"),
    path("team/invite/", team.invite, name="team-invite"),
    path("team/invitations/<int:pk>/revoke/", team.revoke, name="team-revoke"),
    path("team/members/<int:pk>/role/", team.change_role, name="team-role"),
    path("team/members/<int:pk>/remove/", team.remove, name="team-remove"),
    path("team/settings/", workspaces.change, name="team-settings"),
    path("team/limits/", workspaces.limits, name="team-limits"),
    path("team/audit/", audit.log, name="team-audit"),
    path("team/audit/export/", audit.export, name="team-audit-export"),
    path("workspaces/", workspaces.own, name="workspaces"),
    path("workspaces/new/", workspaces.new, name="workspace-new"),
    path("workspaces/switch/", workspaces.switch, name="switch-workspace"),
    path("me/", me.me, name="me"),
]
