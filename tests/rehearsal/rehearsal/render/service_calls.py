"""Calls on services and their variables: what is stored changes, what runs does not."""

from rehearsal.render.answers import ApiError, kept, not_found, object_of, page
from rehearsal.render.engine import Engine
from rehearsal.render.front import Front
from rehearsal.render.identity import now, stamp, suffix
from rehearsal.render.records import SHORT_TYPE, Json, Service
from rehearsal.render.stored_calls import env_vars, secret_files
from rehearsal.render.troubles import Kind
from rehearsal.render.workspace import Running
from rehearsal.wire import Answer, Request

RUNTIMES = {"docker", "elixir", "go", "node", "python", "ruby", "rust", "image"}
PAID_ONLY = {"private_service", "background_worker", "cron_job"}
UNPATCHABLE = ("envVars", "type", "ownerId", "secretFiles")
# The API's name of a setting, and ours; those of serviceDetails first.
DETAILS = {
    "healthCheckPath": "health_path",
    "preDeployCommand": "pre_deploy_command",
    "publishPath": "publish_path",
    "buildCommand": "build_command",
    "plan": "plan",
    "runtime": "runtime",
    "schedule": "schedule",
    "routes": "routes",
    "maintenanceMode": "maintenance",
    "maxShutdownDelaySeconds": "shutdown_delay_seconds",
}
SPECIFIC = {
    "buildCommand": "build_command",
    "startCommand": "start_command",
    "preDeployCommand": "pre_deploy_command",
}
TOP = {
    "name": "name",
    "repo": "repo",
    "branch": "branch",
    "rootDir": "root_dir",
    "buildFilter": "build_filter",
}


def part_of(given: Json, name: str) -> Json:
    """Take a part of a body that must be an object; an absent one is empty."""
    found = given.get(name) or {}
    if not isinstance(found, dict):
        raise ApiError(400, f"{name} must be an object")
    return found


def positive(given: object, name: str) -> int:
    """Take a number that counts something."""
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise ApiError(400, f"{name} must be a positive integer")
    return given


