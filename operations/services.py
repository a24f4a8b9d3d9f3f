"""Claims and reads of services on Render that several steps rely on."""

from handrail.clients.render import Render, Service
from handrail.engine import Finding, check, holds_if

DEPLOYS = 100  # how far back an earlier deploy is looked for

Names = list[str] | dict[str, str]  # services by name, or by the part they play


@check(fix="create the services first: `service.create` in the runbook does")
def services_exist(render: Render, services: Names) -> Finding:
    """The services exist on Render."""
    missing = [name for name in names(services) if render.find_service(name) is None]
    return holds_if(not missing, f"Render has no {', '.join(f'`{name}`' for name in missing)}")


@check(fix="create the service first, or correct its name in the inventory")
def service_exists(render: Render, service: str) -> Finding:
    """The service exists on Render."""
    return holds_if(render.find_service(service), f"Render has no `{service}`")


def names(services: Names) -> list[str]:
    """Return the names of services."""
    return list(services.values()) if isinstance(services, dict) else services


def cancel_coming(render: Render, service: Service) -> None:
    """Cancel the deploys of a service that are not live yet."""
    while (coming := render.deploy_in_progress(service.id)) is not None:
        render.cancel_deploy(service.id, coming.id)


def running(render: Render, services: Names) -> dict[str, bool]:
    """Return, by name, whether a service is there and not suspended."""
    return {name: runs(render, name) for name in names(services)}


def runs(render: Render, name: str) -> bool:
    """Tell whether a service is there and not suspended."""
    found = render.find_service(name)
    return found is not None and not found.suspended
