"""Calls on what is stored for a service beside its settings: variables and secret files."""

import base64
import secrets

from rehearsal.render.answers import ApiError, not_found, object_of, page
from rehearsal.render.identity import now
from rehearsal.render.records import EnvVar, Json, SecretFile
from rehearsal.render.workspace import Workspace
from rehearsal.wire import Answer, Request


def env_var(given: Json) -> EnvVar:
    """Take one variable as the API accepts it, with its value or one to be made."""
    if not isinstance(given, dict) or not isinstance(given.get("key"), str) or not given["key"]:
        raise ApiError(400, "env var key is required")
    if given.get("generateValue") is True:
        made = base64.b64encode(secrets.token_bytes(32)).decode()
        return EnvVar(given["key"], made)
    if not isinstance(given.get("value"), str):
        raise ApiError(400, f"env var {given['key']} needs a value")
    return EnvVar(given["key"], given["value"])


def env_vars(given: object) -> list[EnvVar]:
    """Take a whole set; null is the empty one."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise ApiError(400, "env vars must be an array")
    found = [env_var(one) for one in given]
    if len({variable.key for variable in found}) != len(found):
        raise ApiError(400, "duplicate env var key")
    return found


def secret_files(given: object) -> list[SecretFile]:
    """Take a whole set of files; null is the empty one."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise ApiError(400, "secret files must be an array")
    for one in given:
        if not isinstance(one, dict) or not one.get("name") or "content" not in one:
            raise ApiError(400, "a secret file needs a name and a content")
    return [SecretFile(one["name"], str(one["content"])) for one in given]


class StoredCalls:
    """Answer them; what runs keeps what its deploy began with."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    async def variables(self, request: Request, service_id: str) -> Answer:
        """List the stored variables, a page at a time."""
        stored = self.workspace.find(service_id).service.env
        rows = [(row.cursor, {"key": row.key, "value": row.value}) for row in stored]
        return Answer.of(page(request, "envVar", rows))

    async def replace_variables(self, request: Request, service_id: str) -> Answer:
        """Replace the whole set: what is left out is gone."""
        service = self.workspace.find(service_id).service
        service.env = env_vars(request.json())
        service.updated_at = now()
        rows = [
            {"envVar": {"key": row.key, "value": row.value}, "cursor": row.cursor}
            for row in service.env
        ]
        return Answer.of(rows)

    async def variable(self, _request: Request, service_id: str, key: str) -> Answer:
        """Return one variable."""
        for row in self.workspace.find(service_id).service.env:
            if row.key == key:
                return Answer.of({"key": key, "value": row.value})
        raise not_found(key)

    async def put_variable(self, request: Request, service_id: str, key: str) -> Answer:
        """Add or change one variable."""
        service = self.workspace.find(service_id).service
        row = env_var({"key": key} | object_of(request))
        places = [index for index, old in enumerate(service.env) if old.key == key]
        if places:
            service.env[places[0]] = row
        else:
            service.env.append(row)
        service.updated_at = now()
        return Answer.of({"key": key, "value": row.value})

    async def delete_variable(self, _request: Request, service_id: str, key: str) -> Answer:
        """Remove one variable."""
        service = self.workspace.find(service_id).service
        if all(row.key != key for row in service.env):
            raise not_found(key)
        service.env = [row for row in service.env if row.key != key]
        return Answer(204)

    async def files(self, request: Request, service_id: str) -> Answer:
        """List the secret files, a page at a time."""
        stored = self.workspace.find(service_id).service.secret_files
        rows = [(row.cursor, {"name": row.name, "content": row.content}) for row in stored]
        return Answer.of(page(request, "secretFile", rows))

    async def replace_files(self, request: Request, service_id: str) -> Answer:
        """Replace the whole set."""
        service = self.workspace.find(service_id).service
        service.secret_files = secret_files(request.json())
        rows = [
            {"secretFile": {"name": row.name, "content": row.content}, "cursor": row.cursor}
            for row in service.secret_files
        ]
        return Answer.of(rows)

    async def file(self, _request: Request, service_id: str, name: str) -> Answer:
        """Return one secret file."""
        for row in self.workspace.find(service_id).service.secret_files:
            if row.name == name:
                return Answer.of({"name": name, "content": row.content})
        raise not_found(name)
