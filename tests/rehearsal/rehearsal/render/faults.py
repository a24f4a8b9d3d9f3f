"""Faults that tests ask for: the next answers of a call go wrong in a chosen way."""

import asyncio
import fnmatch
import json
from dataclasses import dataclass, field
from typing import Any

from rehearsal.render.answers import ApiError
from rehearsal.render.records import Json
from rehearsal.wire import Answer, Handler, HungUpError, Request

KEYS = {"method", "path", "times", "status", "body", "headers", "merge", "delay_seconds", "drop",
        "after"}  # fmt: skip


@dataclass
class Fault:
    """One fault. With ``after`` the call is carried out first and only its answer is distorted.

    Args:
        method: ``GET``, ``POST`` … or ``*``.
        path: Pattern with ``*``, such as ``/services/*/deploys``.
        times: How many calls it meets.
        status: Status to answer with instead.
        body: Body to answer with; text is sent as it is, anything else as JSON.
        merge: Fields written over the real answer's own (a lone object, or each of a list).
        delay_seconds: How long the answer is held back.
        drop: Close the connection instead of answering.
    """

    method: str = "*"
    path: str = "*"
    times: int = 1
    status: int | None = None
    body: Any = None  # Any: JSON
    headers: dict[str, str] = field(default_factory=dict)
    merge: Json | None = None
    delay_seconds: float = 0.0
    drop: bool = False
    after: bool = False

    @classmethod
    def of(cls, given: Json) -> "Fault":
        """Take a fault as a test sends it; a misspelt key is refused, not ignored."""
        unknown = set(given) - KEYS
        if unknown:
            raise ApiError(400, f"unknown fault keys: {', '.join(sorted(unknown))}")
        return cls(**given)

    def meets(self, request: Request) -> bool:
        """Say whether this call is the one."""
        return (
            self.times > 0
            and self.method in {"*", request.method}
            and fnmatch.fnmatchcase(request.path, self.path)
        )

    async def apply(self, request: Request, handler: Handler) -> Answer:
        """Answer wrongly."""
        self.times -= 1
        real = await handler(request) if self.after or self.merge else None
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        if self.drop:
            raise HungUpError
        if real is not None and self.merge:
            return self._merged(real)
        if real is None and self.status is None and self.body is None:
            return await handler(request)  # a delay alone
        status = self.status or (real.status if real else 200)
        if isinstance(self.body, str) or self.body is None:
            answer = Answer(status, (self.body or "").encode(), {})
            if self.body:
                answer.headers["Content-Type"] = "text/html; charset=utf-8"
        else:
            answer = Answer.of(self.body, status)
        answer.headers |= self.headers
        return answer

    def _merged(self, real: Answer) -> Answer:
        value = json.loads(real.body) if real.body else {}
        for row in value if isinstance(value, list) else [value]:
            inner = [part for part in row.values() if isinstance(part, dict)]
            target = inner[0] if "cursor" in row and inner else row
            target |= self.merge or {}
        return Answer.of(value, self.status or real.status)
