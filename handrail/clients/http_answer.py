"""What a server answered."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from handrail.clients import masking
from handrail.clients.errors import ClientError
from handrail.clients.masking import SHORTEST
from handrail.clients.places import found

# More of an error body than this helps nobody at 2 a.m.
MESSAGE_LENGTH = 300


@dataclass(frozen=True)
class Answer:
    """What a server said, whatever it said.

    Args:
        status: HTTP status.
        headers: Looked up without regard to case.
        body_text: Body as UTF-8; never shown by itself, since it may hold what must not be shown.
        seconds: From the request to the last byte of the answer.
        place: Method, host and path it came from; no query.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body_text: str = field(repr=False)
    seconds: float
    place: str

    def json(self) -> Any:  # Any: whatever JSON the server sent
        """Return the body as data.

        Raises:
            ClientError: it is not JSON.
        """
        try:
            return json.loads(self.body_text)
        except ValueError:
            kind = self.headers.get("Content-Type", "no content type")
            raise ClientError(
                f"the answer of {self.place} could not be read",
                f"status {self.status} with {kind} that is not JSON",
                "open that address in a browser: something else than the API may be answering",
            ) from None

    def message(self, *, hide: Iterable[str] = ()) -> str:
        """Return what a JSON error body says, or an empty text; one line, cut to fit.

        Args:
            hide: Values of the request that it may repeat; short ones are no secrets elsewhere.
        """
        text = self._said()
        for value in sorted(hide, key=len, reverse=True):
            if len(value) >= SHORTEST:
                masking.hide(value, made=True)
                text = text.replace(value, masking.WITHHELD)
        # Before it is cut: a cut would leave the beginning of a secret behind.
        return " ".join(masking.masked(text).split())[:MESSAGE_LENGTH]

    def _said(self) -> str:
        try:
            body = json.loads(self.body_text)
        except ValueError:
            return ""
        said = found(body, "message") or found(body, "error")
        return str((found(said, "message") if isinstance(said, dict) else said) or "")
