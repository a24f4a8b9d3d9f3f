"""Task 2.1: render.yaml describes the four Django services instead of the Node one."""

from typing import Any

import yaml

from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.clients.render import Render
from handrail.engine import Commands, Finding, call, check, fails, holds, step

from .commits import blob, clone_is_ready, revert_commit, tip, trailers

COMMON = (
    "DJANGO_SETTINGS_MODULE",
    "SECRET_KEY",
    "DEBUG",
    "ALLOWED_HOSTS",
    "CORS_ALLOWED_ORIGINS",
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "CELERY_RESULT_BACKEND",
    "CLOUDINARY_CLOUD_NAME",
    "CLOUDINARY_API_KEY",
    "CLOUDINARY_API_SECRET",
)


@check(fix="correct the definitions in the inventory, or the file; Render names key and line")
def render_accepts_it(
    render: Render,
    repository: Repository,
    path: str,
    services: dict[str, str],
    definitions: dict[str, dict[str, Any]],
    python_version: str,
) -> Finding:
    """Render accepts the Blueprint as it would be written."""
    text = rewritten(repository, path, services, definitions, python_version)
    problems = render.validate_blueprint(text)
    return fails("; ".join(problems)) if problems else holds()


def services_are_described(
    repository: Repository,
    path: str,
    services: dict[str, str],
    definitions: dict[str, dict[str, Any]],
    python_version: str,
) -> Finding:
    """The Blueprint on the remote branch has the Django services, and no Node and no cron one."""
    text = repository.read(path, commit=tip(repository))
    if text is None:
        return fails(f"`{path}` is not on the remote branch")
    entries = parsed(text, path)["services"]
    found = {each.get("name"): each for each in entries}
    for wanted in described(services, definitions, python_version):
        if found.get(wanted["name"]) != wanted:
            return fails(f"service `{wanted['name']}` is missing or differs")
    legacy = [str(each.get("name")) for each in entries if is_legacy(each)]
    return fails(f"still there: {', '.join(legacy)}") if legacy else holds()


@step(
    requires=[clone_is_ready, render_accepts_it],
    captures=blob,
    ensures=services_are_described,
    rollback=revert_commit,
    idempotent=True,
)
def replace(
    render: Render,
    repository: Repository,
    path: str,
    services: dict[str, str],
    definitions: dict[str, dict[str, Any]],
    python_version: str,
    task: str,
    run: str,
) -> Commands:
    """Replace the Node and cron services of render.yaml by the Django services.

    Static sites stay; the deprecated key `env` becomes `runtime`. Values of variables are not in
    the file: all services must share one SECRET_KEY, which `generateValue` would not give.

    Args:
        render: The workspace that checks the file.
        repository: Working clone of the app.
        path: The Blueprint, from the root of the repository.
        services: Names on Render, by the part they play.
        definitions: Blueprint entries by part, without `name` and `envVars`.
        python_version: All three numbers, as Render wants them.
        task: Plan task, for the commit.
        run: Run, for the commit.

    Raises:
        ClientError: not YAML, or Render or git refused.

    Source: https://render.com/docs/blueprint-spec
    """
    text = rewritten(repository, path, services, definitions, python_version)
    message = "Describe the Django services in render.yaml"
    yield call(repository.commit_files, {path: text}, message, trailers(task, run))


def rewritten(
    repository: Repository,
    path: str,
    services: dict[str, str],
    definitions: dict[str, dict[str, Any]],
    python_version: str,
) -> str:
    """Return the Blueprint's text with the Django services in place of the Node ones."""
    blueprint = parsed(repository.read(path) or "services: []", path)
    kept = [with_runtime(each) for each in blueprint["services"] if not is_legacy(each)]
    entries = [each for each in kept if each.get("name") not in services.values()]
    blueprint["services"] = entries + described(services, definitions, python_version)
    return as_yaml(blueprint)


def described(
    services: dict[str, str], definitions: dict[str, dict[str, Any]], python_version: str
) -> list[dict[str, Any]]:
    """Return the Blueprint's entries: named, and with the variables each asks for."""
    return [
        {"name": services[part]}
        | definition
        | {
            "envVars": [
                {"key": "PYTHON_VERSION", "value": python_version},
                *({"key": key, "sync": False} for key in COMMON),
            ]
        }
        for part, definition in definitions.items()
    ]


def is_legacy(service: dict[str, Any]) -> bool:
    """Tell a service of the Node days: Node itself, or the cron job that kept it awake."""
    runtime = service.get("runtime", service.get("env"))
    return service.get("type") == "cron" or (service.get("type") == "web" and runtime == "node")


def with_runtime(service: dict[str, Any]) -> dict[str, Any]:
    """Return a service with `runtime` in place of the deprecated `env`."""
    return {"runtime" if key == "env" else key: value for key, value in service.items()}


def as_yaml(blueprint: dict[str, Any]) -> str:
    """Return a Blueprint as text; the keys keep their order."""
    return yaml.safe_dump(blueprint, sort_keys=False, allow_unicode=True, width=100)


def parsed(text: str, path: str) -> dict[str, Any]:
    """Return a Blueprint as data.

    Raises:
        ClientError: not YAML, or without a list of services.
    """
    try:
        blueprint = yaml.safe_load(text)
        services = blueprint["services"]
        well = isinstance(services, list) and all(isinstance(each, dict) for each in services)
    except (yaml.YAMLError, TypeError, KeyError) as error:
        raise ClientError(f"`{path}` was not read", str(error), f"correct `{path}`") from None
    if not well:
        raise ClientError(f"`{path}` was not read", "it lists no services", f"correct `{path}`")
    return dict(blueprint)