class ServiceCalls:
    """Answer the calls below ``/services`` that do not deploy."""

    def __init__(self, engine: Engine, front: Front) -> None:
        self.engine = engine
        self.front = front
        self.workspace = engine.workspace

    def find(self, service_id: str) -> Running:
        """Return a service or answer 404."""
        return self.workspace.find(service_id)

    async def search(self, request: Request) -> Answer:
        """List services, newest first, by name, type, owner or state."""
        rows = [running.service.json() for running in self.workspace.services.values()][::-1]
        filters = {"name": "name", "type": "type", "ownerId": "ownerId", "suspended": "suspended"}
        rows = kept(request, rows, filters)
        for parameter in ("env", "region"):
            wanted = request.many(parameter)
            if wanted:
                rows = [row for row in rows if row["serviceDetails"].get(parameter) in wanted]
        return Answer.of(page(request, "service", [(f"c{row['id']}", row) for row in rows]))

    async def create(self, request: Request) -> Answer:
        """Create a service; its first deploy starts at once."""
        body = object_of(request)
        for key in ("type", "name", "ownerId"):
            if not body.get(key):
                raise ApiError(400, f"{key} is required")
        details = part_of(body, "serviceDetails")
        kind = body["type"]
        if kind not in SHORT_TYPE:
            raise ApiError(400, f"invalid type: {kind}")
        if body["ownerId"] != self.engine.settings.owner_id:
            raise not_found(body["ownerId"])
        if self.workspace.named(body["name"]) is not None:
            raise ApiError(409, f"name already in use: {body['name']}")
        runtime = details.get("runtime") or details.get("env") or ""
        if kind != "static_site" and runtime not in RUNTIMES:
            raise ApiError(400, "serviceDetails.runtime is required")
        if kind in PAID_ONLY and details.get("plan") == "free":
            raise ApiError(400, f"plan free is not available for {kind}")
        if kind == "cron_job" and not details.get("schedule"):
            raise ApiError(400, "serviceDetails.schedule is required")
        service = Service(kind, body["name"], body["ownerId"])
        service.env = env_vars(body.get("envVars"))
        service.secret_files = secret_files(body.get("secretFiles"))
        service.region = details.get("region") or service.region
        service.instances = positive(details.get("numInstances") or 1, "numInstances")
        self._store(service, body)
        service.runtime = runtime
        deploy_id = await self.add(service)
        return Answer.of({"deployId": deploy_id, "service": service.json()}, 201)

    async def add(self, service: Service, *, deploy: bool = True) -> str:
        """Put a service into the workspace; return the id of its first deploy, if one is due."""
        running = Running(service)
        if service.is_served:
            if self.workspace.troubles.comes(Kind.NAME_TAKEN, service.name):
                service.slug = f"{service.name}-{suffix(4)}"  # names are one name space for all
            await self.front.open(running)
        self.workspace.services[service.id] = running
        if not deploy:
            return ""
        first, _ = await self.engine.ask(running, "api")
        return first.id

    async def show(self, _request: Request, service_id: str) -> Answer:
        """Return one service."""
        return Answer.of(self.find(service_id).service.json())

    async def change(self, request: Request, service_id: str) -> Answer:
        """Store new settings; nothing is deployed."""
        service, body = self.find(service_id).service, object_of(request)
        for key in UNPATCHABLE:
            if key in body:
                raise ApiError(400, f"{key} cannot be changed by this call")
        other = self.workspace.named(body.get("name", ""))
        if other is not None and other.service is not service:
            raise ApiError(409, f"name already in use: {body['name']}")
        self._store(service, body)
        service.updated_at = now()
        return Answer.of(service.json())

    async def delete(self, _request: Request, service_id: str) -> Answer:
        """Stop a service and forget it."""
        running = self.find(service_id)
        del self.workspace.services[service_id]
        await self.engine.halt(running)
        self.front.close(running)
        return Answer(204)

    async def suspend(self, _request: Request, service_id: str) -> Answer:
        """Suspend a service."""
        running = self.find(service_id)
        if not running.service.suspended:
            await self.engine.suspend(running)
        return Answer(202)

    async def resume(self, _request: Request, service_id: str) -> Answer:
        """Resume a service."""
        running = self.find(service_id)
        if running.service.suspended:
            await self.engine.resume(running)
        return Answer(202)

    async def restart(self, _request: Request, service_id: str) -> Answer:
        """Restart a service on the deploy it runs."""
        running = self.find(service_id)
        if running.service.type == "cron_job":
            raise ApiError(400, "cron jobs cannot be restarted")
        if running.service.suspended:
            raise ApiError(409, "service is suspended")
        await self.engine.restart(running)
        return Answer(200)

    async def scale(self, request: Request, service_id: str) -> Answer:
        """Store an instance count; one machine runs a single instance whatever it is."""
        wanted = positive(object_of(request).get("numInstances"), "numInstances")
        self.find(service_id).service.instances = wanted
        return Answer(202)

    async def instances(self, _request: Request, service_id: str) -> Answer:
        """List the running instances."""
        running = self.find(service_id)
        if running.instance is None or running.live is None:
            return Answer.of([])
        created = running.live.finished_at or running.live.created_at
        return Answer.of([{"id": running.instance_id, "createdAt": stamp(created)}])

    def _store(self, service: Service, body: Json) -> None:
        """Write what a body names into the stored configuration."""
        details = part_of(body, "serviceDetails")
        specific = part_of(details, "envSpecificDetails")
        path = details.get("healthCheckPath")
        if path and not path.startswith("/"):
            raise ApiError(400, "healthCheckPath must start with /")
        if "maxShutdownDelaySeconds" in details:
            positive(details["maxShutdownDelaySeconds"], "maxShutdownDelaySeconds")
        for names, given in ((TOP, body), (DETAILS, details), (SPECIFIC, specific)):
            for name, attribute in names.items():
                if name in given and given[name] is not None:
                    setattr(service, attribute, given[name])
        if "autoDeployTrigger" in body:
            service.auto_deploy_trigger = body["autoDeployTrigger"]
        elif "autoDeploy" in body:
            service.auto_deploy_trigger = "off" if body["autoDeploy"] == "no" else "commit"
