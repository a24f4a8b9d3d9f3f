"""What the workspace remembers: services as stored, deploys with what they froze, events."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rehearsal.render.identity import new_id, now, stamp, suffix

Json = dict[str, Any]  # Any: JSON

TERMINAL = {
    "live", "deactivated", "build_failed", "pre_deploy_failed", "update_failed", "canceled",
}  # fmt: skip
SHORT_TYPE = {
    "web_service": "web",
    "private_service": "pserv",
    "background_worker": "worker",
    "cron_job": "cron",
    "static_site": "static",
}
APEX_LABELS = 2  # example.com has two, www.example.com three
ID_PREFIX = {"cron_job": "crn"}


@dataclass(frozen=True)
class EnvVar:
    """One stored variable; the cursor is new each time the row is written."""

    key: str
    value: str
    cursor: str = field(default_factory=lambda: suffix(32))


@dataclass(frozen=True)
class SecretFile:
    """One stored file; the cursor is new each time the row is written."""

    name: str
    content: str
    cursor: str = field(default_factory=lambda: suffix(32))


@dataclass
class Domain:
    """A custom domain of a service."""

    name: str
    verified: bool = False
    id: str = field(default_factory=lambda: new_id("cdm"))
    created_at: datetime = field(default_factory=now)

    def json(self) -> Json:
        """Return the domain as the API shows it."""
        labels = self.name.split(".")
        return {
            "id": self.id,
            "name": self.name,
            "domainType": "apex" if len(labels) == APEX_LABELS else "subdomain",
            "publicSuffix": labels[-1],
            "redirectForName": "",
            "verificationStatus": "verified" if self.verified else "unverified",
            "createdAt": stamp(self.created_at),
        }


@dataclass(frozen=True)
class Snapshot:
    """The configuration a deploy froze when it was asked for; later edits do not reach it."""

    env: dict[str, str]
    files: dict[str, str]
    build_command: str
    start_command: str
    pre_deploy_command: str
    health_path: str
    publish_path: str
    root_dir: str
    branch: str
    instances: int


@dataclass
class Event:
    """Something that happened to a service."""

    service_id: str
    type: str
    details: Json
    id: str = field(default_factory=lambda: new_id("evt"))
    at: datetime = field(default_factory=now)

    def json(self) -> Json:
        """Return the event as the API shows it."""
        return {
            "id": self.id,
            "timestamp": stamp(self.at),
            "serviceId": self.service_id,
            "type": self.type,
            "details": self.details,
        }


@dataclass
class Deploy:
    """One deploy: its walk through the statuses, its snapshot and its artifact."""

    service_id: str
    trigger: str
    snapshot: Snapshot
    commit: Json | None
    artifact: Path | None = None  # the built checkout; known from the start when no build is due
    status: str = "created"
    target_id: str | None = None  # the deploy a rollback goes back to
    replaced_by: str | None = None  # the newer one that cancelled it
    id: str = field(default_factory=lambda: new_id("dep"))
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def move(self, status: str) -> None:
        """Take the next status and note when."""
        self.status, self.updated_at = status, now()
        if status not in {"created", "queued"} and self.started_at is None:
            self.started_at = self.updated_at
        if status in TERMINAL and self.finished_at is None:
            self.finished_at = self.updated_at

    def json(self) -> Json:
        """Return the deploy as the API shows it."""
        shown: Json = {
            "id": self.id,
            "commit": self.commit,
            "status": self.status,
            "trigger": self.trigger,
            "createdAt": stamp(self.created_at),
            "updatedAt": stamp(self.updated_at),
        }
        if self.started_at:
            shown["startedAt"] = stamp(self.started_at)
        shown["finishedAt"] = stamp(self.finished_at) if self.finished_at else None
        return shown


@dataclass
class Job:
    """A one-off command on the artifact of the live deploy."""

    service_id: str
    start_command: str
    plan_id: str
    status: str = "pending"
    id: str = field(default_factory=lambda: new_id("job"))
    created_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    finished_at: datetime | None = None
    work: asyncio.Task[None] | None = None

    def json(self) -> Json:
        """Return the job as the API shows it."""
        shown: Json = {
            "id": self.id,
            "serviceId": self.service_id,
            "startCommand": self.start_command,
            "planId": self.plan_id,
            "status": self.status,
            "createdAt": stamp(self.created_at),
        }
        for name, at in (("startedAt", self.started_at), ("finishedAt", self.finished_at)):
            if at:
                shown[name] = stamp(at)
        return shown


@dataclass
class Group:
    """An environment group: values and files that the services linked to it share."""

    name: str
    owner_id: str
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    services: list[str] = field(default_factory=list)  # ids of those linked
    id: str = field(default_factory=lambda: new_id("evg"))
    created_at: datetime = field(default_factory=now)


@dataclass
class Database:
    """A PostgreSQL instance of the platform, as far as the API tells of it."""

    name: str
    owner: Json
    plan: str = "basic_1gb"
    version: str = "16"
    recovery: str = "AVAILABLE"
    exports: list[datetime] = field(default_factory=list)
    id: str = field(default_factory=lambda: f"{new_id('dpg')}-a")
    created_at: datetime = field(default_factory=now)

    def json(self) -> Json:
        """Return the instance as the API shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "owner": self.owner,
            "plan": self.plan,
            "version": self.version,
            "databaseName": self.name.replace("-", "_"),
            "databaseUser": self.name.replace("-", "_"),
            "region": "oregon",
            "role": "primary",
            "status": "available",
            "suspended": "not_suspended",
            "suspenders": [],
            "readReplicas": [],
            "ipAllowList": [],
            "highAvailabilityEnabled": False,
            "diskAutoscalingEnabled": False,
            "diskSizeGB": 15,
            "dashboardUrl": f"https://dashboard.render.com/d/{self.id}",
            "createdAt": stamp(self.created_at),
            "updatedAt": stamp(self.created_at),
        }


