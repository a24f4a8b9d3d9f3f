"""The stand-in itself: the API's front desk, and its start and stop."""

import asyncio
import contextlib
import hmac
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rehearsal.forms import parse_form
from rehearsal.render.answers import ApiError, RateLimits, not_found, page
from rehearsal.render.autodeploy import follow_branches
from rehearsal.render.blueprint import validate
from rehearsal.render.blueprints import Blueprints
from rehearsal.render.deploy_calls import DeployCalls
from rehearsal.render.engine import Engine
from rehearsal.render.faults import Fault
from rehearsal.render.front import Front
from rehearsal.render.identity import moment, new_id
from rehearsal.render.records import Json
from rehearsal.render.service_calls import ServiceCalls
from rehearsal.render.settings import Settings
from rehearsal.render.workspace import Workspace
from rehearsal.wire import Answer, Request, listen

PREFIX = "/v1"
FAULTS = "/_faults"
# Source: headers of recorded answers.
USUAL_HEADERS = {
    "Vary": "Origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Xss-Protection": "1; mode=block",
    "Referrer-Policy": "same-origin",
}
Call = Callable[..., Awaitable[Answer]]


def validate_call(request: Request) -> Answer:
    """Answer ``POST /blueprints/validate``: multipart with ``ownerId`` and ``file``."""
    form = parse_form(request)
    if "ownerId" not in form.fields:
        raise ApiError(400, "ownerId is required")
    if "file" not in form.files:
        raise ApiError(400, "file is required")
    return Answer.of(validate(form.files["file"].content))


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
        self.deploys = DeployCalls(self.engine)
        self.faults: list[Fault] = []
        self.limits = RateLimits()
        self.enforce_rate_limits = settings.enforce_rate_limits
        self.url = ""
        self._server: asyncio.Server | None = None
        self._followers: list[asyncio.Task[None]] = []
        self._routes = [
            (method, re.compile(pattern.replace("*", "([^/]+)")), call)
            for method, pattern, call in self._calls()
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
        limit, left, reset = self.limits.spend(request)
        try:
            self._authorise(request)
            if path == FAULTS:
                return self._set_faults(request)
            fault = next((one for one in self.faults if one.meets(request)), None)
            if self.enforce_rate_limits and left < 0:
                answer = Answer.of({"message": "rate limit exceeded"}, 429)
            elif fault is not None:
                answer = await fault.apply(request, self._call)
            else:
                answer = await self._call(request)
        except ApiError as error:
            answer = Answer.of({"message": error.message}, error.status)
        answer.headers = USUAL_HEADERS | answer.headers
        answer.headers |= {
            "Ratelimit-Limit": str(limit),
            "Ratelimit-Remaining": str(max(0, left)),
            "Ratelimit-Reset": str(reset),
            "Render-Request-Id": f"rehearsal/{secrets.token_hex(8)}",
        }
        return answer

    def _authorise(self, request: Request) -> None:
        given = request.head.get("authorization").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.settings.key.encode()):
            raise ApiError(401, "unauthorized")

    async def _call(self, request: Request) -> Answer:
        allowed = False
        for method, pattern, call in self._routes:
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

    def _set_faults(self, request: Request) -> Answer:
        """Take, show or clear faults; the private side of the stand-in."""
        if request.method == "DELETE":
            self.faults.clear()
            self.enforce_rate_limits = self.settings.enforce_rate_limits
        elif request.method == "POST":
            given = request.json()
            for one in given if isinstance(given, list) else [given]:
                if "enforce_rate_limits" in one:
                    self.enforce_rate_limits = bool(one["enforce_rate_limits"])
                else:
                    self.faults.append(Fault.of(one))
        self.faults = [fault for fault in self.faults if fault.times > 0]
        return Answer.of([{"path": one.path, "times": one.times} for one in self.faults])

    def _calls(self) -> list[tuple[str, str, Call]]:
        one, deploys, services = "/services/*", self.deploys, self.services
        return [
            ("GET", "/users", self._user),
            ("GET", "/owners", self._owners),
            ("GET", "/owners/*", self._owner),
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
            ("GET", f"{one}/env-vars", services.variables),
            ("PUT", f"{one}/env-vars", services.replace_variables),
            ("GET", f"{one}/env-vars/*", services.variable),
            ("PUT", f"{one}/env-vars/*", services.put_variable),
            ("DELETE", f"{one}/env-vars/*", services.delete_variable),
            ("POST", f"{one}/deploys", deploys.create),
            ("GET", f"{one}/deploys", deploys.search),
            ("GET", f"{one}/deploys/*", deploys.show),
            ("POST", f"{one}/deploys/*/cancel", deploys.cancel),
            ("POST", f"{one}/rollback", deploys.rollback),
            ("POST", f"{one}/jobs", deploys.create_job),
            ("GET", f"{one}/jobs", deploys.search_jobs),
            ("GET", f"{one}/jobs/*", deploys.job),
            ("POST", f"{one}/jobs/*/cancel", deploys.cancel_job),
            ("GET", f"{one}/events", self._events),
            ("GET", "/logs", self._logs),
            ("GET", "/logs/values", self._log_values),
            ("GET", "/metrics/http-requests", self._requests),
            ("GET", "/metrics/http-latency", self._latency),
            ("POST", "/blueprints/validate", self._validate),
            ("GET", "/blueprints", self.blueprints.search),
            ("GET", "/blueprints/*", self.blueprints.show),
            ("PATCH", "/blueprints/*", self.blueprints.change),
        ]

    async def _user(self, _request: Request) -> Answer:
        return Answer.of({"email": self.settings.owner_email, "name": self.settings.owner_name})

    def _workspace_owner(self) -> Json:
        settings = self.settings
        owner = {"id": settings.owner_id, "name": settings.owner_name}
        return owner | {"email": settings.owner_email, "type": "team"}

    async def _owners(self, request: Request) -> Answer:
        owner = self._workspace_owner()
        wanted = request.many("name")
        rows = [] if wanted and owner["name"] not in wanted else [(f"c{owner['id']}", owner)]
        return Answer.of(page(request, "owner", rows))

    async def _owner(self, _request: Request, owner_id: str) -> Answer:
        if owner_id != self.settings.owner_id:
            raise not_found(owner_id)
        return Answer.of(self._workspace_owner())

    async def _events(self, request: Request, service_id: str) -> Answer:
        self.services.find(service_id)
        rows = self.workspace.events_of(service_id)
        for name, keeps in (("startTime", 1), ("endTime", -1)):
            if request.one(name):
                edge = moment(request.one(name))
                rows = [
                    row for row in rows
                    if (moment(row["timestamp"]) - edge).total_seconds() * keeps >= 0
                ]  # fmt: skip
        wanted = request.many("type")
        rows = [row for row in rows if not wanted or row["type"] in wanted]
        return Answer.of(page(request, "event", [(f"c{row['id']}", row) for row in rows]))

    def _need(self, request: Request, *names: str) -> None:
        for name in names:
            if not request.one(name):
                raise ApiError(400, f"{name} is required")

    async def _logs(self, request: Request) -> Answer:
        self._need(request, "ownerId", "resource")
        return Answer.of(self.workspace.logbook.search(request))

    async def _log_values(self, request: Request) -> Answer:
        self._need(request, "ownerId", "resource", "label")
        return Answer.of(self.workspace.logbook.values(request))

    async def _requests(self, request: Request) -> Answer:
        return Answer.of(self.workspace.traffic.requests(request))

    async def _latency(self, request: Request) -> Answer:
        return Answer.of(self.workspace.traffic.latency(request))

    async def _validate(self, request: Request) -> Answer:
        return validate_call(request)


def new_settings(directory: Path, **changes: Any) -> Settings:  # Any: the settings' own types
    """Return settings with a new key and workspace id."""
    key = f"rnd_{secrets.token_urlsafe(24)}"
    return Settings(directory=directory, key=key, owner_id=new_id("tea"), **changes)
