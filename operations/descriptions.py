"""How a service is described, as in render.yaml, and held against the one that is on Render."""

from typing import Any

from handrail.clients.render import Service

TYPES = {"web": "web_service", "worker": "background_worker", "pserv": "private_service"}
# What Render lets be changed, by the name it has in a Blueprint, and how a service reads there.
# Source: https://api-docs.render.com/reference/update-service
CHANGEABLE = {
    "rootDir": "root_dir",
    "buildCommand": "build_command",
    "startCommand": "start_command",
    "preDeployCommand": "pre_deploy_command",
    "healthCheckPath": "health_check_path",
    "plan": "plan",
    "repo": "repo",
    "branch": "branch",
}
FIXED = {"runtime": "runtime", "region": "region"}
DETAILS = {"buildCommand", "startCommand", "preDeployCommand", "healthCheckPath", "plan"}
# What a Blueprint leaves out is not there: neither a command before each deploy, nor a health path.
LEFT_OUT = {"preDeployCommand": "", "healthCheckPath": ""}
COMMANDS = {"buildCommand", "startCommand"}

Definitions = dict[str, dict[str, Any]]  # Blueprint entries by the part they play


def unlike(found: Service, definition: dict[str, Any]) -> str:
    """Return what makes a service another one than is described, or nothing."""
    wanted = TYPES[definition["type"]]
    if found.type != wanted:
        return f"is a {found.type}, not a {wanted}"
    for key, field in FIXED.items():
        if key in definition and getattr(found, field) != definition[key]:
            return f"has the {key} {getattr(found, field)}, not {definition[key]}"
    return ""


def changes(found: Service, definition: dict[str, Any], source: dict[str, str]) -> dict[str, str]:
    """Return the described settings that a service does not have."""
    described = LEFT_OUT | definition
    wanted = {key: str(described[key]) for key in CHANGEABLE if key in described} | {
        key: value.removesuffix(".git") for key, value in source.items()
    }
    return {
        key: value
        for key, value in wanted.items()
        if str(getattr(found, CHANGEABLE[key])).removesuffix(".git") != value
    }


def patch_of(settings: dict[str, str]) -> dict[str, Any]:
    """Return the body of the call that changes settings."""
    body: dict[str, Any] = {key: settings[key] for key in settings.keys() - DETAILS}
    details: dict[str, Any] = {key: settings[key] for key in settings.keys() & DETAILS - COMMANDS}
    if commands := {key: settings[key] for key in settings.keys() & COMMANDS}:
        details["envSpecificDetails"] = commands
    return body | ({"serviceDetails": details} if details else {})


def body_of(
    name: str, definition: dict[str, Any], source: dict[str, str], owner: str
) -> dict[str, Any]:
    """Return the create call's body for a Blueprint entry."""
    details = {
        "runtime": definition["runtime"],
        "plan": definition["plan"],
        "region": definition["region"],
        "envSpecificDetails": {
            "buildCommand": definition["buildCommand"],
            "startCommand": definition["startCommand"],
        },
    }
    details |= {key: definition[key] for key in LEFT_OUT if key in definition}
    return {
        "type": TYPES[definition["type"]],
        "name": name,
        "ownerId": owner,
        "autoDeploy": "no",
        "rootDir": definition["rootDir"],
        "serviceDetails": details,
        **source,
    }
