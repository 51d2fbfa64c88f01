"""Examples with which a new workspace tries itself: `/runs/new/?example=<slug>` fills the form with one.
Declarations only."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Example:
    slug: str
    title: str | Promise
    minutes: int
    icon: str
    user_prompt: str | Promise
    goal_prompt: str | Promise
    system_prompt: str | Promise = ""


EXAMPLES = [
    Example(
        "invoices",
        _("Download the invoices of last month"),
        2,
        "file-text",
        _("Log in to the supplier portal and download every invoice of last month as a PDF."),
        _("All PDFs are in ~/invoices, and their total stands in totals.txt."),
        _("Do not pay anything. Ask before you change a setting."),
    ),
    Example(
        "flights",
        _("Find three direct flights to Lisbon"),
        3,
        "search",
        _("Find three direct flights to Lisbon next Friday, and back on Sunday. Compare prices and times."),
        _("Three flights with airline, times and price are in flights.txt."),
        _("Do not book anything."),
    ),
    Example(
        "fails",
        _("A run that fails, to see how that looks"),
        1,
        "triangle-alert",
        _("Open the archive that is not there. [scenario:fails]"),
        _("This run ends with an error, on purpose."),
    ),
]
EXAMPLE_BY_SLUG = {example.slug: example for example in EXAMPLES}
