"""What the admin calls tables and their columns, in its reader's language. Not in the models: these are words
of those pages alone, and would be migrations of nothing."""

from django.utils.translation import gettext_lazy as _

COLUMNS = {
    "act": _("act"),
    "actor": _("calls themselves"),
    "actor_id": _("number of the person"),
    "address": _("from"),
    "agent_session": _("session"),
    "answered_at": _("last answer"),
    "api_url": _("Giga"),
    "at": _("when"),
    "by": _("by"),
    "contact_at": _("last contact"),
    "created_at": _("made"),
    "created_by": _("by"),
    "duration_hours": _("hours"),
    "ended_at": _("ended"),
    "is_simulated": _("simulated"),
    "ip": _("from"),
    "kind": _("kind"),
    "last_seen_at": _("last used"),
    "last_used_at": _("last used"),
    "name": _("name"),
    "needs_second_factor": _("second factor required"),
    "not_before": _("not before"),
    "now": _("to"),
    "number": _("number"),
    "object": _("what"),
    "paused_at": _("paused"),
    "paused_reason": _("reason"),
    "queued_at": _("queued"),
    "remote_id": _("id at Giga"),
    "role": _("role"),
    "run": _("run"),
    "sandbox_template": _("computer"),
    "started_at": _("started"),
    "status": _("status"),
    "type": _("kind"),
    "user": _("person"),
    "user_agent": _("browser"),
    "username": _("person"),
    "was": _("from"),
    "why": _("reason"),
    "workspace": _("workspace"),
    "workspace_id": _("workspace"),
}


def name(model, one, many) -> None:
    """Call this table so, and its columns as above."""
    model._meta.verbose_name, model._meta.verbose_name_plural = one, many
    for field in model._meta.fields:
        field.verbose_name = COLUMNS.get(field.name, field.verbose_name)
