"""What pages remember for a person: which columns the runs list shows and how dense it is, and whether what
stands beside a run's desktop is folded."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from people.models import Membership, Preferences

# Status and title are what a row is.
COLUMNS: dict[str, str | Promise] = {
    "who": _("Who"),
    "template": _("Template"),
    "queue": _("Queue"),
    "start": _("Start"),
    "run": _("Run"),
    "left": _("Left"),
    "started": _("Started"),
    "tags": _("Tags"),
}
DENSITIES = ("compact", "comfortable")
LIST, RUN = "runs", "run"


def is_side_folded(user) -> bool:
    """Whether this person left only the desktop on the run page."""
    return _kept(user, RUN).get("side_folded") is True


def fold_side(user, is_folded: bool) -> None:
    _keep(user, RUN, {"side_folded": is_folded})


def _kept(user, page: str) -> dict:
    """As they left it. What is not understood any more counts as never chosen."""
    preferences = getattr(user, "preferences", None)
    kept = preferences.remembered.get(page) if preferences else None
    return kept if isinstance(kept, dict) else {}


def _keep(user, page: str, chosen: dict) -> None:
    preferences, _created = Preferences.objects.get_or_create(user=user)
    preferences.remembered[page] = chosen
    preferences.save(update_fields=["remembered"])


@dataclass(frozen=True)
class ListLook:
    """How the list looks to somebody. `hidden` names columns."""

    hidden: frozenset[str] = frozenset()
    density: str = "compact"

    @classmethod
    def of(cls, membership: Membership) -> "ListLook":
        """As they left it."""
        kept = _kept(membership.user, LIST)
        hidden = kept.get("hidden")
        density = kept.get("density")
        return cls(
            frozenset(COLUMNS) & frozenset(hidden if isinstance(hidden, list) else []),
            density if density in DENSITIES else "compact",
        )

    def keep(self, user) -> None:
        _keep(user, LIST, {"hidden": sorted(self.hidden), "density": self.density})

    @property
    def columns(self) -> list[tuple[str, str | Promise, bool]]:
        """Name, label and whether it is shown."""
        return [(name, label, name not in self.hidden) for name, label in COLUMNS.items()]
