"""Calls on custom domains. Source: https://render.com/docs/custom-domains."""

from rehearsal.render.answers import ApiError, kept, not_found, object_of, page
from rehearsal.render.records import Domain
from rehearsal.render.workspace import Workspace
from rehearsal.wire import Answer, Request


class DomainCalls:
    """Answer them; nothing here asks the DNS, so that to verify is to believe."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    async def search(self, request: Request, service_id: str) -> Answer:
        """List the domains of a service."""
        rows = [each.json() for each in self.workspace.find(service_id).service.domains]
        rows = kept(request, rows, {"name": "name", "verificationStatus": "verificationStatus"})
        return Answer.of(page(request, "customDomain", [(f"c{row['id']}", row) for row in rows]))

    async def add(self, request: Request, service_id: str) -> Answer:
        """Add a domain; the answer is a list, for an apex brings its www."""
        name = object_of(request).get("name")
        if not isinstance(name, str) or "." not in name:
            raise ApiError(400, "name must be a domain")
        domain = Domain(name)
        self.workspace.find(service_id).service.domains.append(domain)
        return Answer.of([domain.json()], 201)

    async def show(self, _request: Request, service_id: str, name: str) -> Answer:
        """Return one domain."""
        return Answer.of(self._find(service_id, name).json())

    async def verify(self, _request: Request, service_id: str, name: str) -> Answer:
        """Verify a domain."""
        self._find(service_id, name).verified = True
        return Answer(202)

    async def delete(self, _request: Request, service_id: str, name: str) -> Answer:
        """Forget a domain."""
        domain = self._find(service_id, name)
        self.workspace.find(service_id).service.domains.remove(domain)
        return Answer(204)

    def _find(self, service_id: str, name: str) -> Domain:
        for each in self.workspace.find(service_id).service.domains:
            if name in {each.name, each.id}:
                return each
        raise not_found(name)
