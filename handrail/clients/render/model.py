"""What is read from Render, as frozen facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from handrail.clients.errors import ClientError

SUCCEEDED = frozenset({"live", "deactivated"})
FAILED = frozenset({"build_failed", "pre_deploy_failed", "update_failed", "canceled"})
"""A deploy that is in neither set goes on, even where its status is one we do not know."""


def moment(value: object) -> datetime | None:
    """Return an RFC 3339 time as an aware datetime; None when it is absent or null."""
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None


def _text(data: Mapping[str, Any], *names: str) -> str:  # Any: JSON
    """Return what stands under the first of these names that says anything; empty where none."""
    return next((data[name] for name in names if data.get(name)), "")


def not_understood(thing: str, error: Exception) -> ClientError:
    """Return the error for an answer that lacks what it must have; it names fields, not values."""
    lacks = f" `{error.args[0]}`" if isinstance(error, KeyError) else ""
    return ClientError(
        f"an answer of Render about a {thing} was not understood",
        f"a field{lacks} is missing or of another form",
        "compare with https://api-docs.render.com/reference/introduction",
    )


@dataclass(frozen=True)
class Service:
    """A service on Render.

    Args:
        id: ``srv-…``, or ``crn-…`` for a cron job.
        name: Unique in its workspace.
        type: ``web_service``, ``private_service``, ``background_worker``, ``cron_job`` or
            ``static_site``.
        suspended: Whether its instances are stopped on purpose.
        suspenders: Who stopped them: ``user``, ``billing``, ``admin``, …
        url: Public base URL; empty where the type has none.
        autodeploy: Whether a push to its branch deploys it.
        repo: URL of its repository; empty when it is made from an image.
        branch: Branch it deploys.
        root_dir: Directory of the repository it lives in; empty for the whole.
        build_command: Empty where the runtime has none.
        start_command: Empty where the runtime has none.
        docker_command: Of a service that Docker builds; empty where the image says it itself.
        docker_context: What Docker builds from; empty where Docker does not.
        dockerfile_path: Where its Dockerfile is; likewise.
        pre_deploy_command: Runs before each deploy goes live; empty where nothing does.
        health_check_path: Empty when health is a TCP connection.
        plan: Instance type; empty for a static site.
        runtime: ``python``, ``node``, …; empty for a static site.
        region: Empty for a static site.
        dashboard_url: Page of the service for people.
        created_at: When it was made.
    """

    id: str
    name: str
    type: str
    suspended: bool
    suspenders: tuple[str, ...]
    url: str
    autodeploy: bool
    repo: str
    branch: str
    root_dir: str
    build_command: str
    start_command: str
    docker_command: str
    docker_context: str
    dockerfile_path: str
    pre_deploy_command: str
    health_check_path: str
    plan: str
    runtime: str
    region: str
    dashboard_url: str
    created_at: datetime | None

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Self:  # Any: JSON
        """Read a service object.

        Raises:
            ClientError: it lacks a field that every service has.
        """
        try:
            details = data.get("serviceDetails") or {}
            native = details.get("envSpecificDetails") or {}
            return cls(
                id=data["id"],
                name=data["name"],
                type=data["type"],
                # A word, not a truth value: "not_suspended" would be true.
                suspended=data["suspended"] == "suspended",
                suspenders=tuple(map(str, data.get("suspenders") or ())),
                url=_text(details, "url"),
                autodeploy=data["autoDeploy"] == "yes",
                repo=_text(data, "repo"),
                branch=_text(data, "branch"),
                root_dir=_text(data, "rootDir"),
                # A static site has its build command beside, not inside, the native details.
                build_command=_text({**details, **native}, "buildCommand"),
                start_command=_text(native, "startCommand"),
                docker_command=_text(native, "dockerCommand"),
                docker_context=_text(native, "dockerContext"),
                dockerfile_path=_text(native, "dockerfilePath"),
                # Written beside the native details, and read inside them.
                pre_deploy_command=_text({**details, **native}, "preDeployCommand"),
                health_check_path=_text(details, "healthCheckPath"),
                plan=_text(details, "plan"),
                runtime=_text(details, "runtime", "env"),
                region=_text(details, "region"),
                dashboard_url=_text(data, "dashboardUrl") or "https://dashboard.render.com",
                created_at=moment(data.get("createdAt")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise not_understood("service", error) from None


@dataclass(frozen=True)
class Deploy:
    """One deploy of a service.

    Args:
        id: ``dep-…``.
        status: As Render names it; `going_on`, `succeeded` and `failed` fold it.
        commit: Full sha; None when the service is made from an image.
        created_at: When it was asked for.
        finished_at: None while it goes on.
        trigger: ``api``, ``rollback``, ``new_commit``, ``service_resumed``, …; empty if not told.
    """

    id: str
    status: str
    commit: str | None
    created_at: datetime | None
    finished_at: datetime | None
    trigger: str

    @property
    def succeeded(self) -> bool:
        """Whether it is live, or was until a later one replaced it."""
        return self.status in SUCCEEDED

    @property
    def failed(self) -> bool:
        """Whether it ended without ever being live."""
        return self.status in FAILED

    @property
    def going_on(self) -> bool:
        """Whether it has not ended, as far as its status says."""
        return not (self.succeeded or self.failed)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Self:  # Any: JSON
        """Read a deploy object; commit, finish and trigger may be null or left out.

        Raises:
            ClientError: it has no id or no status.
        """
        try:
            return cls(
                id=data["id"],
                status=data["status"],
                commit=(data.get("commit") or {}).get("id"),
                created_at=moment(data.get("createdAt")),
                finished_at=moment(data.get("finishedAt")),
                trigger=data.get("trigger") or "",
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise not_understood("deploy", error) from None


@dataclass(frozen=True)
class LogLine:
    """One line of a service's log.

    Args:
        id: Unique to the line.
        at: When it was written.
        text: The line; may hold anything the application printed.
        type: ``app``, ``request`` or ``build``; empty if not told.
    """

    id: str
    at: datetime
    text: str
    type: str

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Self:  # Any: JSON
        """Read a log object.

        Raises:
            ClientError: it lacks a field that every line has.
        """
        try:
            labels = {label["name"]: label["value"] for label in data.get("labels") or []}
            return cls(
                id=data["id"],
                at=datetime.fromisoformat(data["timestamp"]),
                text=data["message"],
                type=labels.get("type", ""),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise not_understood("log line", error) from None
