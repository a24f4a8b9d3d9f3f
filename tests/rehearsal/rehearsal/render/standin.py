"""The stand-in itself: the API's front desk, and its start and stop."""

import asyncio
import contextlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

from rehearsal.render.answers import ApiError, RateLimits
from rehearsal.render.autodeploy import follow_branches
from rehearsal.render.blueprints import Blueprints
from rehearsal.render.database_calls import DatabaseCalls
from rehearsal.render.deploy_calls import DeployCalls
from rehearsal.render.domain_calls import DomainCalls
from rehearsal.render.engine import Engine
from rehearsal.render.faults import Faults
from rehearsal.render.front import Front
from rehearsal.render.group_calls import GroupCalls
from rehearsal.render.identity import new_id, now
from rehearsal.render.lookups import Lookups
from rehearsal.render.service_calls import ServiceCalls
from rehearsal.render.settings import Settings
from rehearsal.render.stored_calls import StoredCalls
from rehearsal.render.tally import Tally
from rehearsal.render.workspace import Workspace
from rehearsal.wire import Answer, Request, listen

PREFIX = "/v1"
FAULTS, CALLS = "/_faults", "/_calls"
# Source: headers of recorded answers.
USUAL_HEADERS = {
    "Vary": "Origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Xss-Protection": "1; mode=block",
    "Referrer-Policy": "same-origin",
}
Call = Callable[..., Awaitable[Answer]]


