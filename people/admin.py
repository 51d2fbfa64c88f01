from allauth.account.admin import EmailAddressAdmin
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.forms import ModelForm
from django.utils.translation import gettext_lazy as _

from people.admin_names import name
from people.audit import AuditEntry
from people.bell import ring_for
from people.models import Membership, Workspace
from people.sign_in_names import NAME_TAKEN, is_taken

admin.site.site_title = admin.site.site_header = "Gigawatch"
admin.site.index_title = _("Administration")
name(Workspace, _("workspace"), _("workspaces"))
name(Membership, _("membership"), _("memberships"))
name(Authenticator, _("second factor"), _("second factors"))
name(UserSession, _("login"), _("logins"))
name(AuditEntry, _("row of the audit log"), _("audit log"))

# Single sign-on is set by the environment alone, and what a provider gave is nobody's to read.
admin.site.unregister([Authenticator, EmailAddress, SocialAccount, SocialApp, SocialToken, UserSession])
# Django notes several deleted rows in a way that nobody hears of: several are deleted where `Noted` says so.
admin.site.disable_action("delete_selected")
admin.site.unregister(get_user_model())


class PersonForm(UserChangeForm):
    def clean_username(self):
        username = self.cleaned_data["username"]
        if is_taken(username, by_other_than=self.instance):
            raise ValidationError(NAME_TAKEN)
        return username


class NewPersonForm(AdminUserCreationForm):
    def clean_username(self):
        if is_taken(self.cleaned_data["username"]):
            raise ValidationError(NAME_TAKEN)
        return self.cleaned_data["username"]


@admin.register(get_user_model())
class PersonAdmin(UserAdmin):
    form, add_form = PersonForm, NewPersonForm


class Noted(admin.ModelAdmin):
    """Several rows can be deleted at once, and each is noted in the audit log like a single one."""

    actions = [delete_selected]

    def log_deletions(self, request, queryset):
        for row in queryset:
            super().log_deletions(request, [row])


class KnownPerson(AutocompleteSelect):
    """Names who is chosen already, without asking for them row by row."""

    known = None

    def optgroups(self, name, value, attr=None):
        if self.known and value == [str(self.known.pk)]:
            return [(None, [self.create_option(name, value[0], str(self.known), True, 0)], 0)]
        return super().optgroups(name, value, attr)


class MembershipForm(ModelForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["user"].widget.widget.known = self.instance.user


class MembershipInline(admin.TabularInline):
    model = Membership
    form = MembershipForm
    extra = 0

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user", "workspace")

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "user":
            kwargs["widget"] = KnownPerson(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Workspace)
class WorkspaceAdmin(Noted):
    list_display = ["name", "member_count", "created_at"]
    search_fields = ["name"]
    readonly_fields = ["created_at"]
    inlines = [MembershipInline]

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(members_counted=Count("memberships"))

    @admin.display(description=_("members"), ordering="members_counted")
    def member_count(self, workspace) -> int:
        return workspace.members_counted


@admin.register(Membership)
class MembershipAdmin(Noted):
    list_display = ["user", "workspace", "role", "created_at"]
    list_filter = ["role", "workspace"]
    list_select_related = ["user", "workspace"]
    search_fields = ["user__username", "user__email", "workspace__name"]
    autocomplete_fields = ["user", "workspace"]
    readonly_fields = ["created_at"]


class NotWrittenHere(Noted):
    """Rows to look at, and perhaps to delete."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(EmailAddress)
class NotedEmailAddressAdmin(EmailAddressAdmin):
    """Addresses are called verified one by one, which is noted."""

    actions = None


@admin.register(Authenticator)
class AuthenticatorAdmin(NotWrittenHere):
    """Second factors, for taking one away from somebody who has lost it. Their seeds are not shown."""

    list_display = ["user", "type", "created_at", "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "user__email"]
    fields = readonly_fields = ["user", "type", "created_at", "last_used_at"]


@admin.register(UserSession)
class UserSessionAdmin(NotWrittenHere):
    """Where people are signed in; deleting one signs them out there. The keys of the logins are not shown."""

    list_display = fields = ["user", "created_at", "last_seen_at", "ip", "user_agent"]
    list_select_related = ["user"]
    search_fields = ["user__username", "user__email", "ip"]

    def delete_model(self, request, obj):
        obj.end()
        ring_for(obj.user_id)

    def delete_queryset(self, request, queryset):
        for session in queryset:
            self.delete_model(request, session)


@admin.register(AuditEntry)
class AuditEntryAdmin(NotWrittenHere):
    """The audit log of the whole instance. Each workspace has its own part of it on its page."""

    list_display = ["number", "at", "username", "actor", "act_word", "object", "workspace_id", "address"]
    list_filter = ["act"]
    search_fields = ["username", "actor", "object", "address"]
    date_hierarchy = "at"
    show_full_result_count = False

    def has_delete_permission(self, request, obj=None):
        return False
