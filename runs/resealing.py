"""Sealing everything anew under the newest encryption key. Each row is one conditional UPDATE: it can be
stopped anywhere, goes on where it stopped, and never overwrites what was written meanwhile. No HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import models

from runs.crash import crash_point
from runs.models import GigaAccount, Run
from runs.sealed import Unreadable, seal, unseal

SECOND_FACTOR = "second_factor"


@dataclass(frozen=True)
class Sealed:
    """A column of sealed texts, and the place each of its rows is bound to."""

    model: type[models.Model]
    field: str
    place: Callable[[models.Model], str]


COLUMNS = [
    Sealed(GigaAccount, "sealed_api_key", lambda account: f"giga_account:{account.workspace_id}:api_key"),
    Sealed(Run, "sealed_desktop_url", lambda run: f"run:{run.pk}:desktop_url"),
    Sealed(Run, "sealed_public_token", lambda run: f"run:{run.pk}:public_token"),
]


# Of second factors there are some for each person.
FACTORS_LOOKED_AT = 100


def what_cannot_be_opened() -> Iterator[str]:
    """Of the Giga keys and the newest second factors, what the encryption keys at hand do not open. Addresses
    of desktops are left out: they are of no use after a day."""
    column = COLUMNS[0]
    sealed = [
        (getattr(row, column.field), column.place(row))
        for row in column.model.objects.only(column.field, "workspace")
    ]
    for factor in Authenticator.objects.order_by("-pk")[:FACTORS_LOOKED_AT]:
        sealed.append((factor.data.get(_secret_of(factor), ""), SECOND_FACTOR))
    for text, place in sealed:
        try:
            unseal(text, place=place)
        except Unreadable as error:
            yield str(error)


def newest_key_id() -> str:
    return settings.ENCRYPTION_KEYS[0].split(":", 1)[0]


def reseal_all() -> Iterator[str | None]:
    """Goes through all that is sealed under an older key: None for a row sealed anew, else what could not be
    opened."""
    for column in COLUMNS:
        yield from _reseal_column(column)
    yield from _reseal_second_factors()


def _reseal_column(column: Sealed) -> Iterator[str | None]:
    old = column.model.objects.exclude(**{column.field: ""}).exclude(
        **{f"{column.field}__startswith": f"v1:{newest_key_id()}:"}
    )
    for row in old.order_by("pk").iterator(chunk_size=200):
        sealed, place = getattr(row, column.field), column.place(row)
        try:
            anew = seal(unseal(sealed, place=place), place=place)
        except Unreadable as error:
            yield str(error)
            continue
        column.model.objects.filter(pk=row.pk, **{column.field: sealed}).update(**{column.field: anew})
        crash_point("row_resealed")
        yield None


def _reseal_second_factors() -> Iterator[str | None]:
    """allauth keeps the sealed seed of an app, or of recovery codes, inside a JSON column."""
    for factor in Authenticator.objects.order_by("pk").iterator(chunk_size=200):
        name = _secret_of(factor)
        if not name or factor.data[name].startswith(f"v1:{newest_key_id()}:"):
            continue
        try:
            anew = seal(unseal(factor.data[name], place=SECOND_FACTOR), place=SECOND_FACTOR)
        except Unreadable as error:
            yield str(error)
            continue
        data = {**factor.data, name: anew}
        Authenticator.objects.filter(pk=factor.pk, data=factor.data).update(data=data)
        crash_point("row_resealed")
        yield None


def _secret_of(factor: Authenticator) -> str:
    """Where in its data the seed is; "" for a passkey, which has none."""
    return next((name for name in ("secret", "seed") if name in factor.data), "")
