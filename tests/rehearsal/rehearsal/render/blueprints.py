"""Blueprints: a render.yaml that makes and changes services at each push, unless it is told not to.

Source: https://render.com/docs/infrastructure-as-code; there is no call that makes one or syncs it.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml

from rehearsal.render.answers import ApiError, not_found, object_of, page
from rehearsal.render.blueprint import validate
from rehearsal.render.identity import new_id, now, stamp
from rehearsal.render.records import EnvVar, Json, Service
from rehearsal.render.service_calls import ServiceCalls
from rehearsal.render.source import Source, SourceError
from rehearsal.render.troubles import Kind
from rehearsal.wire import Answer, Request

TYPES = {"web": "web_service", "worker": "background_worker", "pserv": "private_service"}
SETTINGS = {
    "buildCommand": "build_command",
    "startCommand": "start_command",
    "healthCheckPath": "health_path",
    "rootDir": "root_dir",
    "plan": "plan",
}


@dataclass
class Blueprint:
    """One attached repository file."""

    name: str
    repo: str
    branch: str = "main"
    path: str = "render.yaml"
    auto_sync: bool = True
    status: str = "created"
    seen: str | None = None  # the commit it was synced at
    synced_at: datetime | None = None
    id: str = field(default_factory=lambda: new_id("exs"))

    def json(self) -> Json:
        """Return the Blueprint as the API shows it."""
        shown: Json = {
            "id": self.id,
            "name": self.name,
            "status": self.status if self.auto_sync else "paused",
            "autoSync": self.auto_sync,
            "repo": self.repo,
            "branch": self.branch,
            "path": self.path,
        }
        return shown | ({"lastSync": stamp(self.synced_at)} if self.synced_at else {})


class Blueprints:
    """Answer the calls below ``/blueprints``, and sync at each push."""

    def __init__(self, services: ServiceCalls) -> None:
        self.services = services
        self.workspace = services.workspace
        self.attached: dict[str, Blueprint] = {}

    def attach(self, blueprint: Blueprint) -> None:
        """Attach a repository's file, as people do in the dashboard; what is there is kept."""
        self.attached[blueprint.id] = blueprint

    async def search(self, request: Request) -> Answer:
        """List the Blueprints."""
        rows = [(f"c{each.id}", each.json()) for each in self.attached.values()]
        return Answer.of(page(request, "blueprint", rows))

    async def show(self, _request: Request, blueprint_id: str) -> Answer:
        """Return one Blueprint with the services that it holds."""
        found = self._find(blueprint_id)
        held = [
            {"id": running.service.id, "name": running.service.name, "type": running.service.type}
            for running in self.workspace.services.values()
            if running.service.repo == found.repo
        ]
        return Answer.of(found.json() | {"resources": held})

    async def change(self, request: Request, blueprint_id: str) -> Answer:
        """Change name, path or automatic sync."""
        found, body = self._find(blueprint_id), object_of(request)
        if set(body) - {"name", "autoSync", "path"}:
            raise ApiError(400, "only name, autoSync and path can be changed")
        if not isinstance(body.get("autoSync", True), bool):
            raise ApiError(400, "autoSync must be a boolean")
        found.name = body.get("name", found.name)
        found.path = body.get("path", found.path)
        found.auto_sync = body.get("autoSync", found.auto_sync)
        return Answer.of(found.json())

    async def follow(self, poll_seconds: float) -> None:
        """Sync what was pushed, for as long as the stand-in runs."""
        while True:
            await asyncio.sleep(poll_seconds)
            for blueprint in list(self.attached.values()):
                with contextlib.suppress(SourceError):  # a push may be half written: look again
                    await self._follow(blueprint)

    async def _follow(self, blueprint: Blueprint) -> None:
        source = Source(blueprint.repo)
        head = await source.head(blueprint.branch)
        if head is None or head == blueprint.seen:
            return
        in_spite = self.workspace.troubles.comes
        if not blueprint.auto_sync and not in_spite(Kind.BLUEPRINT_SYNC, blueprint.name):
            return
        first, blueprint.seen = blueprint.seen is None, head
        if first:  # what people made by hand stands as it is
            blueprint.status, blueprint.synced_at = "in_sync", now()
            return
        text = await source.read(head, blueprint.path)
        if text is None or not validate(text.encode())["valid"]:
            blueprint.status = "error"
            return
        for described in yaml.safe_load(text).get("services") or []:
            if described["type"] in TYPES or described.get("runtime") == "static":
                await self._sync(blueprint, described)
        blueprint.status, blueprint.synced_at = "in_sync", now()

    async def _sync(self, blueprint: Blueprint, described: dict[str, Any]) -> None:
        """Make a service that is described and not there; turn autodeploy as the file says."""
        running = self.workspace.named(described["name"])
        trigger = described.get("autoDeployTrigger")
        if trigger is None:
            trigger = "off" if described.get("autoDeploy") is False else "commit"
        if running is not None:
            running.service.auto_deploy_trigger = trigger
            return
        if described.get("runtime") == "static":
            return
        service = Service(
            TYPES[described["type"]], described["name"], self.services.engine.settings.owner_id
        )
        service.repo, service.branch = blueprint.repo, blueprint.branch
        service.runtime, service.auto_deploy_trigger = described["runtime"], trigger
        for key, attribute in SETTINGS.items():
            if key in described:
                setattr(service, attribute, described[key])
        service.env = [
            EnvVar(each["key"], str(each["value"]))
            for each in described.get("envVars") or []
            if "value" in each
        ]
        await self.services.add(service)

    def _find(self, blueprint_id: str) -> Blueprint:
        found = self.attached.get(blueprint_id)
        if found is None:
            raise not_found(blueprint_id)
        return found
