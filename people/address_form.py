"""What an address asks a page for. What of it cannot be read is left out of what is asked for, and said: else
a mistyped filter means everything."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from people.texts import is_blank, shortened

MAX_SHOWN = 60


@dataclass(frozen=True)
class Unread:
    """A part of an address in words, and the address without it."""

    words: str
    query: str

    def __str__(self):
        return self.words


class AddressForm(forms.Form):
    """`asked` is what could be read, empty values left out. `unread` holds the other names with their values:
    of no field, with a value that is none or that nobody sees, or given several values."""

    def __init__(self, query: MultiValueDict):
        super().__init__(query)
        self.full_clean()
        values = {name: list(dict.fromkeys(filter(str.strip, query.getlist(name)))) for name in query}
        self.unread = {
            name: values[name]
            for name in values
            if name not in self.fields
            or name in self.errors
            or len(values[name]) > 1
            or any(map(is_blank, values[name]))
        }
        self.asked: dict[str, Any] = {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in self.unread and value not in (None, "")
        }

    @property
    def unread_parts(self) -> list[Unread]:
        """Each with a way out of it."""
        sent = dict(self.data.lists())
        return [
            Unread(
                shortened(" ".join(f"{name}={value}" for value in values or [""]), MAX_SHOWN),
                "?" + urlencode({other: sent[other] for other in sent if other != name}, doseq=True),
            )
            for name, values in self.unread.items()
        ]

    @property
    def refusal(self) -> str:
        """Why nothing is done to all that this address asks for, "" when it could be read whole."""
        parts = ", ".join(part.words for part in self.unread_parts)
        why = _(
            "Nothing was done: this part of the address is not understood: %(parts)s. Take it away first."
        )
        return why % {"parts": parts} if parts else ""

    def with_unread(self, query: str) -> str:
        """This address of what could be read, with the rest as it came: who sends it on hears of it again."""
        rest = urlencode({name: values or [""] for name, values in self.unread.items()}, doseq=True)
        return f"{query}{'&' if len(query) > 1 else ''}{rest}" if rest else query
