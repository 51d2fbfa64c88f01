"""A forgotten password. Whose address it is is looked up and mailed after the answer: sending a mail takes
long, and whoever asks must not learn from that whether an address is known here."""

from copy import copy
from urllib.parse import urlsplit

from allauth.account.forms import ResetPasswordForm
from allauth.core import context
from allauth.core.context import request_context
from django.conf import settings

from people.addresses import gives_new_password
from people.later import later


class ForgottenPasswordForm(ResetPasswordForm):
    def clean_email(self):
        return self.cleaned_data["email"].lower()

    def save(self, request, **kwargs):
        later(self.find_and_mail, request)
        return self.cleaned_data["email"]

    def find_and_mail(self, request) -> None:
        with request_context(as_if_asked_at_home(request)):
            address = super().clean_email()
            self.users = [user for user in self.users if gives_new_password(user, address)]
            super().save(context.request)


def as_if_asked_at_home(request):
    """This request, with the host by which the dashboard is known: anybody may ask for somebody else's mail,
    and name a host where they listen themselves."""
    home = urlsplit(settings.SITE_ORIGINS[0]).netloc
    asked = copy(request)
    asked.META = {**request.META, "HTTP_HOST": home}
    return asked
