"""One Render workspace: what is stored, what runs, what happened."""

import asyncio
from dataclasses import dataclass, field

from rehearsal.render.answers import not_found
from rehearsal.render.instance import Instance
from rehearsal.render.logbook import Logbook
from rehearsal.render.records import (
    Database,
    Deploy,
    Event,
    Group,
    Job,
    Json,
    Service,
    Snapshot,
)
from rehearsal.render.traffic import Traffic
from rehearsal.render.troubles import Troubles


@dataclass
class Running:
    """What a service runs, beside what it has stored."""

    service: Service
    deploys: list[Deploy] = field(default_factory=list)  # oldest first
    jobs: list[Job] = field(default_factory=list)
    live: Deploy | None = None
    instance: Instance | None = None
    instance_id: str = ""
    current: Deploy | None = None
    waiting: Deploy | None = None
    walk: asyncio.Task[None] | None = None
    watch: asyncio.Task[None] | None = None
    seen_commit: str | None = None  # where autodeploy last saw the branch
    front: asyncio.Server | None = None


class Workspace:
    """All services of one owner."""

    def __init__(self) -> None:
        self.services: dict[str, Running] = {}
        self.groups: dict[str, Group] = {}
        self.databases: dict[str, Database] = {}
        self.events: list[Event] = []
        self.logbook = Logbook()
        self.traffic = Traffic()
        self.troubles = Troubles()

    def find(self, service_id: str) -> Running:
        """Return a service, or answer 404."""
        running = self.services.get(service_id)
        if running is None:
            raise not_found(service_id)
        return running

    def named(self, name: str) -> Running | None:
        """Return the service with this name."""
        return next((r for r in self.services.values() if r.service.name == name), None)

    def snapshot(self, service: Service) -> Snapshot:
        """Freeze what a deploy begins with: a service's own values rank above its groups'."""
        linked = [group for group in self.groups.values() if service.id in group.services]
        shared = {key: value for group in linked for key, value in group.env.items()}
        files = {name: text for group in linked for name, text in group.files.items()}
        return service.snapshot(shared, files)

    def happened(self, service: Service, kind: str, **details: object) -> None:
        """Note an event."""
        self.events.append(Event(service.id, kind, details))

    def deploy(self, service_id: str, deploy_id: str) -> Deploy | None:
        """Return a deploy of a service."""
        running = self.services.get(service_id)
        deploys = running.deploys if running else []
        return next((deploy for deploy in deploys if deploy.id == deploy_id), None)

    def events_of(self, service_id: str) -> list[Json]:
        """Return a service's events, newest first."""
        return [event.json() for event in reversed(self.events) if event.service_id == service_id]
