"""Calls on PostgreSQL instances of the platform: what they are, and what could be restored.

Source: https://render.com/docs/postgresql-backups
"""

from datetime import timedelta

from rehearsal.render.answers import ApiError, kept, not_found, page
from rehearsal.render.identity import now, stamp
from rehearsal.render.records import Database, Json
from rehearsal.render.workspace import Workspace
from rehearsal.wire import Answer, Request

KEPT = timedelta(days=3)  # of point-in-time recovery, in a workspace that pays least


class DatabaseCalls:
    """Answer them."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    async def search(self, request: Request) -> Answer:
        """List the instances."""
        rows = [each.json() for each in self.workspace.databases.values()]
        rows = kept(request, rows, {"name": "name", "region": "region"})
        return Answer.of(page(request, "postgres", [(f"c{row['id']}", row) for row in rows]))

    async def show(self, _request: Request, database_id: str) -> Answer:
        """Return one instance."""
        return Answer.of(self._find(database_id).json())

    async def recovery(self, _request: Request, database_id: str) -> Answer:
        """Say how far back the instance could be restored."""
        found = self._find(database_id)
        told: Json = {"recoveryStatus": found.recovery}
        if found.recovery == "AVAILABLE":
            told["startsAt"] = stamp(max(found.created_at, now() - KEPT))
        return Answer.of(told)

    async def exports(self, _request: Request, database_id: str) -> Answer:
        """List the exports."""
        found = self._find(database_id)
        rows = [
            {"id": f"export-{number}", "createdAt": stamp(at), "url": "https://example.test/export"}
            for number, at in enumerate(found.exports)
        ]
        return Answer.of(rows)

    async def export(self, _request: Request, database_id: str) -> Answer:
        """Make an export."""
        found = self._find(database_id)
        if found.plan == "free":
            raise ApiError(400, "exports are not available for this plan")
        found.exports.append(now())
        return Answer(202)

    def _find(self, database_id: str) -> Database:
        if database_id not in self.workspace.databases:
            raise not_found(database_id)
        return self.workspace.databases[database_id]
