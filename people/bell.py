"""Telling a person's open pages that who they are, or what they may, has changed. Only a bell: each page then
reads anew whether it may still be shown. Without it they would notice with their next heartbeat."""

import logging

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)


def person_group(user_id: int) -> str:
    return f"person.{user_id}"


def ring_for(user_id: int) -> None:
    """Ring as soon as what changed is committed. Never raises: the change itself stands."""
    transaction.on_commit(lambda: _ring(user_id))


def _ring(user_id: int) -> None:
    try:
        async_to_sync(get_channel_layer().group_send)(person_group(user_id), {"type": "person.changed"})
    except Exception:
        logger.exception("the pages of person %s could not be told of a change", user_id)
