"""Time that passes without waiting: everything we remember moves into the past."""

from datetime import timedelta

from django.db.models import DateTimeField, F

from runs.models import GigaAccount, Run


def let_pass(seconds: float) -> None:
    step = timedelta(seconds=seconds)
    for model in (Run, GigaAccount):
        moments = [field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)]
        model.objects.update(**{name: F(name) - step for name in moments})
    GigaAccount.objects.update(
        free_at=F("free_at") - seconds, launches_first_until=F("launches_first_until") - seconds
    )
