"""Django's Postgres, whose pool of connections tells a server that cannot be reached from one that has much
to do. By itself it keeps the reason, and lets whoever asks wait equally long for both."""

from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import PoolTimeout

# Each of them as long as the pool waits for a connection to be given back.
WAITS = 3


class Connection(psycopg.Connection):
    """`why_none`: why the last one could not be made; "" when it was."""

    why_none = ""

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> "Connection":
        try:
            made = super().connect(*args, **kwargs)
        except psycopg.Error as error:
            cls.why_none = str(error)
            raise
        cls.why_none = ""
        return made


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, settings_dict, *args, **kwargs):
        super().__init__(settings_dict, *args, **kwargs)
        settings_dict["OPTIONS"]["pool"]["connection_class"] = Connection

    def get_new_connection(self, conn_params):
        """Raises what the server or the network said where none can be made, and PoolTimeout, much later,
        where all are in use."""
        for _ in range(WAITS - 1):
            try:
                return super().get_new_connection(conn_params)
            except PoolTimeout:
                if Connection.why_none:
                    raise psycopg.OperationalError(Connection.why_none) from None
        return super().get_new_connection(conn_params)
