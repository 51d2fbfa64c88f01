"""A name to sign in with is one person's, whatever capitals or other forms of its letters it is written in.
The database sees to it, whoever makes the account; forms ask beforehand, to say so at the field."""

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver
from django.utils.translation import gettext_lazy as _

from people.models import SignInName
from people.names import folded

NAME_TAKEN = _("This name is taken.")


class NameTaken(ValidationError, IntegrityError):
    """Somebody else signs in with this name. `createsuperuser` tells it as what was typed wrong."""

    def __init__(self):
        super().__init__(NAME_TAKEN)


def is_taken(name: str, *, by_other_than=None) -> bool:
    """Whether somebody signs in with this name, other than this person."""
    return SignInName.objects.filter(folded=folded(name)).exclude(user=by_other_than).exists()


def validate_length(name: str) -> None:
    """Some letters are many when they are compared."""
    if len(folded(name)) > SignInName._meta.get_field("folded").max_length:
        raise ValidationError(_("This name is too long."))


@receiver(pre_save, sender=get_user_model())
def refuse_taken_name(sender, instance, update_fields=None, **kwargs):
    other = instance if instance.pk else None
    if _is_named(update_fields) and is_taken(instance.get_username(), by_other_than=other):
        raise NameTaken


@receiver(post_save, sender=get_user_model())
def keep_name(sender, instance, created, update_fields=None, **kwargs):
    """Of two that were free a moment ago one is refused here, and not made, in a transaction or in none."""
    if not _is_named(update_fields):
        return
    try:
        with transaction.atomic():
            name = {"folded": folded(instance.get_username())}
            SignInName.objects.update_or_create(user=instance, defaults=name)
    except IntegrityError:
        if created:
            instance.delete()
        raise NameTaken from None


def _is_named(update_fields) -> bool:
    return update_fields is None or "username" in update_fields
