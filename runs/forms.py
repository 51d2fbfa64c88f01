"""What a person may type, and the sentences that say what is wrong with it. No saving here."""

import re
import uuid
from datetime import date

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from people.address_form import AddressForm
from people.fields import Label, Text
from runs.marks import NOTE_LENGTH, TAG_LENGTH
from runs.models import PROMPT_LENGTH
from runs.querysets import DAYS, RUN_GROUPS
from runs.status import Status, Verdict

# Named in Giga's pages. Credits an hour and sizes where published; None where they are not.
SANDBOX_TEMPLATES = [
    {"name": "giga-standard", "size": "2 vCPU · 4 GB · Ubuntu 22.04", "credits": 20, "is_confirmed": True},
    {"name": "linux-toolkit-standard", "size": "", "credits": None, "is_confirmed": True},
    {"name": "giga-mini", "size": "", "credits": 10, "is_confirmed": False},
    {"name": "giga-pro", "size": "", "credits": 40, "is_confirmed": False},
    {"name": "giga-max", "size": "", "credits": 80, "is_confirmed": False},
]
CREDITS_AN_HOUR = {one["name"]: one["credits"] for one in SANDBOX_TEMPLATES}
# From so many credits on a launch is asked about: a day of the standard computer is, half a day is not.
SECOND_LOOK_CREDITS = 400
KEY = re.compile(r"giga_sk_[0-9a-fA-F]{32}")
KEY_FOUND = _(
    "This looks like a Giga key. The agent would read it, and everybody in this workspace. Take it out, "
    "or say below that it is none."
)
A_DAY_OF_OURS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]
SHORTEST_HOURS, LONGEST_HOURS = 1, 24
# Frames cost the browser and the network: no wall has more of them at once.
MOST_LIVE = 6
# Columns and rows of large tiles.
WALL_LAYOUTS = ["2x2", "3x2", "3x3"]


class PromptField(Text):
    """A long text, kept byte for byte but for its line ends."""

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
        return super().to_python(value).replace("\r\n", "\n")


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
    # The run that this is a relaunch of, and the answer to "there is a key in this text".
    relaunch_of = forms.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput
    )
    launch_anyway = forms.BooleanField(required=False)

    def __init__(self, data=None, **kwargs):
        if data is not None and data.get("sandbox_template") == "" and data.get("other_template"):
            data = data.copy()
            data["sandbox_template"] = data["other_template"].strip()
        super().__init__(data, **kwargs)

    def clean(self):
        cleaned = super().clean()
        for name in ("user_prompt", "goal_prompt", "system_prompt"):
            if KEY.search(cleaned.get(name, "")) and not cleaned.get("launch_anyway"):
                self.add_error(name, forms.ValidationError(KEY_FOUND, code="key"))
        return cleaned

    @property
    def holds_key(self) -> bool:
        """Whether it was stopped for a text that looks like a key."""
        return any(error.code == "key" for errors in self.errors.as_data().values() for error in errors)


class RunFilterForm(AddressForm):
    """The list's filters, as they stand in the address."""

    status = forms.ChoiceField(required=False, choices=[(key, key) for key in [*RUN_GROUPS, *Status.values]])
    who = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    template = forms.CharField(required=False, max_length=100)
    tag = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    when = forms.ChoiceField(required=False, choices=[(key, key) for key in DAYS])
    since = forms.DateField(required=False, input_formats=["%Y-%m-%d"], validators=A_DAY_OF_OURS)
    until = forms.DateField(required=False, input_formats=["%Y-%m-%d"], validators=A_DAY_OF_OURS)
    q = forms.CharField(required=False, max_length=200)
    view = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class SessionFilterForm(AddressForm):
    """What the list of sessions is searched for, and where its page begins."""

    q = forms.CharField(required=False, max_length=200)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class FindForm(AddressForm):
    """What is looked for in the palette, and the run that is open or chosen in the page."""

    q = forms.CharField(required=False, max_length=200)
    run = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class WallForm(AddressForm):
    """The whole state of a wall, as it stands in the address."""

    layout = forms.ChoiceField(required=False, choices=[(name, name) for name in WALL_LAYOUTS])
    who = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    template = forms.CharField(required=False, max_length=100)
    live = forms.IntegerField(required=False, min_value=0, max_value=MOST_LIVE)
    kiosk = forms.ChoiceField(required=False, choices=[("1", "1"), ("True", "True")])


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


