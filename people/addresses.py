"""The one e-mail address of a person: the one they use, and perhaps one that waits to be confirmed. Only a
confirmed address proves anything: it is what a mailed invitation and a forgotten password are answered by."""

from datetime import timedelta

from allauth.account.forms import AddEmailForm
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from people.models import NewAddress

# So long a new address gives nobody a new password: its person has heard of the change by then.
NEW_FOR = timedelta(days=1)


class AddAddressForm(AddEmailForm):
    def save(self, request) -> EmailAddress:
        """The address in use stays until the new one is confirmed; of several new ones the last one waits."""
        with transaction.atomic():
            waiting = EmailAddress.objects.filter(user=self.user, verified=False)
            waiting.exclude(email__iexact=self.user.email).delete()
            address = EmailAddress.objects.create(user=self.user, email=self.cleaned_data["email"])
        send_verification_email_to_address(request, address)
        return address


def people_of_address(email: str):
    """Who has shown that they read what is sent to this address: one person, or nobody."""
    confirmed = EmailAddress.objects.filter(email__iexact=email, verified=True)
    return get_user_model().objects.filter(pk__in=confirmed.values("user"))


def note_new(address: EmailAddress) -> None:
    NewAddress.objects.update_or_create(address=address, defaults={"confirmed_at": timezone.now()})


def gives_new_password(user, email: str) -> bool:
    """Whether a link for a new password may go to this address: to the confirmed one, unless it is new.
    Whoever has confirmed none has the one that came with their account."""
    confirmed = EmailAddress.objects.filter(user=user, verified=True)
    if not confirmed.exists():
        return user.email.lower() == email.lower()
    new = NewAddress.objects.filter(confirmed_at__gt=timezone.now() - NEW_FOR)
    return confirmed.filter(email__iexact=email).exclude(pk__in=new.values("address")).exists()
