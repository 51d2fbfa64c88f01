"""Whether the data folder has room to launch: the answer of a call that costs money must be storable. No
models."""

import shutil

from django.conf import settings
from django.db import connection

NEEDED_BYTES = 500 * 1024 * 1024


def lack_of_room() -> str:
    """Why nothing can be launched now, or "". Only SQLite lives in the data folder."""
    if connection.vendor != "sqlite":
        return ""
    free = shutil.disk_usage(settings.DATA).free
    if free >= NEEDED_BYTES:
        return ""
    room = f"the data folder has {free // 1024**2} MB free, and 500 MB are needed"
    return f"Launches wait: {room}. Watching goes on."
