"""Task 2.1: render.yaml describes the four Django services instead of the Node one."""

from functools import partial
from itertools import filterfalse
from typing import Any

from handrail.clients.git import Repository
from handrail.clients.git_snapshot import Snapshot
from handrail.clients.render import Render
from handrail.engine import (
    FROM_RUN,
    FROM_TARGET,
    Commands,
    Finding,
    call,
    check,
    fails,
    gate,
    holds_if,
    step,
)

from .blueprint_nodes import Service
from .blueprint_text import Blueprint
from .commits import blob, branch_is_there, revert_commit, trailers

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


Definition = dict[str, Any]  # Any: an entry of a Blueprint


@check(fix="correct the definitions in the inventory, or the file; Render names key and line")
def render_accepts_it(
    render: Render,
    repository: Repository,
    path: str,
    services: dict[str, str],
    definitions: dict[str, Definition],
    python_version: str,
    others: dict[str, Any],
) -> Finding:
    """Render accepts the Blueprint as it would be written."""
    files = edited(repository.at(), path, services, definitions, python_version, others)
    problems = render.validate_blueprint(files[path])
    return holds_if(not problems, "; ".join(problems))


@check(
    fix="let those services take the value from somewhere else, commit, push, then the same "
    "command again"
)
def nothing_refers_to_legacy(repository: Repository, path: str, others: dict[str, Any]) -> Finding:
    """No service that stays takes a value from one that goes."""
    found = read(repository.at(), path).references(set(others["legacy"]))
    return holds_if(not found, "; ".join(found))


def services_are_described(
    repository: Repository,
    path: str,
    services: dict[str, str],
    definitions: dict[str, Definition],
    python_version: str,
    others: dict[str, Any],
) -> Finding:
    """The Blueprint on the remote has the Django services, and no legacy one."""
    snapshot = repository.at()
    if snapshot.find(path) is None:
        return fails(f"`{path}` is not on the remote branch")
    blueprint = read(snapshot, path)
    found = blueprint.by_name()
    for wanted in entries(blueprint, services, definitions, python_version, others):
        if found.get(wanted["name"]) != wanted:
            return fails(f"service `{wanted['name']}` is missing or differs")
    return others_are_dealt_with(found, others)


def others_are_dealt_with(found: dict[str, Any], others: dict[str, Any]) -> Finding:
    """The legacy services are gone, and pushes deploy none of those that are held."""
    if left := list(filter(found.__contains__, others["legacy"])):
        return fails(f"still there: {', '.join(left)}")
    loose = [name for name in others["held"] if name in found and not is_held(found[name])]
    return holds_if(not loose, f"pushes still deploy {', '.join(loose)}")


def what_changes(
    repository: Repository,
    path: str,
    services: dict[str, str],
    definitions: dict[str, Definition],
    python_version: str,
    others: dict[str, Any],
) -> str:
    """Return the lines that would change, and what stays beside them."""
    given = (path, services, definitions, python_version, others)
    blueprint = read(repository.at(), path)
    found, legacy = blueprint.by_name(), others["legacy"]
    gone = {*legacy, *services.values()}
    stays = [_staying(each) for each in blueprint.services if each.name not in gone]
    absent = filterfalse(found.__contains__, legacy)
    site = others["site"] if serves_no_site(blueprint, others) else {}
    new = [f"no static site serves the frontend: `{site['name']}` is made one"] if site else []
    named = blueprint.addresses(set(legacy))
    changed = repository.difference(lambda at: edited(at, *given))
    missing = (f"not in `{path}`: `{name}`, named as legacy" for name in absent)
    return "\n".join([changed, *new, *stays, *named, *missing])


def _staying(service: Service) -> str:
    kind = ", ".join(filter(None, (str(service.data.get("type")), service.runtime)))
    return f"stays: `{service.name}` ({kind})"


