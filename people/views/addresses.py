"""The page of a person's e-mail address."""

from allauth.account.views import EmailView

from people.permissions import PERSON, permission


class AddressView(EmailView):
    """allauth's, on which none of several is made the first one: it is the one confirmed last."""

    http_method_names = ["get", "head", "post", "options"]

    def _action_primary(self, request, *args, **kwargs):
        return None


address = permission(PERSON, asks_again=True)(AddressView.as_view())
