"""The socket over which a person's notifications arrive."""

from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from apps.accounts.authentication import bearer_of
from apps.accounts.views import card
from apps.communication.live import group_of

UNAUTHORIZED = 4401  # codes from 4000 on are free for applications; browsers see no HTTP status


class NotificationConsumer(AsyncJsonWebsocketConsumer):
    """Welcome whoever brings a valid token, then pass on what is pushed to them."""

    group = ""

    async def connect(self) -> None:
        """Accept the socket, and close it at once if its token does not hold.

        A socket refused before it is accepted shows the browser a failed handshake without a
        reason, so it is accepted first.
        """
        await self.accept()
        query = parse_qs(self.scope["query_string"].decode())
        user = await database_sync_to_async(bearer_of)(query.get("token", [""])[0])
        if user is None:
            await self.close(UNAUTHORIZED)
            return
        self.group = group_of(user.pk)
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.send_json({"type": "welcome", "user": card(user)})

    async def disconnect(self, _code: int) -> None:
        """Leave the group, if it was ever joined."""
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def notification(self, event: dict[str, Any]) -> None:
        """Pass on one notification."""
        await self.send_json({"type": "notification", "notification": event["notification"]})