@dataclass
class Service:
    """A service as stored; what runs is the snapshot of its live deploy."""

    type: str
    name: str
    owner_id: str
    id: str = ""
    slug: str = ""
    repo: str = ""
    branch: str = "main"
    root_dir: str = ""
    auto_deploy_trigger: str = "commit"
    build_filter: Json | None = None
    runtime: str = ""
    build_command: str = ""
    start_command: str = ""
    pre_deploy_command: str = ""
    health_path: str = ""
    publish_path: str = "public"
    schedule: str = ""
    routes: list[Json] = field(default_factory=list)
    plan: str = "starter"
    region: str = "oregon"
    instances: int = 1
    shutdown_delay_seconds: int | None = None
    maintenance: Json = field(default_factory=lambda: {"enabled": False, "uri": ""})
    env: list[EnvVar] = field(default_factory=list)
    secret_files: list[SecretFile] = field(default_factory=list)
    domains: list[Domain] = field(default_factory=list)
    suspended: bool = False
    url: str = ""
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    def __post_init__(self) -> None:
        """Give a new service its id and slug."""
        self.id = self.id or new_id(ID_PREFIX.get(self.type, "srv"))
        randomly = self.type in {"background_worker", "cron_job"}
        self.slug = self.slug or (f"{self.name}-{suffix(4)}" if randomly else self.name)

    @property
    def is_served(self) -> bool:
        """Say whether the public reaches this service at a URL."""
        return self.type in {"web_service", "static_site"}

    @property
    def health_host(self) -> str:
        """Return the Host that a health check sends: a verified domain of its own, if any."""
        own = next((each.name for each in self.domains if each.verified), "")
        return own or self.url.partition("//")[2]

    def snapshot(self, shared: dict[str, str], files: dict[str, str]) -> Snapshot:
        """Freeze the stored configuration for a deploy, over what its groups share."""
        return Snapshot(
            env=shared | {variable.key: variable.value for variable in self.env},
            files=files | {file.name: file.content for file in self.secret_files},
            build_command=self.build_command,
            start_command=self.start_command,
            pre_deploy_command=self.pre_deploy_command,
            health_path=self.health_path,
            publish_path=self.publish_path,
            root_dir=self.root_dir,
            branch=self.branch,
            instances=self.instances,
        )

    def json(self) -> Json:
        """Return the service as the API shows it, keys in alphabetical order."""
        shown: Json = {
            "autoDeploy": "no" if self.auto_deploy_trigger == "off" else "yes",
            "autoDeployTrigger": self.auto_deploy_trigger,
            "branch": self.branch,
            "buildFilter": self.build_filter,
            "createdAt": stamp(self.created_at),
            "dashboardUrl": f"https://dashboard.render.com/{SHORT_TYPE[self.type]}/{self.id}",
            "id": self.id,
            "name": self.name,
            "notifyOnFail": "default",
            "ownerId": self.owner_id,
            "repo": self.repo,
            "rootDir": self.root_dir,
            "serviceDetails": self._details(),
            "slug": self.slug,
            "suspended": "suspended" if self.suspended else "not_suspended",
            "suspenders": ["user"] if self.suspended else [],
            "type": self.type,
            "updatedAt": stamp(self.updated_at),
        }
        return {key: value for key, value in shown.items() if value is not None}

    def _details(self) -> Json:
        details: Json = {"buildPlan": "starter", "previews": {"generation": "off"}}
        details["pullRequestPreviewsEnabled"] = "no"
        if self.type == "static_site":
            details |= {"buildCommand": self.build_command, "publishPath": self.publish_path}
            details |= {"url": self.url, "renderSubdomainPolicy": "enabled"}
            return dict(sorted(details.items()))
        specific = {"buildCommand": self.build_command, "startCommand": self.start_command}
        if self.pre_deploy_command:
            specific["preDeployCommand"] = self.pre_deploy_command
        details |= {
            "env": self.runtime,
            "runtime": self.runtime,
            "envSpecificDetails": specific,
            "plan": self.plan,
            "region": self.region,
            "numInstances": self.instances,
        }
        if self.shutdown_delay_seconds is not None:
            details["maxShutdownDelaySeconds"] = self.shutdown_delay_seconds
        if self.type in {"web_service", "private_service"}:
            details["openPorts"] = [{"port": 10000, "protocol": "TCP"}]
            details["url"] = self.url or f"{self.slug}:10000"
        if self.type == "web_service":
            details["healthCheckPath"] = self.health_path
            details["maintenanceMode"] = self.maintenance
            details["renderSubdomainPolicy"] = "enabled"
        if self.type == "cron_job":
            for key in ("numInstances", "previews", "pullRequestPreviewsEnabled"):
                del details[key]
            details["schedule"] = self.schedule
        return dict(sorted(details.items()))