@step(
    requires=[branch_is_there, nothing_refers_to_legacy, render_accepts_it],
    captures=blob,
    ensures=services_are_described,
    rollback=revert_commit,
    rollback_name="Take back the commit of render.yaml",
    idempotent=True,
    preview=what_changes,
)
def replace(
    *,
    render: Render = FROM_TARGET,
    repository: Repository = FROM_TARGET,
    path: str = "render.yaml",
    services: dict[str, str] = FROM_TARGET,
    definitions: dict[str, Definition] = FROM_TARGET,
    python_version: str = FROM_TARGET,
    others: dict[str, Any] = FROM_TARGET["blueprint_others"],
    task: str = FROM_RUN,
    run: str = FROM_RUN,
) -> Commands:
    """Replace the legacy services of render.yaml by the Django services.

    All else stays as it is written; the deprecated key `env` becomes `runtime`. Values of variables
    are not in the file: all services must share one SECRET_KEY, which `generateValue` would not
    give.

    Args:
        render: The workspace that checks the file.
        repository: The app's repository.
        path: The Blueprint, from the root of the repository.
        services: Names on Render, by the part they play.
        definitions: Blueprint entries by part, without `name` and `envVars`.
        python_version: All three numbers, as Render wants them.
        others: What becomes of the other services: `legacy`, names of those that go; `held`, names
            of those that pushes must not deploy while the plan is at work; `site`, the entry of
            the static site, written where the file has none because Node served the frontend.
        task: Plan task, for the commit.
        run: Run, for the commit.

    Raises:
        ClientError: not YAML, or Render or git refused.

    Source: https://render.com/docs/blueprint-spec
    """
    edit = partial(
        edited,
        path=path,
        services=services,
        definitions=definitions,
        python_version=python_version,
        others=others,
    )
    message = "Describe the Django services in render.yaml"
    yield call(repository.commit_files, edit, message, trailers(task, run))


def edited(
    snapshot: Snapshot,
    path: str,
    services: dict[str, str],
    definitions: dict[str, Definition],
    python_version: str,
    others: dict[str, Any],
) -> dict[str, str]:
    """Return the Blueprint as it would be written."""
    there = read(snapshot, path)
    wanted = entries(there, services, definitions, python_version, others)
    made = there.edited(set(others["legacy"]), wanted, set(others["held"]))
    return {path: made.text}


def read(snapshot: Snapshot, path: str) -> Blueprint:
    """Return the Blueprint that is there, or an empty one."""
    return Blueprint(snapshot.read(path) or "services: []\n", path)


def entries(
    blueprint: Blueprint,
    services: dict[str, str],
    definitions: dict[str, Definition],
    python_version: str,
    others: dict[str, Any],
) -> list[Definition]:
    """Return the entries that must be there."""
    site = [others["site"]] if serves_no_site(blueprint, others) else []
    return described(services, definitions, python_version) + site


def serves_no_site(blueprint: Blueprint, others: dict[str, Any]) -> bool:
    """Tell whether a static site is wanted and none is described, but for the one we made."""
    site = others["site"]
    static = {
        each.name
        for each in blueprint.services
        if "static" in (each.runtime, each.data.get("type"))
    }
    return bool(site) and static <= {site["name"]} and not _is_anothers(blueprint, site)


def _is_anothers(blueprint: Blueprint, site: Definition) -> bool:
    """Tell whether a static site of that name is described otherwise: it was there before."""
    return any(each.name == site["name"] and each.data != site for each in blueprint.services)


@gate(fix="correct the file, commit, push, then the same command again; Render names key and line")
def is_valid(
    *, render: Render = FROM_TARGET, repository: Repository = FROM_TARGET, path: str = "render.yaml"
) -> Finding:
    """Render accepts the Blueprint as it stands on the branch."""
    text = repository.at().read(path)
    if text is None:
        return fails(f"`{path}` is not on the remote branch")
    problems = render.validate_blueprint(text)
    return holds_if(not problems, "; ".join(problems))


def is_held(service: Definition) -> bool:
    """Tell whether pushes leave a service alone."""
    return service.get("autoDeployTrigger") == "off" and "autoDeploy" not in service


def described(
    services: dict[str, str], definitions: dict[str, Definition], python_version: str
) -> list[Definition]:
    """Return the Django entries: named, not deployed by pushes, with their variables."""
    return [
        {"name": services[part]}
        | definition
        | {"autoDeployTrigger": "off"}
        | {
            "envVars": [
                {"key": "PYTHON_VERSION", "value": python_version},
                *({"key": key, "sync": False} for key in COMMON),
            ]
        }
        for part, definition in definitions.items()
    ]
