"""How a service is described, as in render.yaml, and held against the one that is on Render."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from handrail.clients.errors import ClientError
from handrail.clients.render import Service
from handrail.engine import Finding, check, holds_if
from handrail.naming import ticked

TYPES = {"web": "web_service", "worker": "background_worker", "pserv": "private_service"}
# What Render lets be changed, by the name it has in a Blueprint, and how a service reads there.
# Source: https://api-docs.render.com/reference/update-service
CHANGEABLE = {
    "rootDir": "root_dir",
    "buildCommand": "build_command",
    "startCommand": "start_command",
    "dockerCommand": "docker_command",
    "dockerContext": "docker_context",
    "dockerfilePath": "dockerfile_path",
    "preDeployCommand": "pre_deploy_command",
    "healthCheckPath": "health_check_path",
    "plan": "plan",
    "repo": "repo",
    "branch": "branch",
}
FIXED = {"runtime": "runtime", "region": "region"}
# Within the details, in one object: commands of a native runtime, or those of Docker.
COMMANDS = {"buildCommand", "startCommand", "dockerCommand", "dockerContext", "dockerfilePath"}
DETAILS = COMMANDS | {"preDeployCommand", "healthCheckPath", "plan"}
# What a Blueprint leaves out is not there: neither a command before each deploy, nor a health path.
LEFT_OUT = {"preDeployCommand": "", "healthCheckPath": ""}
# Given to a service that is made, and not compared later.
MADE_WITH = {"numInstances", "maxShutdownDelaySeconds", "disk", "maintenanceMode"}
# Said of a service in other ways: its name, and that pushes do not deploy it.
OTHERWISE = {"type", "buildFilter", "autoDeploy", "autoDeployTrigger"}
KNOWN = {*CHANGEABLE, *FIXED, *MADE_WITH, *OTHERWISE}
IMAGE = "image"
NEEDED: dict[str, tuple[str, ...]] = {"docker": ()}  # by a runtime that needs no commands

Definition = dict[str, Any]  # Any: a Blueprint entry
Definitions = dict[str, Definition]  # by the part they play


@check(fix="correct `definitions` in the inventory; https://render.com/docs/blueprint-spec")
def they_can_be_made(definitions: Definitions) -> Finding:
    """Each service is described by what can be made of it through Render's API."""
    found = [
        f"`{part}` {fault}"
        for part, definition in definitions.items()
        for fault in faults(definition)
    ]
    return holds_if(not found, "; ".join(found))


def faults(definition: Definition) -> Iterator[str]:
    """Yield why a definition is none of a service that can be made and deployed from commits."""
    kind, runtime = definition.get("type"), definition.get("runtime")
    if kind not in TYPES:
        yield f"is of the type {kind}, and {', '.join(TYPES)} can be made"
    if not runtime:
        yield "has no `runtime`"
    if runtime == IMAGE:
        yield "is made from an image, and commits of the repository are deployed here"
    needed = NEEDED.get(str(runtime), ("buildCommand", "startCommand"))
    yield from (f"has no `{key}`" for key in needed if key not in definition)
    if strange := sorted(definition.keys() - KNOWN):
        yield f"has {ticked(strange)}, which is not given to Render here"


def unlike(found: Service, definition: Definition) -> str:
    """Return what makes a service another one than is described, or nothing."""
    wanted = TYPES[definition["type"]]
    if found.type != wanted:
        return f"is a {found.type}, not a {wanted}"
    for key, field in FIXED.items():
        if key in definition and getattr(found, field) != definition[key]:
            return f"has the {key} {getattr(found, field)}, not {definition[key]}"
    return ""


def changes(found: Service, definition: Definition, source: dict[str, str]) -> dict[str, str]:
    """Return the described settings that a service does not have."""
    described = LEFT_OUT | definition
    wanted = _of(described, CHANGEABLE) | source
    return {
        key: given(key, value)
        for key, value in wanted.items()
        if spelt(key, value) != spelt(key, getattr(found, CHANGEABLE[key]))
    }


def _of(definition: Mapping[str, Any], keys: Iterable[str]) -> Definition:  # Any: an entry's values
    """Return what a definition says under some keys, of those that it has."""
    return {key: definition[key] for key in keys if key in definition}


def given(key: str, value: object) -> str:
    """Return a setting as it is given to Render: plans are written with spaces in a Blueprint.

    Source: https://api-docs.render.com/reference/create-service
    """
    text = str(value)
    return text.replace(" ", "_").replace("-", "_") if key == "plan" else text


def spelt(key: str, value: object) -> str:
    """Return a setting in one spelling, to be compared."""
    match key:
        case "repo":
            return str(value).removesuffix("/").removesuffix(".git")
        case "rootDir" | "dockerContext" | "dockerfilePath":
            return "" if value == "." else str(value).removeprefix("./").rstrip("/")
        case _:
            return given(key, value)


def patch_of(settings: dict[str, str]) -> dict[str, Any]:
    """Return the body of the call that changes settings."""
    body = _of(settings, settings.keys() - DETAILS)
    details = _of(settings, DETAILS - COMMANDS)
    if commands := _of(settings, COMMANDS):
        details["envSpecificDetails"] = commands
    return body | ({"serviceDetails": details} if details else {})


def body_of(
    name: str, definition: Definition, source: dict[str, str], owner: str
) -> dict[str, Any]:
    """Return the create call's body for a Blueprint entry.

    Raises:
        ClientError: it is none that can be made.
    """
    if wrong := "; ".join(faults(definition)):
        raise ClientError(f"`{name}` was not made", f"its definition {wrong}", they_can_be_made.fix)
    settings = {key: given(key, value) for key, value in _of(definition, CHANGEABLE).items()}
    body = patch_of(settings)
    details = _of(definition, (*FIXED, *sorted(MADE_WITH))) | body.pop("serviceDetails", {})
    return {
        "type": TYPES[definition["type"]],
        "name": name,
        "ownerId": owner,
        "autoDeploy": "no",
        "serviceDetails": details,
        **_of(definition, ["buildFilter"]),
        **body,
        **source,
    }
