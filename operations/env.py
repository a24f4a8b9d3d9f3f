"""Task 3: environment variables of the services on Render."""

import secrets
import string
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from handrail.clients.render import Render
from handrail.clients.secret import Secret
from handrail.engine import FROM_TARGET, Commands, Finding, call, fails, holds, step

from .services import Names, deleted, names, services_exist
from .variables import Variables

KEY_LENGTH = 50  # as Django's get_random_secret_key() makes it
KEY_ALPHABET = string.ascii_lowercase + string.digits + "!@#$%^&*(-_=+)"


def current_values(render: Render, services: Names, variables: Iterable[str]) -> dict[str, Any]:
    """Return the values as they are, by service and name; None where a variable is not set."""
    return {service: values_of(render, service, list(variables)) for service in names(services)}


def values_are_set(render: Render, services: Names, variables: Variables) -> Finding:
    """Every service has the variables, with these values, its own or those of a linked group."""
    wanted = variables.revealed()
    for service in names(services):
        own = {name: (value, "") for name, value in service_variables(render, service).items()}
        if wrong := _wrong(service, shared_by(render, service) | own, wanted):
            return fails(wrong)
    return holds()


def _wrong(service: str, there: dict[str, tuple[str, str]], wanted: dict[str, str]) -> str:
    """Return which variable of a service is not as it is wanted, or nothing."""
    for name, value in wanted.items():
        if name not in there:
            return f"`{name}` is not set on `{service}`"
        found, group = there[name]
        if found != value:
            where = f", of the group `{group}`" if group else ""
            return f"`{name}` on `{service}` has another value{where}"
    return ""


def restore_values(render: Render, before: dict[str, Any]) -> None:
    """Set what was set, and remove what was not there."""
    for service, values in before.items():
        if render.find_service(service) is not None:
            merge(render, service, values)


@step(
    requires=[services_exist],
    captures=current_values,
    ensures=values_are_set,
    rollback=restore_values,
    rollback_name="Set the variables as they were",
    gone=deleted,
    idempotent=True,
)
def put(
    *,
    render: Render = FROM_TARGET,
    services: Names = FROM_TARGET,
    variables: Annotated[Mapping[str, str | Secret], Variables],
) -> Commands:
    """Set environment variables of Render services.

    Takes effect at the next deploy, not at once. Variables that are not named stay as they are.

    Args:
        render: The workspace.
        services: Names of the services.
        variables: Values by name; a secret as `env:NAME` or `file:PATH`.

    Raises:
        ClientError: Render refused, or a secret is not to be had.

    Source: https://api-docs.render.com/reference/update-env-vars-for-service
    """
    for service in names(services):
        yield call(merge, render, service, dict(variables))


def current_keys(render: Render, services: Names, variable: str) -> dict[str, Any]:
    """Return the variable as it is on each service."""
    return {service: values_of(render, service, [variable]) for service in names(services)}


def one_key_is_shared(render: Render, services: Names, variable: str) -> Finding:
    """All services have the same key, and it is long enough."""
    found = {effective(render, service).get(variable, "") for service in names(services)}
    if len(found) > 1:
        return fails(f"`{variable}` differs between the services")
    if any(len(key) < KEY_LENGTH for key in found):
        return fails(f"`{variable}` is not set, or shorter than {KEY_LENGTH} characters")
    return holds()


@step(
    requires=[services_exist],
    captures=current_keys,
    ensures=one_key_is_shared,
    rollback=restore_values,
    rollback_name="Set the key as it was, or remove it",
    gone=deleted,
    idempotent=True,
)
def generate_key(
    *, render: Render = FROM_TARGET, services: Names = FROM_TARGET, variable: str
) -> Commands:
    """Make one secret key and set it on all services.

    Render's `generateValue` would give each service another key, and tokens signed by one would
    be refused by the others. A good key that is there already is kept and shared.

    Args:
        render: The workspace.
        services: Names of the services.
        variable: Its name, ``SECRET_KEY``.

    Raises:
        ClientError: Render refused.

    Source: https://docs.djangoproject.com/en/5.2/ref/settings/#secret-key
    """
    yield call(share_key, render, services, variable)


def share_key(render: Render, services: Names, variable: str) -> None:
    """Give every service the key that one of them has, or a new one."""
    found = [effective(render, service).get(variable, "") for service in names(services)]
    good = (key for key in found if len(key) >= KEY_LENGTH)
    key = next(good, None) or _new_key()
    for service in names(services):
        merge(render, service, {variable: Secret.of(key)})


def _new_key() -> str:
    return "".join(secrets.choice(KEY_ALPHABET) for _ in range(KEY_LENGTH))


def merge(render: Render, service: str, values: dict[str, str | Secret | None]) -> None:
    """Change the named variables of a service and leave the others; None removes one."""
    identity = render.service(service).id
    current = render.env_vars(identity)
    changed = current | values
    merged = {name: _revealed(value) for name, value in changed.items() if value is not None}
    if merged != current:
        render.replace_env_vars(identity, merged)


def _revealed(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def values_of(render: Render, service: str, wanted: list[str]) -> dict[str, Secret | None]:
    """Return variables of a service, each withheld; None where it is not set."""
    found = service_variables(render, service)
    return {name: Secret.of(found[name]) if name in found else None for name in wanted}


def service_variables(render: Render, service: str) -> dict[str, str]:
    """Return all variables of a service; none where there is no such service."""
    known = render.find_service(service)
    return render.env_vars(known.id) if known else {}


def effective(render: Render, service: str) -> dict[str, str]:
    """Return the variables that a service's next deploy begins with, those of groups included."""
    known = render.find_service(service)
    return render.effective_vars(known.id) if known else {}


def shared_by(render: Render, service: str) -> dict[str, tuple[str, str]]:
    """Return value and group of each variable that linked groups give a service."""
    known = render.find_service(service)
    groups = render.groups_of(known.id) if known else []
    return {
        name: (value, group.name) for group in groups for name, value in group.variables.items()
    }
