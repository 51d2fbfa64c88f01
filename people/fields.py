"""Fields for what a person writes. What shows nothing is as good as nothing, as white space is."""

import unicodedata

from django import forms

from people.names import visible
from people.texts import is_blank


class Text(forms.CharField):
    """A text, kept as it was typed."""

    def to_python(self, value):
        text = super().to_python(value)
        return self.empty_value if is_blank(text) else text


class Label(Text):
    """A short name for a thing, on one line: without what nobody sees, and one way to write each letter."""

    def to_python(self, value):
        words = " ".join(super().to_python(value).split())
        return " ".join(visible(unicodedata.normalize("NFC", words)).split())
