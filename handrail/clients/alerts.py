"""Tell people outside, through a webhook."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from handrail.clients.errors import ClientError
from handrail.clients.http import Http
from handrail.clients.secret import Secret
from handrail.clients.urls import halves, leads_to_host

TIMEOUT_SECONDS = 10.0
SUCCESS = range(200, 300)


def base_and_path(url: Secret, what: str, fix: str) -> tuple[str, str]:
    """Return the two halves of an address that is a secret itself: its base, its path and query.

    Args:
        url: Full URL.
        what: What did not happen where it is none; a whole clause, without the address.
        fix: What to do then.

    Raises:
        ClientError: it is no HTTP address.
    """
    address = url.reveal()
    if not leads_to_host(address, ("http", "https")):
        raise ClientError(what, "it is not an HTTP address", fix)
    return halves(address)


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

    def send(self, alert: Mapping[str, Any], noun: str = "alert") -> None:  # Any: JSON
        """Post something once; what may have arrived is not posted again.

        Args:
            alert: What is told.
            noun: What it is called where it was not taken.

        Raises:
            ClientError: refused, or unreachable.
        """
        name = self.url.called("the given address")
        what = f"the {noun} to {name} was not delivered"
        fix = f"put a valid https URL into {name}"
        base, path = base_and_path(self.url, what, fix)
        http = Http(base, timeout_seconds=TIMEOUT_SECONDS)
        answer = http.post(path, body=dict(alert), shown=f"POST {http.host}")
        if answer.status not in SUCCESS:
            raise ClientError(what, f"{http.host} answered {answer.status}", fix)
