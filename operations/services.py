"""Claims and reads of services on Render that several steps rely on."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from handrail.clients.render import Deploy, Render, Service
from handrail.engine import Finding, check, fails, holds, holds_if
from handrail.naming import ticked

DEPLOYS = 100  # how far back an earlier deploy is looked for

Names = list[str] | dict[str, str]  # services by name, or by the part they play


@check(fix="create the services first: `service.create` in the runbook does")
def services_exist(render: Render, services: Names) -> Finding:
    """The services exist on Render."""
    missing = [name for name in names(services) if render.find_service(name) is None]
    return holds_if(not missing, f"Render has no {ticked(missing)}")


@check(fix="create the service first, or correct its name in the inventory")
def service_exists(render: Render, service: str) -> Finding:
    """The service exists on Render."""
    return holds_if(render.find_service(service), f"Render has no `{service}`")


def _not_allowed(render: Render, service: Service) -> list[str]:
    """Return the hosts that a service is asked under and Django would not take."""
    allowed = render.effective_vars(service.id).get("ALLOWED_HOSTS")
    hosts = [*render.domains(service.id), urlsplit(service.url).hostname or ""]
    return [host for host in hosts if allowed is not None and not allows(allowed, host)]


@check(fix="add the host to `allowed_hosts` in the inventory; task 3.2 sets it")
def its_hosts_are_allowed(render: Render, services: Names) -> Finding:
    """Django takes the hosts that each service is asked under.

    Render's health check sends a custom domain where the service has one that is verified, so a
    deploy whose Django does not allow it never becomes healthy.
    """
    for name in names(services):
        found = render.find_service(name)
        if found is None or found.type != "web_service":
            continue
        if strange := _not_allowed(render, found):
            return fails(f"`ALLOWED_HOSTS` of `{name}` lacks {', '.join(strange)}")
    return holds()


def allows(allowed: str, host: str) -> bool:
    """Tell whether a list of hosts, as Django reads it, takes a host.

    Source: https://docs.djangoproject.com/en/5.2/ref/settings/#allowed-hosts
    """
    patterns = [each.strip().lower() for each in allowed.split(",")]
    return any(
        each in ("*", host) or (each.startswith(".") and f".{host}".endswith(each))
        for each in patterns
    )


def names(services: Names) -> list[str]:
    """Return the names of services."""
    return list(services.values()) if isinstance(services, dict) else services


def commit_of(deploy: Deploy | None) -> str | None:
    """Return the commit of a deploy; None where there is no deploy."""
    return deploy.commit if deploy else None


def cancel_coming(render: Render, service: Service) -> None:
    """Cancel the deploys of a service that are not live yet."""
    while (coming := render.deploy_in_progress(service.id)) is not None:
        render.cancel_deploy(service.id, coming.id)


def deleted(render: Render, before: Mapping[str, Any]) -> dict[str, str]:  # Any: snapshots
    """Return which services of a snapshot by name Render has no more, each in a sentence."""
    return {
        name: f"`{name}` was deleted on Render, or renamed"
        for name, was in before.items()
        if says_something(was) and render.is_deleted(name)
    }


def ended(render: Render, coming: Mapping[str, str | None]) -> dict[str, str]:
    """Return, as the entry of a snapshot, that deploys of somebody else are under way no more.

    Empty where some service has a deploy under way now: that may be one of ours, which would arrive
    after everything was put back.

    Args:
        render: The workspace.
        coming: By name of the service, the commit that was under way before; None for none.
    """
    if not any(coming.values()):
        return {}
    there = filter(None, map(render.find_service, coming))
    if any(render.deploy_in_progress(each.id) for each in there):
        return {}
    told = (f"`{name}` (commit {commit[:12]})" for name, commit in coming.items() if commit)
    why = "somebody else's deploy, under way when the step began, has ended: of "
    return {"coming": f"{why}{', '.join(told)}"}


def says_something(was: object) -> bool:
    """Tell whether a snapshot of a service is of one that was there, or had what was asked for."""
    return any(map(says_something, was.values())) if isinstance(was, Mapping) else bool(was)


def running(render: Render, services: Names) -> dict[str, bool]:
    """Return, by name, whether a service is there and not suspended."""
    return {name: runs(render, name) for name in names(services)}


def runs(render: Render, name: str) -> bool:
    """Tell whether a service is there and not suspended."""
    found = render.find_service(name)
    return found is not None and not found.suspended
