"""Files of any length: made piece by piece while they are fetched, so that they need no memory, and one at a
time for each person. What they hold is for others to say."""

import logging
import uuid
from collections.abc import Iterator

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connections
from django.http import StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from people.models import Membership, membership_of

logger = logging.getLogger(__name__)

# So long after its last piece an export is taken for left, by a process that died or a reader who waits.
LEFT_AFTER_S = 60
Piece = str | bytes


class Taken(Exception):
    """Nobody fetched this export for long, and its person began another one."""


class NotTheirs(Exception):
    """Whoever fetches this export works elsewhere by now, or has another role."""


class BrokenOff(Exception):
    """The rest of an export does not come: its last piece said so, and the log why."""


def under_way(request):
    """The answer to whoever has an export already."""
    return render(request, "people/export_under_way.html", status=429)


def streamed(
    membership: Membership, slot: "Slot", pieces: Iterator[Piece], *, name: str, media: str
) -> StreamingHttpResponse:
    """A download of these pieces, for this member, for whom the slot was taken. They are made one after the
    other, each when the one before it is on its way, and may read the database. When making one fails, or the
    member is none any more, the last one says so, and the connection is hung up on: nobody takes the file for
    whole."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        # Said, so that nobody compresses it: Django does so piece by piece, and Chromium reads the first.
        "Content-Encoding": "identity",
    }
    pieces = _while_theirs(pieces, membership)
    return StreamingHttpResponse(Pieces(pieces, slot), content_type=media, headers=headers)


def _while_theirs(pieces: Iterator[Piece], membership: Membership) -> Iterator[Piece]:
    """Asked behind the last one, too: rows that its reader may not see any more look like an end."""
    for piece in pieces:
        _must_be_theirs(membership)
        yield piece
    _must_be_theirs(membership)


def _must_be_theirs(membership: Membership) -> None:
    user = get_user_model().objects.filter(pk=membership.user_id).first()
    now = user and membership_of(user)
    if not now or (now.pk, now.role) != (membership.pk, membership.role):
        raise NotTheirs


class Slot:
    """The one export of a person, held in the cache that all processes share."""

    def __init__(self, name: str):
        self.name, self.token = name, uuid.uuid4().hex

    @classmethod
    def of(cls, user) -> "Slot":
        return cls(f"export:{user.pk}")

    def take(self) -> bool:
        return cache.add(self.name, self.token, LEFT_AFTER_S)

    def keep(self) -> None:
        """Hold it for a while longer. Raises Taken where somebody else does."""
        if cache.get(self.name) == self.token:
            cache.set(self.name, self.token, LEFT_AFTER_S)
        elif not self.take():
            raise Taken

    def give_back(self) -> None:
        if cache.get(self.name) == self.token:
            cache.delete(self.name)


class Pieces:
    """What Django sends: asks for each piece on the thread of the request, and closes this when all is sent,
    when the reader went away, and when nothing was sent at all."""

    def __init__(self, pieces: Iterator[Piece], slot: Slot):
        self.pieces, self.slot = pieces, slot
        self.notice = "\n" + _("This export is not whole: it broke off here.") + "\n"
        self.is_broken = False

    def __aiter__(self):
        return self

    async def __anext__(self) -> Piece:
        piece = await sync_to_async(self._next)()
        if piece is None:
            raise StopAsyncIteration
        return piece

    def _next(self) -> Piece | None:
        if self.is_broken:
            raise BrokenOff
        try:
            self.slot.keep()
            piece = next(self.pieces, None)
            if piece is None:
                self.slot.give_back()  # before its reader sees the end, and may fetch the next one
            return piece
        except (Taken, NotTheirs) as reason:
            logger.info("An export broke off: %s", reason.__doc__)
            return self._break_off()
        except Exception:
            logger.exception("An export broke off")
            return self._break_off()
        finally:
            _let_go_of_database()

    def _break_off(self) -> str:
        self.is_broken = True
        self.slot.give_back()  # Django does not close what breaks
        return self.notice

    def close(self) -> None:
        self.slot.give_back()


def _let_go_of_database() -> None:
    """Others may have the connection until the next piece, for which the reader takes time. One that somebody
    else's transaction is open on is theirs."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
