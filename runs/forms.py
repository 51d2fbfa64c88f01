"""What a person may type, and the sentences that say what is wrong with it. No saving here."""

import uuid

from django import forms
from django.utils.translation import gettext_lazy as _

from runs.models import PROMPT_LENGTH
from runs.querysets import RUN_GROUPS
from runs.status import Status

# Named in Giga's pages. Credits an hour and sizes where published; None where they are not.
SANDBOX_TEMPLATES = [
    {"name": "giga-standard", "size": "2 vCPU · 4 GB · Ubuntu 22.04", "credits": 20, "is_confirmed": True},
    {"name": "linux-toolkit-standard", "size": "", "credits": None, "is_confirmed": True},
    {"name": "giga-mini", "size": "", "credits": 10, "is_confirmed": False},
    {"name": "giga-pro", "size": "", "credits": 40, "is_confirmed": False},
    {"name": "giga-max", "size": "", "credits": 80, "is_confirmed": False},
]
SHORTEST_HOURS, LONGEST_HOURS = 1, 24


class PromptField(forms.CharField):
    """A long text, kept byte for byte but for its line ends; only white space is as good as nothing."""

    def __init__(self, *, rows: int, required_message: str = "", **kwargs):
        too_long = _("At most %(limit_value)d characters, this has %(show_value)d.")
        super().__init__(
            strip=False,
            max_length=PROMPT_LENGTH,
            widget=forms.Textarea(attrs={"rows": rows, "dir": "auto"}),
            error_messages={"required": required_message, "max_length": too_long},
            **kwargs,
        )

    def to_python(self, value):
        text = (super().to_python(value) or "").replace("\r\n", "\n")
        return text if text.strip() else ""


class LaunchForm(forms.Form):
    user_prompt = PromptField(label=_("Task"), rows=8, required_message=_("Write what should happen."))
    goal_prompt = PromptField(
        label=_("Done means"), rows=3, required_message=_("Write how to tell that it is done.")
    )
    system_prompt = PromptField(label=_("Rules for the agent"), rows=3, required=False)
    sandbox_template = forms.RegexField(
        label=_("Computer"),
        regex=r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z",
        max_length=100,
        initial="giga-standard",
        error_messages={
            "required": _("Pick a computer."),
            "invalid": _("A template's name has letters, digits, dots and dashes only."),
        },
    )
    duration_hours = forms.IntegerField(
        label=_("Duration"),
        min_value=SHORTEST_HOURS,
        max_value=LONGEST_HOURS,
        initial=1,
        error_messages={
            "required": _("Pick a duration."),
            "invalid": _("Whole hours, from 1 to 24."),
            "min_value": _("At least 1 hour."),
            "max_value": _("At most 24 hours."),
        },
    )
    deployment_id = forms.RegexField(
        label=_("Deployment id"),
        regex=r"\A[\x21-\x7e]+\Z",
        max_length=200,
        required=False,
        error_messages={"invalid": _("An id has no spaces: dep_…")},
    )
    launch_token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, data=None, **kwargs):
        if data is not None and data.get("sandbox_template") == "" and data.get("other_template"):
            data = data.copy()
            data["sandbox_template"] = data["other_template"].strip()
        super().__init__(data, **kwargs)


class RunFilterForm(forms.Form):
    """The list's filters, as they stand in the address. What cannot be read is left out, never an error."""

    status = forms.ChoiceField(required=False, choices=[(key, key) for key in [*RUN_GROUPS, *Status.values]])
    who = forms.IntegerField(required=False, min_value=1)
    q = forms.CharField(required=False, max_length=200)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)

    def filters(self) -> dict:
        """The filters that could be read; empty ones left out."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}


class SettleForm(forms.Form):
    """A person's decision about an `unknown` run."""

    decision = forms.ChoiceField(choices=[("running", "running"), ("never", "never")])
    remote_id = forms.RegexField(
        regex=r"\A[A-Za-z0-9_.:-]+\Z",
        max_length=200,
        required=False,
        error_messages={"invalid": _("A run id has letters, digits, dashes and underscores: run_…")},
    )

    def clean(self):
        cleaned = super().clean()
        if (
            cleaned.get("decision") == "running"
            and not cleaned.get("remote_id")
            and "remote_id" not in self.errors
        ):
            self.add_error("remote_id", _("Give the run id that Giga's dashboard shows."))
        return cleaned


class ExtendForm(forms.Form):
    """One press of +15 min."""

    token = forms.UUIDField()
