"""Calls that only look: who asks, events, logs, metrics; and the check of a Blueprint."""

from rehearsal.forms import parse_form
from rehearsal.render.answers import ApiError, not_found, page, window_of
from rehearsal.render.blueprint import validate
from rehearsal.render.identity import moment
from rehearsal.render.records import Json
from rehearsal.render.service_calls import ServiceCalls
from rehearsal.wire import Answer, Request


class Lookups:
    """Answer the calls that change nothing."""

    def __init__(self, services: ServiceCalls) -> None:
        self.services = services
        self.workspace = services.workspace
        self.settings = services.engine.settings

    async def user(self, _request: Request) -> Answer:
        """Say whose key it is."""
        return Answer.of({"email": self.settings.owner_email, "name": self.settings.owner_name})

    def _workspace_owner(self) -> Json:
        settings = self.settings
        owner = {"id": settings.owner_id, "name": settings.owner_name}
        return owner | {"email": settings.owner_email, "type": "team"}

    async def owners(self, request: Request) -> Answer:
        """List the workspaces of the key: one."""
        owner = self._workspace_owner()
        wanted = request.many("name")
        rows = [] if wanted and owner["name"] not in wanted else [(f"c{owner['id']}", owner)]
        return Answer.of(page(request, "owner", rows))

    async def owner(self, _request: Request, owner_id: str) -> Answer:
        """Return the workspace."""
        if owner_id != self.settings.owner_id:
            raise not_found(owner_id)
        return Answer.of(self._workspace_owner())

    async def members(self, _request: Request, owner_id: str) -> Answer:
        """List the people of the workspace: the one whose key it is, and one who only looks."""
        await self.owner(_request, owner_id)
        mine = {"name": self.settings.owner_name, "email": self.settings.owner_email}
        looking = {"name": "Somebody", "email": "somebody@example.test", "role": "WORKSPACE_VIEWER"}
        known = {"status": "active", "mfaEnabled": True}
        rows = [
            {"userId": "usr-operator", **mine, **known, "role": self.settings.owner_role},
            {"userId": "usr-somebody", **looking, **known},
        ]
        return Answer.of(rows)

    async def events(self, request: Request, service_id: str) -> Answer:
        """List what happened to a service, newest first."""
        self.services.find(service_id)
        rows = self.workspace.events_of(service_id)
        start, end = window_of(request)
        rows = [row for row in rows if start <= moment(row["timestamp"]) <= end]
        wanted = request.many("type")
        rows = [row for row in rows if not wanted or row["type"] in wanted]
        return Answer.of(page(request, "event", [(f"c{row['id']}", row) for row in rows]))

    def _need(self, request: Request, *names: str) -> None:
        for name in names:
            if not request.one(name):
                raise ApiError(400, f"{name} is required")

    async def logs(self, request: Request) -> Answer:
        """Return lines of a log."""
        self._need(request, "ownerId", "resource")
        return Answer.of(self.workspace.logbook.search(request))

    async def log_values(self, request: Request) -> Answer:
        """List the values of a label."""
        self._need(request, "ownerId", "resource", "label")
        return Answer.of(self.workspace.logbook.values(request))

    async def requests(self, request: Request) -> Answer:
        """Count requests."""
        return Answer.of(self.workspace.traffic.requests(request))

    async def latency(self, request: Request) -> Answer:
        """Measure latency."""
        return Answer.of(self.workspace.traffic.latency(request))

    async def validate(self, request: Request) -> Answer:
        """Check a Blueprint: multipart with ``ownerId`` and ``file``."""
        form = parse_form(request)
        if "ownerId" not in form.fields:
            raise ApiError(400, "ownerId is required")
        if "file" not in form.files:
            raise ApiError(400, "file is required")
        return Answer.of(validate(form.files["file"].content))
