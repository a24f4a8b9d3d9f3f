"""Tell people outside, through a webhook."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from handrail.clients.errors import ClientError
from handrail.clients.http import Http
from handrail.clients.secret import Secret

TIMEOUT_SECONDS = 10.0
SUCCESS = range(200, 300)


@dataclass(frozen=True)
class Webhook:
    """An address that takes a JSON alert; whoever knows it may post, so it is a secret.

    Args:
        url: Full URL.
    """

    url: Secret

    @classmethod
    def from_inventory(cls, value: object) -> Self:
        """Take ``env:NAME`` or ``file:PATH``.

        Raises:
            ClientError: it is written out instead of named.
        """
        return value if isinstance(value, cls) else cls(Secret.from_inventory(value))

    def send(self, alert: Mapping[str, Any]) -> None:  # Any: JSON
        """Post an alert once; an alert that may have arrived is not posted again.

        Raises:
            ClientError: refused, or unreachable.
        """
        name = f"`{self.url.reference}`" if self.url.reference else "the given address"
        what = f"the alert to {name} was not delivered"
        fix = f"put a valid https URL into {name}"
        try:
            parts = urlsplit(self.url.reveal())
            base = f"{parts.scheme}://{parts.netloc}"
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise ClientError(what, "it is not an HTTP address", fix)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        http = Http(base, timeout_seconds=TIMEOUT_SECONDS)
        answer = http.post(path, body=dict(alert), shown=f"POST {http.host}")
        if answer.status not in SUCCESS:
            raise ClientError(what, f"{http.host} answered {answer.status}", fix)
