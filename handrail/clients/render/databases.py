"""PostgreSQL instances on Render: whether one could be restored, were all else to fail.

Source: https://render.com/docs/postgresql-backups
"""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from handrail.clients.render.api import RenderApi
from handrail.clients.render.model import not_understood

# Inside Render a host is the bare id; from outside it goes on with region and domain.
INSTANCE = re.compile(r"(dpg-[0-9a-z]{20}-[a-z])(\.[a-z0-9-]+\.render\.com)?")
EXPORT_IS_FRESH = timedelta(days=1)


def instance_of(host: str) -> str | None:
    """Return the id of the instance that a host names; None where it is not one of Render's."""
    found = INSTANCE.fullmatch(host)
    return found[1] if found else None


class InstanceCalls(RenderApi):
    """Read what Render says of an instance."""

    def restorable(self, instance_id: str) -> str | None:
        """Return what an instance could be restored from; None where from nothing.

        Either to a moment of the last days, or from an export of the last day.

        Raises:
            ClientError: refused, or there is no such instance.
        """
        path = f"/postgres/{quote(instance_id, safe='')}"
        what = f"database `{instance_id}` could not be looked up"
        told = self.ask("GET", f"{path}/recovery", what).json()
        try:
            if told["recoveryStatus"] == "AVAILABLE":
                return f"to any moment since {told.get('startsAt', 'some days')}"
            newest = _newest(self.ask("GET", f"{path}/export", what).json())
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood("database", error) from None
        if datetime.now(UTC) - newest > EXPORT_IS_FRESH:
            return None
        return f"from an export of {newest:%Y-%m-%d %H:%M} UTC"


def _newest(exports: list[dict[str, str]]) -> datetime:
    """Return when the newest export was made that can be had; long ago where there is none."""
    made = (datetime.fromisoformat(each["createdAt"]) for each in exports if "url" in each)
    return max(made, default=datetime.min.replace(tzinfo=UTC))
