from importlib import import_module

from django.apps import AppConfig
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from people.names import validate_visible


class PeopleConfig(AppConfig):
    name = "people"
    verbose_name = _("Team")

    def ready(self):
        import_module("people.signing_in")
        names = import_module("people.sign_in_names")
        # Wherever accounts are made or changed: in the admin and by `createsuperuser`, too.
        person = get_user_model()._meta
        for name in ("username", "first_name", "last_name"):
            person.get_field(name).validators.append(validate_visible)
        person.get_field("username").validators.append(names.validate_length)
        person.get_field("groups").related_model._meta.get_field("name").validators.append(validate_visible)
