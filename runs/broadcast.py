"""Telling open browsers that something changed: group names and announcements, ids only. No models, no
templates.

An announcement is a hint that may get lost; the database is the truth."""

import asyncio
import logging
from concurrent.futures import Future

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)
_server_loop: asyncio.AbstractEventLoop | None = None


def workspace_group(workspace_id: int) -> str:
    return f"workspace.{workspace_id}"


def run_group(run_id: int) -> str:
    return f"run.{run_id}"


def use_server_loop(loop: asyncio.AbstractEventLoop | None) -> None:
    """Announce through this loop, the web server's or a worker's, from now on (None: none here).

    The in-memory layer belongs to that loop: what another thread puts into it directly lies there until the
    loop wakes for a different reason."""
    global _server_loop
    _server_loop = loop


def announce_run(*, run_id: int, workspace_id: int, event_id: int) -> None:
    """Say that this run changed. Never raises: the change itself is committed already."""
    message = {"type": "run.changed", "run_id": run_id, "event_id": event_id}
    try:
        if _server_loop is None:
            async_to_sync(_send)(message, workspace_id)
        else:
            sending = asyncio.run_coroutine_threadsafe(_send(message, workspace_id), _server_loop)
            sending.add_done_callback(_log_failure)
    except Exception:
        logger.exception("run %s changed, but the announcement failed", run_id)


async def _send(message: dict, workspace_id: int) -> None:
    layer = get_channel_layer()
    for group in (workspace_group(workspace_id), run_group(message["run_id"])):
        await layer.group_send(group, message)


def _log_failure(sending: Future) -> None:
    if not sending.cancelled() and (error := sending.exception()):
        logger.warning("an announcement was not sent", exc_info=error)
