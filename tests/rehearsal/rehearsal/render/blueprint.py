"""A check of ``render.yaml`` by Render's own rules: what it would reject, is rejected here."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from rehearsal.render.records import Json

# Source: the JSON schema at render.com/schema/render.yaml.json, as of 2026-05.
ROOT = {
    "services", "databases", "envVarGroups", "projects", "ungrouped", "previews", "version",
    "previewsEnabled", "previewsExpireAfterDays",
}  # fmt: skip
SERVICE = {
    "type", "name", "runtime", "region", "plan", "repo", "branch", "rootDir", "image",
    "dockerCommand", "dockerContext", "dockerfilePath", "registryCredential", "numInstances",
    "scaling", "buildCommand", "preDeployCommand", "startCommand", "initialDeployHook",
    "healthCheckPath", "domain", "domains", "envVars", "autoDeploy", "autoDeployTrigger", "disk",
    "buildFilter", "previews", "maintenanceMode", "maxShutdownDelaySeconds", "ipAllowList",
    "renderSubdomainPolicy",
}  # fmt: skip
STATIC = {
    "type", "name", "runtime", "repo", "branch", "rootDir", "buildCommand", "staticPublishPath",
    "headers", "routes", "envVars", "autoDeploy", "autoDeployTrigger", "buildFilter", "domain",
    "domains", "previews", "ipAllowList", "renderSubdomainPolicy", "pullRequestPreviewsEnabled",
}  # fmt: skip
CRON = (SERVICE | {"schedule"}) - {"healthCheckPath", "domain", "domains", "numInstances",
                                   "scaling", "maintenanceMode"}  # fmt: skip
KEY_VALUE = {"type", "name", "region", "plan", "ipAllowList", "maxmemoryPolicy", "previewPlan"}
DATABASE = {
    "name", "databaseName", "user", "region", "plan", "diskSizeGB", "storageAutoscalingEnabled",
    "postgresMajorVersion", "highAvailability", "ipAllowList", "readReplicas", "previewPlan",
    "previewDiskSizeGB",
}  # fmt: skip
GROUP = {"name", "envVars"}
TYPES = {"web", "worker", "pserv", "cron", "keyvalue", "redis"}
RUNTIMES = {"docker", "elixir", "go", "node", "python", "ruby", "rust", "image", "static"}
TRIGGERS = {"off", "commit", "checksPass"}
DATABASE_PROPERTIES = {"connectionString", "host", "port", "user", "password", "database"}
SERVICE_PROPERTIES = {"host", "port", "hostport", "connectionString"}
ENV_FORMS = (
    {"key", "value"}, {"key", "value", "previewValue"}, {"key", "generateValue"},
    {"key", "sync"}, {"key", "fromDatabase"}, {"key", "fromService"}, {"fromGroup"},
)  # fmt: skip
SHUTDOWN_SECONDS = range(1, 301)

ENV_FORM = (
    "must have a key with one of value, generateValue, sync, fromDatabase, fromService, "
    "or be a fromGroup"
)

Finding = tuple[str, str]


def validate(text: bytes) -> Json:
    """Answer as ``POST /blueprints/validate`` does."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        found: Json = {"error": f"invalid YAML: {getattr(error, 'problem', error)}"}
        if mark is not None:
            found |= {"line": mark.line + 1, "column": mark.column + 1}
        return {"valid": False, "errors": [found]}
    findings = list(_document(document))
    if findings:
        errors = [{"path": path, "error": error} for path, error in findings]
        return {"valid": False, "errors": errors}
    services = document.get("services") or []
    stores = [one["name"] for one in services if one["type"] in {"keyvalue", "redis"}]
    plan = {
        "services": [one["name"] for one in services if one["name"] not in stores],
        "databases": [one["name"] for one in document.get("databases") or []],
        "keyValue": stores,
        "envGroups": [one["name"] for one in document.get("envVarGroups") or []],
    }
    return {"valid": True, "plan": plan | {"totalActions": sum(map(len, plan.values()))}}


def _document(document: Any) -> Iterator[Finding]:  # Any: YAML
    if not isinstance(document, dict):
        yield "", "a blueprint must be a mapping"
        return
    yield from _unknown(document, ROOT, "")
    for key in ("services", "databases", "envVarGroups"):
        items = document.get(key)
        if items is not None and not isinstance(items, list):
            yield key, "must be a list"
            continue
        for index, item in enumerate(items or []):
            path = f"{key}[{index}]"
            if not isinstance(item, dict):
                yield path, "must be a mapping"
                continue
            if not isinstance(item.get("name"), str) or not item["name"]:
                yield f"{path}.name", "name is required"
            yield from {"services": _service, "databases": _database, "envVarGroups": _group}[key](
                item, path
            )


