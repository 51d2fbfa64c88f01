"""What differs between two configurations: which fields, and which words of the texts. Pure functions of
plain values; no database, no HTML."""

from dataclasses import dataclass
from difflib import SequenceMatcher

import regex
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FIELDS = {
    "user_prompt": _("Task"),
    "goal_prompt": _("Done means"),
    "system_prompt": _("Rules for the agent"),
    "sandbox_template": _("Computer"),
    "duration_hours": _("Duration"),
    "deployment_id": _("Deployment id"),
}
# Comparing takes as long as the product of both lengths; beyond this a text counts as written anew.
MOST_COMPARISONS = 1_000_000
SAME_WORDS_SHOWN = 12


@dataclass(frozen=True)
class Part:
    """A stretch of text. `kind`: same, del or ins; `gap` where unchanged words are left out."""

    kind: str
    text: str


@dataclass(frozen=True)
class Change:
    label: str | Promise
    parts: list[Part]


def changes(before: dict, after: dict) -> list[Change]:
    """The fields that differ, in the order of the form, each with its words that went and came."""
    return [
        Change(label, word_diff(str(before.get(name) or ""), str(after.get(name) or "")))
        for name, label in FIELDS.items()
        if str(before.get(name) or "") != str(after.get(name) or "")
    ]


def word_diff(before: str, after: str) -> list[Part]:
    """Both texts as one: what stayed, what went, what came; long unchanged stretches are shortened."""
    old, new = _words(before), _words(after)
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    if len(middle_old) * len(middle_new) > MOST_COMPARISONS:
        steps = [("replace", 0, len(middle_old), 0, len(middle_new))]
    else:
        steps = SequenceMatcher(None, middle_old, middle_new).get_opcodes()
    parts = [Part("same", "".join(old[:start]))]
    for kind, a, b, c, d in steps:
        if kind == "equal":
            parts.append(Part("same", "".join(middle_old[a:b])))
        else:
            parts += [Part("del", "".join(middle_old[a:b])), Part("ins", "".join(middle_new[c:d]))]
    parts.append(Part("same", "".join(old[len(old) - end :])))
    return [short for part in parts if part.text for short in _shortened(part)]


def _words(text: str) -> list[str]:
    return regex.findall(r"\s+|(?:\w[\p{M}\u200c\u200d]*)+|\X", text)


def _shortened(part: Part) -> list[Part]:
    words = _words(part.text)
    if part.kind != "same" or len(words) <= 3 * SAME_WORDS_SHOWN:
        return [part]
    first, last = "".join(words[:SAME_WORDS_SHOWN]), "".join(words[-SAME_WORDS_SHOWN:])
    return [Part("same", first), Part("gap", "…"), Part("same", last)]
