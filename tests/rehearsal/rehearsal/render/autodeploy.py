"""Deploys that a push starts by itself."""

import asyncio
import contextlib
import re

from rehearsal.render.engine import Engine
from rehearsal.render.source import Source, SourceError
from rehearsal.render.workspace import Running

# Source: render.com/docs/deploys, "skipping an auto-deploy".
SKIP = re.compile(r"\[(skip (render|deploy|cd)|(render|deploy|cd) skip)\]", re.IGNORECASE)


async def follow_branches(engine: Engine) -> None:
    """Deploy services whose branch has moved, for as long as the stand-in runs."""
    while True:
        await asyncio.sleep(engine.settings.clocks.autodeploy_seconds)
        heads: dict[tuple[str, str], str | None] = {}
        for running in list(engine.workspace.services.values()):
            service = running.service
            place = (service.repo, service.branch)
            if place not in heads:
                heads[place] = await Source(service.repo).head(service.branch)
            with contextlib.suppress(SourceError):  # a push may be half written: look again
                await _follow(engine, running, heads[place])


async def _follow(engine: Engine, running: Running, head: str | None) -> None:
    service, seen = running.service, running.seen_commit
    if head is None or head == seen:
        return
    if seen is None or service.suspended or service.auto_deploy_trigger == "off":
        running.seen_commit = head
        return
    source = Source(service.repo)
    commit = await source.commit(head)
    if commit is None:
        return
    running.seen_commit = head
    if not await source.changes(seen, head, service):
        return
    if SKIP.search(commit["message"]):
        engine.workspace.happened(service, "commit_ignored", id=head, url="")
        return
    await engine.ask(running, "new_commit", commit=commit)