class PressForm(forms.Form):
    """One press of a button that acts once."""

    token = forms.UUIDField()


class FollowUpForm(PressForm):
    message = PromptField(label=_("Follow-up"), rows=1, required_message=_("Write what should happen next."))


class VerdictForm(forms.Form):
    """Whether the goal was met; nothing takes the judgement back."""

    verdict = forms.ChoiceField(choices=Verdict.choices, required=False)


class NoteForm(forms.Form):
    text = Text(
        max_length=NOTE_LENGTH,
        error_messages={
            "required": _("Write something first."),
            "max_length": _("At most %(limit_value)d characters, this has %(show_value)d."),
        },
    )


class TagField(Label):
    """The name of a tag. What is exported parts them by commas."""

    default_error_messages = {
        "required": _("Write the tag."),
        "comma": _("A tag has no comma: add one after the other."),
    }

    def __init__(self, **kwargs):
        super().__init__(max_length=TAG_LENGTH, **kwargs)

    def validate(self, value):
        super().validate(value)
        if "," in value:
            raise forms.ValidationError(self.error_messages["comma"])


class TagForm(forms.Form):
    tag = TagField()


class UntagForm(forms.Form):
    """A tag as the page shows it: an older one may have a comma."""

    tag = Text(max_length=TAG_LENGTH)


class FlagForm(forms.Form):
    needs = Text(
        max_length=200,
        error_messages={
            "required": _("Say what somebody is needed for."),
            "max_length": _("At most %(limit_value)d characters, this has %(show_value)d."),
        },
    )


class KeyForm(forms.Form):
    """A Giga key. It is never sent back to the page, not even after a mistake."""

    api_key = forms.RegexField(
        label=_("API key"),
        regex=r"\A[\x21-\x7e]{8,200}\Z",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={
            "required": _("Paste the key."),
            "invalid": _("A key is one word without spaces: giga_sk_ and 32 digits."),
        },
    )
    # Asked for only where Giga could not say whether the key is good.
    even_untried = forms.BooleanField(label=_("Store it although it could not be tried"), required=False)


class RunIdsField(forms.Field):
    """The ids of runs; what is none is left out."""

    widget = forms.SelectMultiple

    def to_python(self, value):
        return [int(pk) for pk in value or [] if pk.isascii() and pk.isdecimal() and len(pk) < 19]


class BulkForm(forms.Form):
    """What is to be done, and to which runs."""

    action = forms.ChoiceField(
        choices=[
            (key, key)
            for key in ("tag", "csv", "xlsx", "json", "relaunch", *(f"verdict-{v}" for v in Verdict))
        ],
        error_messages={"required": _("Say what to do."), "invalid_choice": _("Say what to do.")},
    )
    run = RunIdsField(required=False)
    # Not a box of Django's, which takes "off" and "no" for a tick, too: everything is meant by who says so.
    everything = forms.ChoiceField(
        required=False,
        choices=[(said, said) for said in ("1", "on", "true", "True")],
        error_messages={"invalid_choice": _("Say what to do.")},
    )
    tag = TagField(required=False)
    token = forms.UUIDField(required=False)

    def clean(self):
        cleaned = super().clean()
        if not cleaned.get("everything") and not cleaned.get("run") and not self.errors:
            raise forms.ValidationError(_("Select a run first."))
        if cleaned.get("action") == "tag" and cleaned.get("tag") == "":
            self.add_error("tag", _("Write the tag."))
        if cleaned.get("action") == "relaunch" and not cleaned.get("token"):
            self.add_error("token", _("Load the list anew before you relaunch."))
        return cleaned


class SavedViewForm(forms.Form):
    """A name for a state of the list."""

    name = Label(
        max_length=60,
        error_messages={"required": _("Give it a name."), "max_length": _("At most 60 characters.")},
    )
    is_shared = forms.BooleanField(required=False)
