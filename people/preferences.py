"""What a person may choose for themselves, and the form that does it."""

from functools import cache

from django import forms
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from people.audit import Act, audit
from people.models import Preferences
from people.names import validate_visible
from people.reading import all_zones, known_zone


@cache
def zone_names() -> list[str]:
    """The names of places, `Europe/Berlin`, and UTC; not the hundred aliases of old."""
    places = (name for name in all_zones() if "/" in name and not name.startswith("Etc/"))
    return [*sorted(places), "UTC"]


class PreferencesForm(forms.Form):
    """Bound to a person. Everything may be left to the browser and the instance."""

    name = forms.CharField(label=_("Name"), max_length=150, required=False, validators=[validate_visible])
    language = forms.ChoiceField(label=_("Language"), required=False)
    time_zone = forms.CharField(label=_("Time zone"), max_length=60, required=False)
    times = forms.ChoiceField(
        label=_("Times"), choices=[("relative", _("5 min ago")), ("exact", _("24 Nov 17:35"))]
    )
    single_keys = forms.BooleanField(label=_("Single keys do things"), required=False)

    def __init__(self, data=None, *, user):
        self.user = user
        self.preferences = getattr(user, "preferences", None) or Preferences(user=user)
        remembered = self.preferences.remembered
        initial = {
            "name": user.get_full_name(),
            "language": self.preferences.language,
            "time_zone": self.preferences.time_zone,
            "times": "exact" if remembered.get("exact_times") else "relative",
            "single_keys": remembered.get("single_keys", True),
        }
        super().__init__(data, initial=initial)
        self.fields["language"].choices = [("", _("The browser’s")), *settings.LANGUAGES]

    def clean_time_zone(self):
        name = self.cleaned_data["time_zone"]
        if name and not known_zone(name):
            raise forms.ValidationError(_("There is no such time zone. Its name looks like Europe/Berlin."))
        return name

    @transaction.atomic
    def save(self):
        chosen = self.cleaned_data
        if "name" in self.changed_data:
            before = {"name": self.user.get_full_name()}
            self.user.first_name, self.user.last_name = chosen["name"], ""
            self.user.save(update_fields=["first_name", "last_name"])
            # In each workspace: colleagues of all of them are shown the name.
            for place in self.user.memberships.select_related("workspace") or [self.user]:
                audit(place, Act.RENAMED, self.user, before=before, after={"name": chosen["name"]})
        if changed := sorted({*self.changed_data} - {"name"}):
            audit(self.user, Act.PREFERENCES_CHANGED, ", ".join(changed))
        self.preferences.language = chosen["language"]
        self.preferences.time_zone = chosen["time_zone"]
        self.preferences.remembered |= {
            "exact_times": chosen["times"] == "exact",
            "single_keys": chosen["single_keys"],
        }
        self.preferences.save()
