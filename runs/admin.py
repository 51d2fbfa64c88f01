"""The Django admin for runs: for looking, not for changing. No secrets in any column or form."""

from types import SimpleNamespace

from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from people.admin_names import name
from runs.models import AgentSession, GigaAccount, Run, RunEvent
from runs.status import LOOKS, Look, look_of

name(AgentSession, _("session"), _("sessions"))
name(Run, _("run"), _("runs"))
name(RunEvent, _("event of a run"), _("events of runs"))
name(GigaAccount, _("Giga key"), _("Giga keys"))

# Each adds a condition on every searched column: some hundred take Postgres minutes to plan.
MOST_WORDS = 10


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only the dashboard itself writes."""

    def get_search_results(self, request, queryset, search_term):
        words = search_term.split()[:MOST_WORDS]
        return super().get_search_results(request, queryset, " ".join(words))

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class ReadOnlyInline(admin.TabularInline):
    extra = 0
    can_delete = False
    # What a row names besides itself.
    names: tuple[str, ...] = ()

    def get_queryset(self, request):
        return super().get_queryset(request).select_related(*self.names)

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False


class RunInline(ReadOnlyInline):
    model = Run
    names = ("agent_session",)
    fields = ["id", "status", "remote_id", "queued_at", "started_at", "ended_at"]
    show_change_link = True


class RunEventInline(ReadOnlyInline):
    model = RunEvent
    names = ("by",)
    fields = ["at", "kind", "was", "now", "why", "by"]


def said(look: Look) -> str:
    """A status in full: two of them are one word where there is no room."""
    return f"{look.label}, {look.more}" if look.more else str(look.label)


class StatusFilter(admin.ChoicesFieldListFilter):
    def __init__(self, field, *args, **kwargs):
        super().__init__(field, *args, **kwargs)
        self.field = SimpleNamespace(flatchoices=[(status, said(look)) for status, look in LOOKS.items()])


@admin.register(AgentSession)
class AgentSessionAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "title",
        "workspace",
        "created_by",
        "sandbox_template",
        "duration_hours",
        "created_at",
    ]
    list_filter = ["workspace", "sandbox_template", "is_simulated"]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["user_prompt", "goal_prompt", "thread_id", "created_by__username"]
    date_hierarchy = "created_at"
    show_full_result_count = False
    inlines = [RunInline]

    def view_on_site(self, agent_session) -> str:
        return reverse("session-detail", args=[agent_session.pk])


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "title",
        "status_said",
        "workspace",
        "created_by",
        "queued_at",
        "started_at",
        "ended_at",
        "contact_at",
    ]
    list_filter = [("status", StatusFilter), "workspace"]
    list_select_related = ["agent_session", "workspace", "created_by"]
    search_fields = [
        "agent_session__user_prompt",
        "remote_id",
        "agent_session__thread_id",
        "created_by__username",
    ]
    date_hierarchy = "queued_at"
    show_full_result_count = False
    exclude = ["sealed_desktop_url", "sealed_public_token", "desktop_kind"]
    inlines = [RunEventInline]

    @admin.display(description=_("status"), ordering="status")
    def status_said(self, run) -> str:
        return said(look_of(run.status))

    def view_on_site(self, run) -> str:
        return reverse("run-detail", args=[run.pk])


@admin.register(RunEvent)
class RunEventAdmin(ReadOnlyAdmin):
    list_display = ["at", "run", "kind", "was", "now", "why", "by"]
    list_filter = ["kind", "now", "workspace"]
    list_select_related = ["run__agent_session", "by"]
    search_fields = ["why", "run__remote_id"]
    show_full_result_count = False

    def view_on_site(self, event) -> str:
        return reverse("run-detail", args=[event.run_id])


@admin.register(GigaAccount)
class GigaAccountAdmin(ReadOnlyAdmin):
    list_display = [
        "workspace",
        "api_url",
        "is_simulated",
        "paused_at",
        "paused_reason",
        "not_before",
        "answered_at",
    ]
    list_select_related = ["workspace"]
    exclude = ["sealed_api_key"]
