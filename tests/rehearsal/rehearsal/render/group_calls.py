"""Calls on environment groups. Source: https://render.com/docs/environment-groups."""

from rehearsal.render.answers import ApiError, kept, not_found, object_of
from rehearsal.render.identity import stamp
from rehearsal.render.records import SHORT_TYPE, Group, Json
from rehearsal.render.stored_calls import env_vars, secret_files
from rehearsal.render.workspace import Workspace
from rehearsal.wire import Answer, Request


class GroupCalls:
    """Answer them; lists are not wrapped here, as Render's are not."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    async def search(self, request: Request) -> Answer:
        """List the groups, without what they hold."""
        rows = [self._meta(group) for group in self.workspace.groups.values()]
        return Answer.of(kept(request, rows, {"name": "name", "ownerId": "ownerId"}))

    async def create(self, request: Request) -> Answer:
        """Make a group."""
        body = object_of(request)
        for key in ("name", "ownerId"):
            if not body.get(key):
                raise ApiError(400, f"{key} is required")
        group = Group(body["name"], body["ownerId"], services=list(body.get("serviceIds") or []))
        group.env = {each.key: each.value for each in env_vars(body.get("envVars"))}
        group.files = {each.name: each.content for each in secret_files(body.get("secretFiles"))}
        self.workspace.groups[group.id] = group
        return Answer.of(self._whole(group), 201)

    async def show(self, _request: Request, group_id: str) -> Answer:
        """Return a group with what it holds."""
        return Answer.of(self._whole(self._find(group_id)))

    async def delete(self, _request: Request, group_id: str) -> Answer:
        """Forget a group."""
        del self.workspace.groups[self._find(group_id).id]
        return Answer(204)

    async def link(self, _request: Request, group_id: str, service_id: str) -> Answer:
        """Let a service have what the group holds, from its next deploy on."""
        group, running = self._find(group_id), self.workspace.find(service_id)
        group.services = [*dict.fromkeys([*group.services, running.service.id])]
        return Answer.of(self._whole(group))

    async def unlink(self, _request: Request, group_id: str, service_id: str) -> Answer:
        """Take it from the service again."""
        group = self._find(group_id)
        if service_id not in group.services:
            raise not_found(service_id)
        group.services.remove(service_id)
        return Answer(204)

    def _find(self, group_id: str) -> Group:
        if group_id not in self.workspace.groups:
            raise not_found(group_id)
        return self.workspace.groups[group_id]

    def _meta(self, group: Group) -> Json:
        linked = [self.workspace.services.get(each) for each in group.services]
        links = [
            {
                "id": each.service.id,
                "name": each.service.name,
                "type": SHORT_TYPE[each.service.type],
            }
            for each in linked
            if each is not None
        ]
        return {
            "id": group.id,
            "name": group.name,
            "ownerId": group.owner_id,
            "createdAt": stamp(group.created_at),
            "updatedAt": stamp(group.created_at),
            "serviceLinks": links,
        }

    def _whole(self, group: Group) -> Json:
        variables = [{"key": key, "value": value} for key, value in group.env.items()]
        files = [{"name": name, "content": text} for name, text in group.files.items()]
        return self._meta(group) | {"envVars": variables, "secretFiles": files}