class StandIn:
    """Render's control plane for one workspace, served on a loopback port.

    Args:
        settings: Where it works and how fast its clocks run.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.workspace = Workspace()
        self.engine = Engine(settings, self.workspace)
        self.front = Front(self.workspace, self.engine.release)
        self.services = ServiceCalls(self.engine, self.front)
        self.blueprints = Blueprints(self.services)
        self.faults = Faults(self.workspace)
        self.limits = RateLimits(enforced=settings.enforce_rate_limits)
        self.tally = Tally()
        self.url = ""
        self._server: asyncio.Server | None = None
        self._followers: list[asyncio.Task[None]] = []
        self._routes = [
            (method, pattern, re.compile(pattern.replace("*", "([^/]+)")), call)
            for method, pattern, call in [*self._calls(), *self._more_calls()]
        ]

    async def start(self, port: int = 0) -> None:
        """Listen, and follow the branches services deploy from."""
        for name in ("home", "tmp", "builds"):
            (self.settings.directory / name).mkdir(parents=True, exist_ok=True)
        self._server, taken = await listen(self.answer, port)
        self.url = f"http://127.0.0.1:{taken}{PREFIX}"
        pace = self.settings.clocks.autodeploy_seconds
        self._followers = [
            asyncio.create_task(follow_branches(self.engine)),
            asyncio.create_task(self.blueprints.follow(pace)),
        ]

    async def stop(self) -> None:
        """Stop listening and end every process of every service."""
        for follower in self._followers:
            follower.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await follower
        if self._server is not None:
            self._server.close()
        await self.engine.stop()
        for running in self.workspace.services.values():
            self.front.close(running)
        self.front.release_addresses()

    async def answer(self, request: Request) -> Answer:
        """Answer one request, or fail it as a test asked."""
        path = request.path.removeprefix(PREFIX)
        request = Request(request.method, path, request.query, request.head, request.body)
        if path in {FAULTS, CALLS}:
            return self._private(request)
        limit, left, reset = self.limits.spend(request)
        try:
            self._authorise(request)
            if self.limits.enforced and left < 0:
                answer = Answer.of({"message": "rate limit exceeded"}, 429)
            else:
                answer = await self.faults.answer(request, self._call)
        except ApiError as error:
            answer = Answer.of({"message": error.message}, error.status)
        self._note(request, answer)
        answer.headers = (
            USUAL_HEADERS
            | {
                "Date": formatdate(now().timestamp(), usegmt=True),
                "Ratelimit-Limit": str(limit),
                "Ratelimit-Remaining": str(max(0, left)),
                "Ratelimit-Reset": str(reset),
                "Render-Request-Id": f"rehearsal/{secrets.token_hex(8)}",
            }
            | answer.headers
        )
        return answer

    def _authorise(self, request: Request) -> None:
        given = request.head.get("authorization").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.settings.key.encode()):
            raise ApiError(401, "unauthorized")

    async def _call(self, request: Request) -> Answer:
        allowed = False
        for method, _, pattern, call in self._routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                try:
                    return await call(request, *match.groups())
                except json.JSONDecodeError:
                    return Answer.of({"message": "invalid JSON"}, 400)
                except ApiError as error:
                    return Answer.of({"message": error.message}, error.status)
            allowed = allowed or match is not None
        status = 405 if allowed else 404
        return Answer.of({"message": f"no such call: {request.method} {request.path}"}, status)

    def _note(self, request: Request, answer: Answer) -> None:
        """Count a call, and hold its answer against Render's document where one is given."""
        known = (
            shown for method, shown, pattern, _ in self._routes
            if method == request.method and pattern.fullmatch(request.path)
        )  # fmt: skip
        call = f"{request.method} {next(known, request.path)}"
        document = self.settings.document
        problem = document.problem(request.method, request.path, answer) if document else None
        self.tally.note(call, answer, time.monotonic(), problem)

    def _private(self, request: Request) -> Answer:
        """Answer the calls that only a rehearsal makes: faults, and what was called how often."""
        try:
            self._authorise(request)
            if request.path == CALLS:
                if request.method == "DELETE":
                    self.tally.forget()
                told = self.tally.json() | {"validated": self.settings.document is not None}
                return Answer.of(told)
            if request.method == "DELETE":
                self.limits.enforced = self.settings.enforce_rate_limits
                self.faults.forget()
            elif request.method == "POST":
                given = request.json()
                for one in given if isinstance(given, list) else [given]:
                    if "enforce_rate_limits" in one:
                        self.limits.enforced = bool(one["enforce_rate_limits"])
                    else:
                        self.faults.take(one)
            return Answer.of(self.faults.coming())
        except ApiError as error:
            return Answer.of({"message": error.message}, error.status)

    def _calls(self) -> list[tuple[str, str, Call]]:
        one, services, looks = "/services/*", self.services, Lookups(self.services)
        deploys = DeployCalls(self.engine)
        return [
            ("GET", "/users", looks.user),
            ("GET", "/owners", looks.owners),
            ("GET", "/owners/*", looks.owner),
            ("GET", "/owners/*/members", looks.members),
            ("GET", "/services", services.search),
            ("POST", "/services", services.create),
            ("GET", one, services.show),
            ("PATCH", one, services.change),
            ("DELETE", one, services.delete),
            ("POST", f"{one}/suspend", services.suspend),
            ("POST", f"{one}/resume", services.resume),
            ("POST", f"{one}/restart", services.restart),
            ("POST", f"{one}/scale", services.scale),
            ("GET", f"{one}/instances", services.instances),
            ("POST", f"{one}/deploys", deploys.create),
            ("GET", f"{one}/deploys", deploys.search),
            ("GET", f"{one}/deploys/*", deploys.show),
            ("POST", f"{one}/deploys/*/cancel", deploys.cancel),
            ("POST", f"{one}/rollback", deploys.rollback),
            ("POST", f"{one}/jobs", deploys.create_job),
            ("GET", f"{one}/jobs", deploys.search_jobs),
            ("GET", f"{one}/jobs/*", deploys.job),
            ("POST", f"{one}/jobs/*/cancel", deploys.cancel_job),
            ("GET", f"{one}/events", looks.events),
            ("GET", "/logs", looks.logs),
            ("GET", "/logs/values", looks.log_values),
            ("GET", "/metrics/http-requests", looks.requests),
            ("GET", "/metrics/http-latency", looks.latency),
            ("POST", "/blueprints/validate", looks.validate),
            ("GET", "/blueprints", self.blueprints.search),
            ("GET", "/blueprints/*", self.blueprints.show),
            ("PATCH", "/blueprints/*", self.blueprints.change),
        ]

    def _more_calls(self) -> list[tuple[str, str, Call]]:
        one, stored = "/services/*", StoredCalls(self.workspace)
        groups, domains = GroupCalls(self.workspace), DomainCalls(self.workspace)
        databases = DatabaseCalls(self.workspace)
        return [
            ("GET", f"{one}/env-vars", stored.variables),
            ("PUT", f"{one}/env-vars", stored.replace_variables),
            ("GET", f"{one}/env-vars/*", stored.variable),
            ("PUT", f"{one}/env-vars/*", stored.put_variable),
            ("DELETE", f"{one}/env-vars/*", stored.delete_variable),
            ("GET", f"{one}/secret-files", stored.files),
            ("PUT", f"{one}/secret-files", stored.replace_files),
            ("GET", f"{one}/secret-files/*", stored.file),
            ("GET", f"{one}/custom-domains", domains.search),
            ("POST", f"{one}/custom-domains", domains.add),
            ("GET", f"{one}/custom-domains/*", domains.show),
            ("DELETE", f"{one}/custom-domains/*", domains.delete),
            ("POST", f"{one}/custom-domains/*/verify", domains.verify),
            ("GET", "/env-groups", groups.search),
            ("POST", "/env-groups", groups.create),
            ("GET", "/env-groups/*", groups.show),
            ("DELETE", "/env-groups/*", groups.delete),
            ("POST", "/env-groups/*/services/*", groups.link),
            ("DELETE", "/env-groups/*/services/*", groups.unlink),
            ("GET", "/postgres", databases.search),
            ("GET", "/postgres/*", databases.show),
            ("GET", "/postgres/*/recovery", databases.recovery),
            ("GET", "/postgres/*/export", databases.exports),
            ("POST", "/postgres/*/export", databases.export),
        ]


def new_settings(directory: Path, **changes: Any) -> Settings:  # Any: the settings' own types
    """Return settings with a new key and workspace id."""
    key = f"rnd_{secrets.token_urlsafe(24)}"
    return Settings(directory=directory, key=key, owner_id=new_id("tea"), **changes)
