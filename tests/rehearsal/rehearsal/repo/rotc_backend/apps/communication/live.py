"""Reach the sockets a person has open, wherever they are connected."""

import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


def group_of(user_id: int) -> str:
    """Return the channel group of a person's sockets."""
    return f"user_{user_id}"


def push(user_id: int, row: dict[str, Any]) -> None:
    """Send a stored notification to a person's sockets; it is in their list either way."""
    event = {"type": "notification", "notification": dict(row)}
    try:
        async_to_sync(get_channel_layer().group_send)(group_of(user_id), event)
    except (RedisError, OSError) as error:
        log.warning("Notification %s was stored but not pushed: %s", row["id"], error)
