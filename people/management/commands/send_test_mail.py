"""Whether mail arrives, before an invitation is lost."""

import smtplib

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email


class Command(BaseCommand):
    help = "Sends a mail by SMTP_URL, and says why when the mail server does not take it."
    requires_system_checks = []
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("address")

    def handle(self, *args, address, **options):
        if not settings.CAN_SEND_MAIL:
            raise CommandError("no mail is sent: set SMTP_URL and MAIL_FROM")
        try:
            validate_email(address)
        except ValidationError:
            raise CommandError(f"{address!r} is no mail address") from None
        server = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
        text = f"The Gigawatch at {settings.SITE_ORIGINS[0]} can send mail."
        try:
            send_mail("Gigawatch sends mail", text, None, [address])
        except (OSError, smtplib.SMTPException) as error:
            raise CommandError(f"{server} did not take it: {reason_of(error)}") from None
        self.stdout.write(f"{server} took a mail to {address}: look whether it arrived.")


def reason_of(error: Exception) -> str:
    """What the mail server or the network said, without what was sent to it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, said = error.smtp_code, error.smtp_error
    else:
        return str(error) or type(error).__name__
    return f"{code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"
