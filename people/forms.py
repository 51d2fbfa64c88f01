"""What a person may type about a team, and the sentences that say what is wrong with it."""

from datetime import date

from django import forms
from django.contrib.auth import get_user_model, password_validation
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from people.address_form import AddressForm
from people.addresses import people_of_address
from people.audit import USERNAME_LENGTH, Act
from people.models import NAME_LENGTH, Role, Workspace
from people.names import validate_visible
from people.sign_in_names import NAME_TAKEN, is_taken
from people.team import LIMITS

A_DAY_OF_OURS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


class AuditForm(AddressForm):
    """What the audit log is searched for, and where its page begins."""

    q = forms.CharField(required=False, max_length=200)
    by = forms.CharField(required=False, max_length=USERNAME_LENGTH)
    kind = forms.ChoiceField(
        required=False,
        choices=[
            (
                _("Kinds"),
                [
                    ("signing-in", _("Signing in")),
                    ("team", _("Team and settings")),
                    ("key", _("Giga key")),
                    ("runs", _("Runs")),
                    ("refusals", _("Refusals")),
                    ("administration", _("Administration")),
                ],
            ),
            (_("Acts"), Act.choices),
        ],
    )
    since = forms.DateField(required=False, input_formats=["%Y-%m-%d"], validators=A_DAY_OF_OURS)
    until = forms.DateField(required=False, input_formats=["%Y-%m-%d"], validators=A_DAY_OF_OURS)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)

    @property
    def searched(self) -> dict:
        """What rows are looked for by."""
        return {name: value for name, value in self.asked.items() if name not in ("before", "format")}


class AuditExportForm(AuditForm):
    """And what kind of file it becomes."""

    format = forms.ChoiceField(required=False, choices=[(name, name) for name in ("csv", "xlsx")])


class NameForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        validators=[validate_visible],
        error_messages={"required": _("Give the workspace a name.")},
    )


class SettingsForm(NameForm):
    needs_second_factor = forms.BooleanField(label=_("Second factor required"), required=False)


class InviteForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.OPERATOR)
    email = forms.EmailField(
        label=_("E-mail"), required=False, error_messages={"invalid": _("This is no e-mail address.")}
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class LimitsForm(forms.ModelForm):
    class Meta:
        model = Workspace
        fields = LIMITS
        labels = {
            "launches_a_minute_each": _("Launches a minute, each person"),
            "launches_a_minute": _("Launches a minute, the whole workspace"),
            "active_runs": _("Runs active at once"),
            "run_hours_a_day": _("Run-hours a day"),
        }
        error_messages = {name: {"invalid": _("A whole number, or nothing for no limit.")} for name in LIMITS}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.min_value = 1
            field.widget.attrs["min"] = 1
            field.validators.append(at_least_one)


def at_least_one(value):
    if value is not None and value < 1:
        raise forms.ValidationError(_("At least 1, or nothing for no limit."))


class NewAccountForm(forms.Form):
    """The account of somebody who was invited."""

    full_name = forms.CharField(
        label=_("Your name"), max_length=100, required=False, validators=[validate_visible]
    )
    username = forms.CharField(
        label=_("Name to sign in with"), error_messages={"required": _("Choose a name to sign in with.")}
    )
    email = forms.EmailField(label=_("E-mail"), required=False)
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": _("Choose a password.")},
    )

    def __init__(self, *args, email="", **kwargs):
        super().__init__(*args, **kwargs)
        self.invited_email = email
        if email:
            del self.fields["email"]  # the mail arrived there, so it is theirs

    def clean_username(self):
        username = self.cleaned_data["username"].strip()
        user_model = get_user_model()
        user_model._meta.get_field("username").run_validators(username)
        if is_taken(username):
            raise forms.ValidationError(NAME_TAKEN)
        return username

    def clean(self):
        cleaned = super().clean()
        email = self.invited_email or cleaned.get("email", "")
        if email and people_of_address(email).exists():
            text = _("There is an account with this address: sign in with it, and open the link again.")
            self.add_error("email" if "email" in self.fields else None, text)
        if password := cleaned.get("password"):
            try:
                password_validation.validate_password(password, self._user(cleaned, email))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return {**cleaned, "email": email}

    def _user(self, cleaned, email):
        first, _space, last = cleaned.get("full_name", "").strip().partition(" ")
        return get_user_model()(
            username=cleaned.get("username", ""), email=email, first_name=first, last_name=last
        )

    def save(self):
        user = self._user(self.cleaned_data, self.cleaned_data["email"])
        user.set_password(self.cleaned_data["password"])
        user.save()
        return user
