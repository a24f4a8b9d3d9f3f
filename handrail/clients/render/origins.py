"""What a deploy was made of: of one that brought an earlier one back, that earlier one."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from handrail.clients.render.deploys import RECENT_SECONDS, DeployCalls
from handrail.clients.render.model import Deploy
from handrail.clients.render.telemetry import stamp

ROLLBACK = "rollback"
MARGIN = timedelta(minutes=1)  # a deploy starts a moment after, or before, its own time


class OriginCalls(DeployCalls):
    """Follow deploys that brought others back."""

    def origin(self, service_id: str, deploy: Deploy) -> str:
        """Return the id of the deploy whose build and variables a deploy runs with.

        Of one that was made in the ordinary way that is its own. Where Render tells no more which
        one was brought back, it is its own, too.

        Raises:
            ClientError: refused.

        Source: https://api-docs.render.com/reference/rollback-deploy
        """
        while deploy.trigger == ROLLBACK:
            target = self._brought_back(service_id, deploy)
            if not target:
                break
            deploy = self.deploy(service_id, target)
        return deploy.id

    def _brought_back(self, service_id: str, deploy: Deploy) -> str:
        """Return the id of the deploy that one brought back, as the service's events tell it."""
        began = (deploy.created_at or datetime.now(UTC) - timedelta(hours=1)) - MARGIN
        listed = self.remembered(
            f"/services/{quote(service_id, safe='')}/events",
            "event",
            f"events of {self.called(service_id)} could not be read",
            seconds=RECENT_SECONDS,
            params={"startTime": stamp(began), "type": ["deploy_started"]},
        )
        return next(filter(None, (_target(each, deploy.id) for each in listed)), "")


def _target(event: dict[str, Any], deploy_id: str) -> str:  # Any: JSON
    """Return which deploy an event says that one brings back; empty where it says nothing."""
    details = event.get("details") or {}
    if details.get("deployId") != deploy_id:
        return ""
    return str((details.get("trigger") or {}).get("rollbackTargetDeployId") or "")
