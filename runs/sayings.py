"""What is stored in English, told in the reader's language. Pure functions; no database, no HTML.

Histories keep whole sentences, as they were true when they were written. Those without values are translated
as they are; those with values are recognised by their form. A moment is kept as such, and told in the
reader's zone."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

FORMS = [
    gettext_noop("Run %(run)s"),
    gettext_noop("Session %(session)s"),
    gettext_noop("%(computer)s for %(hours)s h"),
    gettext_noop("Computer: %(state)s"),
    gettext_noop("Giga says “%(word)s”"),
    gettext_noop("No contact: %(problem)s"),
    gettext_noop("Session could not be read: %(problem)s"),
    gettext_noop("The answer was lost, and %(count)s readings showed that it never began."),
    gettext_noop("A person looked at Giga's side: it is run %(run)s."),
    gettext_noop("Giga gave a desktop address that is not shown: %(problem)s."),
    gettext_noop("Waiting for a free computer, place 1 in line: all of the plan are busy."),
    gettext_noop("Waiting for a free computer, place %(place)s in line."),
    gettext_noop("Giga cannot be reached since %(moment)s. Trying again by itself."),
    gettext_noop("Waiting for the rate limit of Giga, until %(moment)s."),
    gettext_noop("You asked Giga %(most)s times within a minute, which is the limit. Wait a moment."),
    gettext_noop("%(minutes)s min asked for"),
    gettext_noop("%(minutes)s min added, says Giga"),
    gettext_noop("%(minutes)s min were not asked for: it took too long"),
    gettext_noop("%(minutes)s min were not added: %(problem)s"),
    gettext_noop("Whether %(minutes)s min were added is not known: %(problem)s"),
    gettext_noop("%(problem)s. Trying again by itself."),
    gettext_noop("%(problem)s Launches wait until the key is replaced."),
    gettext_noop("Giga refuses this workspace's key: %(problem)s"),
    gettext_noop("Giga cannot be reached: %(problem)s"),
    gettext_noop("Giga's answer was lost: %(problem)s"),
    gettext_noop("Giga gave HTTP %(number)s without a reason"),
    gettext_noop("Giga answered HTTP %(number)s"),
    gettext_noop("Giga's answer holds no usable %(name)s"),
    gettext_noop(
        "Launches wait: the data folder has %(number)s MB free, and 500 MB are needed. Watching goes on."
    ),
    gettext_noop("Works: Giga answered in %(ms)s ms."),
    gettext_noop("Works: %(left)s of %(all)s requests left, %(ms)s ms."),
    gettext_noop("no complete answer within %(time)s s"),
    gettext_noop("no connection within %(time)s s"),
    gettext_noop("it is longer than %(number)s characters"),
    gettext_noop("its scheme is %(word)s, only https and wss are shown"),
    gettext_noop("%(word)s is not encrypted, and the host is not this machine"),
]
# Told as they are, by those who know no languages: what went wrong with Giga, its network and its addresses.
WHOLE = [
    gettext_noop("Giga did not say whether it extended"),
    gettext_noop("Giga gave an answer that is not what its API documents"),
    gettext_noop("Giga has not created this session yet."),
    gettext_noop("Giga's answer holds no list of files"),
    gettext_noop("Giga's answer holds no thread"),
    gettext_noop("Giga's answer names no status"),
    gettext_noop("It belongs to another Giga than the one connected now."),
    gettext_noop("connection refused"),
    gettext_noop("it cannot be read as an address"),
    gettext_noop("its host cannot be read"),
    gettext_noop("it leads into a network that is not public"),
    gettext_noop("it carries user information"),
    gettext_noop("it has no scheme"),
    gettext_noop("it holds characters that do not belong in an address"),
    gettext_noop("it is larger than 1 MB"),
    gettext_noop("it is not a text"),
    gettext_noop("it names no host"),
    gettext_noop("it points at the dashboard itself"),
    gettext_noop("it points at the dashboard's own machine"),
    gettext_noop("it was sealed with a key that is gone"),
    gettext_noop("its certificate is not accepted"),
    gettext_noop("its name is not known"),
    gettext_noop("no connection"),
    gettext_noop("the connection broke off"),
    gettext_noop("this machine has no free thread"),
]
# What Giga calls the states of a computer, and those who speak in a conversation.
STATES = [
    gettext_noop("initializing"),
    gettext_noop("ready"),
    gettext_noop("restored"),
    gettext_noop("failed"),
]
ROLES = [gettext_noop("user"), gettext_noop("assistant"), gettext_noop("system"), gettext_noop("tool")]
# Sentences in three or four words, for a row in which the title needs the room.
BRIEFS = {
    "%(problem)s Launches wait until the key is replaced.": gettext_noop("key refused"),
    "%(problem)s. Trying again by itself.": gettext_noop("tried again by itself"),
    "A person looked at Giga's side: it never began.": gettext_noop("never began"),
    "Giga cannot be reached since %(moment)s. Trying again by itself.": gettext_noop("Giga not reached"),
    "Giga does not know this run any more.": gettext_noop("unknown to Giga"),
    "Giga says that it ended with an error, and not which.": gettext_noop("error not named"),
    "Giga's answer was lost: %(problem)s": gettext_noop("answer lost"),
    "Giga's platform failed.": gettext_noop("Giga's platform failed"),
    "It was a run of the demo, whose simulated Giga is gone.": gettext_noop("the demo is over"),
    "Its session tells no status, and its paid time is long over.": gettext_noop("outcome not stated"),
    "Launches wait: the data folder has %(number)s MB free, and 500 MB are needed. Watching goes on.": (
        gettext_noop("the disk is full")
    ),
    "No contact until long after its time was over.": gettext_noop("no contact"),
    "Nobody could tell whether it began, and its time is long over.": gettext_noop("nobody could tell"),
    "The agent crashed, often for lack of memory.": gettext_noop("agent crashed"),
    "The agent was interrupted.": gettext_noop("agent interrupted"),
    "The answer was lost, and %(count)s readings showed that it never began.": gettext_noop("never began"),
    "The computer could not be provided.": gettext_noop("no computer given"),
    "This workspace has no Giga key yet.": gettext_noop("no Giga key yet"),
    "This workspace's Giga key cannot be opened with the encryption keys of this start.": (
        gettext_noop("key cannot be opened")
    ),
    "Waiting for a free computer, place %(place)s in line.": gettext_noop("place %(place)s in line"),
    "Waiting for a free computer, place 1 in line: all of the plan are busy.": (
        gettext_noop("place 1 in line")
    ),
    "Waiting for the rate limit of Giga.": gettext_noop("waits for requests"),
    "Waiting for the rate limit of Giga, until %(moment)s.": gettext_noop("rate limit until %(moment)s"),
    "Waiting for the rate limit: 60 requests a minute for one key.": gettext_noop("waits for requests"),
}


@dataclass(frozen=True)
class Counted:
    """A sentence with a number that decides between one and many: `form` gives it for that of `name`."""

    name: str
    form: Callable[[int], str]

    def stored(self, **values) -> str:
        """In English, as it is kept."""
        with translation.override("en"):
            return self.form(values[self.name]) % values


ACTIVE_AT_ONCE = Counted(
    "number",
    lambda number: ngettext(
        "Waiting: this workspace may have %(number)s run active at once.",
        "Waiting: this workspace may have %(number)s runs active at once.",
        number,
    ),
)
LAUNCHED_BY_YOU = Counted(
    "most",
    lambda most: ngettext(
        "You launched %(most)s run within a minute, which is the limit. Wait a moment.",
        "You launched %(most)s runs within a minute, which is the limit. Wait a moment.",
        most,
    ),
)
LAUNCHED_HERE = Counted(
    "most",
    lambda most: ngettext(
        "This workspace launched %(most)s run within a minute, which is the limit. Wait a moment.",
        "This workspace launched %(most)s runs within a minute, which is the limit. Wait a moment.",
        most,
    ),
)
HOURS_USED = Counted(
    "most",
    lambda most: ngettext(
        "%(used)s of %(most)s run-hour of the last 24 hours is used: this one does not fit.",
        "%(used)s of %(most)s run-hours of the last 24 hours are used: this one does not fit.",
        most,
    ),
)
COUNTED = [ACTIVE_AT_ONCE, LAUNCHED_BY_YOU, LAUNCHED_HERE, HOURS_USED]
_VALUE = re.compile(r"%\((\w+)\)s")


def _recogniser(form: str) -> re.Pattern:
    texts_and_names = _VALUE.split(form)
    pattern = "".join(
        f"(?P<{part}>.+?)" if number % 2 else re.escape(part) for number, part in enumerate(texts_and_names)
    )
    return re.compile(pattern, re.DOTALL)


def _fixed_letters(form: str) -> int:
    return len(_VALUE.sub("", form))


# A sentence that says much is not taken for a value of one that says little.
_RECOGNISERS = [(_recogniser(form), form) for form in sorted(FORMS, key=_fixed_letters, reverse=True)]


@cache
def _recognisers_of_counted() -> list[tuple[re.Pattern, Counted]]:
    """Made when they are needed first: languages are not ready before."""
    with translation.override("en"):
        return [(_recogniser(one.form(number)), one) for one in COUNTED for number in (1, 2)]


def told(text: str) -> str:
    """A stored sentence of ours in the reader's language; what is not one of ours comes back as it is. A
    problem that a sentence tells of is a sentence itself."""
    if not text:
        return ""
    if found := _counted(text):
        counted, values = found
        return counted.form(int(values[counted.name])) % values
    form, values = form_of(text)
    return _(form) % values if values else _(form)


def brief(text: str) -> str:
    """The gist of a stored sentence in three or four words, in the reader's language. What is not one of ours
    comes back as it is."""
    if _counted(text):
        return _("limit of the workspace")
    form, values = form_of(text)
    return _(BRIEFS[form]) % values if form in BRIEFS else told(text)


def word(said: str, known: list[str]) -> str:
    """A word of Giga's in the reader's language, however it is spelled; one that is not known as it is."""
    return _(said.strip().lower()) if said.strip().lower() in known else said


def form_of(text: str) -> tuple[str, dict[str, str]]:
    """The form of a stored sentence, and what it is filled in with, ready to be told; a text without one is
    its own."""
    for recogniser, form in _RECOGNISERS:
        if found := recogniser.fullmatch(text):
            values = found.groupdict()
            if "problem" in values:
                values["problem"] = told(values["problem"])
            if "state" in values:
                values["state"] = word(values["state"], STATES)
            if "moment" in values:
                values["moment"] = _clock(values["moment"])
            return form, values
    return text, {}


def _counted(text: str) -> tuple[Counted, dict[str, str]] | None:
    for recogniser, counted in _recognisers_of_counted():
        found = recogniser.fullmatch(text)
        if found and found[counted.name].isdecimal():
            return counted, found.groupdict()
    return None


def clock(at: datetime, form: str = "%H:%M") -> str:
    """The time of day in the reader's zone, `10:46`; when it is not of today the day, too: `24 Nov 10:46`,
    and of another year `24 Nov 2025 10:46`."""
    local, today = timezone.localtime(at), timezone.localdate()
    if local.date() == today:
        return local.strftime(form)
    if local.year == today.year:
        return date_format(local, "SHORT_DATETIME_FORMAT")
    return f"{date_format(local, 'SHORT_DATE_FORMAT')} {local:%H:%M}"


def _clock(moment: str) -> str:
    try:
        return clock(datetime.fromisoformat(moment))
    except ValueError:
        return moment  # as it was stored before moments were kept
