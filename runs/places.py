"""The pages there are to go to, once for the side bar, the palette and the list of keys. No models."""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Place:
    """A page of the side bar; `keys` go there."""

    name: str
    label: Promise
    icon: str
    keys: str = ""

    @property
    def url(self) -> str:
        """Its address, or "" where this instance has no such page."""
        try:
            return reverse(self.name)
        except NoReverseMatch:
            return ""


PLACES = [
    Place("run-list", _("Runs"), "list", "g r"),
    Place("session-list", _("Sessions"), "messages-square", "g s"),
    Place("wall", _("Wall"), "layout-grid", "g w"),
    Place("team", _("Team"), "users", "g t"),
]
ADMIN = Place("admin:index", _("Admin"), "settings")


def places_for(user) -> list[Place]:
    """The pages there are for this person, in the order of the side bar."""
    return [place for place in [*PLACES, *([ADMIN] if user.is_superuser else [])] if place.url]