def _unknown(item: Json, known: set[str], path: str) -> Iterator[Finding]:
    for key in item:
        if key not in known:
            yield f"{path}.{key}".lstrip("."), f"field {key} not found in type"


def _service(item: Json, path: str) -> Iterator[Finding]:
    kind, runtime = item.get("type"), item.get("runtime")
    if kind not in TYPES:
        yield f"{path}.type", f"unknown type {kind!r}"
        return
    if kind in {"keyvalue", "redis"}:
        yield from _unknown(item, KEY_VALUE, path)
        if "ipAllowList" not in item:
            yield f"{path}.ipAllowList", "ipAllowList is required"
        return
    if runtime is None:
        yield f"{path}.runtime", "runtime is required"
    elif runtime not in RUNTIMES or (runtime == "static" and kind != "web"):
        yield f"{path}.runtime", f"unknown runtime {runtime!r}"
    known = CRON if kind == "cron" else STATIC if runtime == "static" else SERVICE
    yield from _unknown(item, known, path)
    if kind == "cron" and not item.get("schedule"):
        yield f"{path}.schedule", "schedule is required"
    yield from _values(item, path)
    yield from _variables(item, path)


def _values(item: Json, path: str) -> Iterator[Finding]:
    """Check the values Render constrains."""
    if "autoDeployTrigger" in item and item["autoDeployTrigger"] not in TRIGGERS:
        # YAML 1.1 reads a bare `off` as false.
        given = item["autoDeployTrigger"]
        yield f"{path}.autoDeployTrigger", f"must be one of {sorted(TRIGGERS)}, not {given!r}"
    if "autoDeploy" in item and not isinstance(item["autoDeploy"], bool):
        yield f"{path}.autoDeploy", "must be a boolean"
    health = item.get("healthCheckPath")
    if health is not None and not str(health).startswith("/"):
        yield f"{path}.healthCheckPath", "must start with /"
    delay = item.get("maxShutdownDelaySeconds")
    if delay is not None and delay not in SHUTDOWN_SECONDS:
        yield f"{path}.maxShutdownDelaySeconds", "must be between 1 and 300"
    plan = item.get("plan")
    if plan is not None and ("_" in str(plan) or (plan == "free" and item["type"] != "web")):
        yield f"{path}.plan", f"unknown plan {plan!r}"
    for key in ("buildCommand", "startCommand", "preDeployCommand", "rootDir", "branch"):
        if key in item and not isinstance(item[key], str):
            yield f"{path}.{key}", "must be a string"
    schedule = item.get("schedule")
    if schedule is not None and not re.fullmatch(r"\S+( +\S+){4}", str(schedule)):
        yield f"{path}.schedule", "must be a cron expression"


def _variables(item: Json, path: str, *, in_group: bool = False) -> Iterator[Finding]:
    variables = item.get("envVars")
    if variables is not None and not isinstance(variables, list):
        yield f"{path}.envVars", "must be a list"
        return
    for index, variable in enumerate(variables or []):
        place = f"{path}.envVars[{index}]"
        if not isinstance(variable, dict) or set(variable) not in ENV_FORMS:
            yield place, ENV_FORM
            continue
        if in_group and not {"value", "generateValue"} & set(variable):
            yield place, "a group takes value or generateValue only"
        value = variable.get("value", "")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            yield f"{place}.value", "must be a string or a number"
        if "sync" in variable and variable["sync"] is not False:
            yield f"{place}.sync", "must be false"
        yield from _reference(variable, place)


def _reference(variable: Json, place: str) -> Iterator[Finding]:
    database, service = variable.get("fromDatabase"), variable.get("fromService")
    if database is not None and (
        not isinstance(database, dict)
        or set(database) != {"name", "property"}
        or database["property"] not in DATABASE_PROPERTIES
    ):
        yield f"{place}.fromDatabase", "needs a name and a known property"
    if service is None:
        return
    if not isinstance(service, dict) or not {"name", "type"} <= set(service):
        yield f"{place}.fromService", "needs a type and a name"
    elif set(service) - {"name", "type"} == {"envVarKey"}:
        return
    elif set(service) - {"name", "type"} != {"property"} or (
        service["property"] not in SERVICE_PROPERTIES
    ):
        yield f"{place}.fromService", "needs a known property or an envVarKey"


def _database(item: Json, path: str) -> Iterator[Finding]:
    yield from _unknown(item, DATABASE, path)
    version = item.get("postgresMajorVersion")
    if version is not None and (not isinstance(version, str) or not version.isdigit()):
        yield f"{path}.postgresMajorVersion", 'must be a string such as "16"'


def _group(item: Json, path: str) -> Iterator[Finding]:
    yield from _unknown(item, GROUP, path)
    yield from _variables(item, path, in_group=True)
