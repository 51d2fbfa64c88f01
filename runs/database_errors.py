"""What an error of the database means for whoever asked it something. Knows SQLite's codes and Postgres's
states; no models, no queries."""

from collections.abc import Iterator
from enum import Enum

from django.db import DatabaseError, InterfaceError, OperationalError


class Trouble(Enum):
    """It has other things to do, and a moment later all is well; it cannot be reached or used; what it holds
    is broken."""

    BUSY = "busy"
    AWAY = "away"
    DAMAGED = "damaged"


# sqlite.org/rescode.html: the lowest byte says what it is. The rest, such as a statement that is wrong, are
# faults of ours.
OF_SQLITE = {
    5: Trouble.BUSY,  # BUSY
    6: Trouble.BUSY,  # LOCKED
    8: Trouble.AWAY,  # READONLY
    9: Trouble.BUSY,  # INTERRUPT
    10: Trouble.AWAY,  # IOERR
    11: Trouble.DAMAGED,  # CORRUPT
    13: Trouble.AWAY,  # FULL
    14: Trouble.AWAY,  # CANTOPEN
    15: Trouble.BUSY,  # PROTOCOL: a race for the locks
    26: Trouble.DAMAGED,  # NOTADB
}
# Of Postgres, the longest beginning of a state that is here. What its client says by itself has no state.
OF_POSTGRES = {
    "08": Trouble.AWAY,  # connection
    "25006": Trouble.AWAY,  # read-only
    "25P03": Trouble.BUSY,  # idle in a transaction for too long
    "28": Trouble.AWAY,  # who we are is not believed
    "3D000": Trouble.AWAY,  # no such database
    "40": Trouble.BUSY,  # serialization, deadlock
    "42501": Trouble.AWAY,  # what is there belongs to another user
    "53": Trouble.AWAY,  # disk, memory or connections run out
    "55P03": Trouble.BUSY,  # lock_timeout
    "57": Trouble.AWAY,  # it shuts down, or starts
    "57014": Trouble.BUSY,  # statement_timeout
    "58": Trouble.AWAY,  # its own disk
    "XX001": Trouble.DAMAGED,
    "XX002": Trouble.DAMAGED,
}


def trouble_of(error: BaseException | None) -> Trouble | None:
    """What is wrong with the database, where this error, or one it came from, says so; None where it is
    something else."""
    return next((trouble for found in chain(error) if (trouble := _own_trouble(found))), None)


def reason_of(error: BaseException) -> str:
    """What the database said, in a line. It names a server at most, never a password."""
    said = next((str(found) for found in chain(error) if _own_trouble(found)), str(error))
    return " ".join(said.split("\n", 1)[0].split()).rstrip(".:")


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """This error and those it came from."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _own_trouble(error: BaseException) -> Trouble | None:
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return OF_SQLITE.get(code & 0xFF)
    if type(cause).__name__ == "PoolTimeout":  # all connections are in use
        return Trouble.BUSY
    state = getattr(cause, "sqlstate", None)
    if state:
        return next((OF_POSTGRES[state[:n]] for n in range(5, 1, -1) if state[:n] in OF_POSTGRES), None)
    return Trouble.AWAY if isinstance(error, OperationalError | InterfaceError) else None
