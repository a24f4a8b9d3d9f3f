"""Faults that tests ask for: the next answers of a call go wrong in a chosen way."""

import asyncio
import fnmatch
import json
from dataclasses import dataclass, field
from typing import Any

from rehearsal.render.answers import ApiError
from rehearsal.render.identity import CLOCK
from rehearsal.render.records import Json
from rehearsal.render.troubles import Trouble
from rehearsal.render.workspace import Workspace
from rehearsal.wire import Answer, Handler, HungUpError, Request

KEYS = {"method", "path", "times", "status", "body", "headers", "merge", "delay_seconds", "drop",
        "after", "cut", "stale"}  # fmt: skip


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
        cut: Close the connection in the middle of the answer.
        stale: Answer a read, after a write, with what was read before it.
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
    cut: bool = False
    stale: bool = False
    seen: dict[str, bytes] = field(default_factory=dict)  # what was read before a write
    written: bool = False

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
        if self.stale:
            return await self._earlier(request, handler)
        self.times -= 1
        if self.cut:
            answer = await handler(request)
            answer.cut = True
            return answer
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

    async def _earlier(self, request: Request, handler: Handler) -> Answer:
        """Answer as before the last write, where that was read."""
        real, read = await handler(request), f"{request.path}?{sorted(request.query.items())}"
        if request.method != "GET":
            self.written = True
        elif self.written and read in self.seen:
            self.times -= 1
            real.body = self.seen[read]
        else:
            self.seen[read] = real.body
        return real

    def _merged(self, real: Answer) -> Answer:
        value = json.loads(real.body) if real.body else {}
        for row in value if isinstance(value, list) else [value]:
            inner = [part for part in row.values() if isinstance(part, dict)]
            target = inner[0] if "cursor" in row and inner else row
            target |= self.merge or {}
        return Answer.of(value, self.status or real.status)


class Faults:
    """All faults and troubles that tests asked for, and the platform's habits that they set."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._faults: list[Fault] = []

    def take(self, given: Json) -> None:
        """Take one as a test sends it: a fault of an answer, a trouble, or a habit."""
        if "kind" in given:
            self.workspace.troubles.coming.append(Trouble.of(given))
        elif "log_lag_seconds" in given:
            self.workspace.logbook.lag_seconds = float(given["log_lag_seconds"])
        elif "clock_ahead_seconds" in given:
            CLOCK.ahead_seconds = float(given["clock_ahead_seconds"])
        elif "http_metrics" in given:
            self.workspace.traffic.shown = bool(given["http_metrics"])
        else:
            self._faults.append(Fault.of(given))

    def forget(self) -> None:
        """Let all go well again."""
        self._faults.clear()
        self.workspace.troubles.coming.clear()
        self.workspace.logbook.lag_seconds = CLOCK.ahead_seconds = 0.0
        self.workspace.traffic.shown = True

    def coming(self) -> list[Json]:
        """Return what has not come yet."""
        faults = [{"path": each.path, "times": each.times} for each in self._faults if each.times]
        troubles = self.workspace.troubles.coming
        return [
            *faults,
            *({"kind": str(each.kind), "times": each.times} for each in troubles if each.times),
        ]

    async def answer(self, request: Request, handler: Handler) -> Answer:
        """Answer a call, wrongly where a fault meets it."""
        fault = next((one for one in self._faults if one.meets(request)), None)
        return await (fault.apply(request, handler) if fault else handler(request))
