"""What keeps a live service alive: replaced on restart, started again after a crash, drained."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from rehearsal.render.instance import Instance
from rehearsal.render.records import Deploy, Service
from rehearsal.render.release import DeployFailedError, Release
from rehearsal.render.settings import Settings
from rehearsal.render.workspace import Running, Workspace


class Keeper:
    """Watch over instances that are live."""

    def __init__(self, settings: Settings, workspace: Workspace, release: Release) -> None:
        self.settings = settings
        self.workspace = workspace
        self.release = release
        self._background: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """End everything that still drains."""
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def follow(self, running: Running, deploy: Deploy, instance: Instance) -> None:
        """Start an instance again whenever it ends by itself."""
        running.watch = asyncio.create_task(self._watch(running, deploy, instance))

    def drain(self, service: Service, old: Instance | None) -> None:
        """Let an instance that was replaced finish what it is at, then end it."""
        if old is not None:
            old.stopping = True
            self.later(self._drain(old, self.delay(service)))

    async def renew(self, running: Running, deploy: Deploy) -> None:
        """Replace the instance by one of the same deploy."""
        with contextlib.suppress(DeployFailedError):  # the running instance stays then
            instance, instance_id = await self.release.start(running.service, deploy)
            if running.live is not deploy or running.service.suspended:  # overtaken meanwhile
                await instance.stop(self.delay(running.service))
                return
            if running.watch:
                running.watch.cancel()
            old, running.instance = running.instance, instance
            running.instance_id = instance_id
            self.follow(running, deploy, instance)
            self.drain(running.service, old)

    async def _watch(self, running: Running, deploy: Deploy, instance: Instance) -> None:
        """Start a live instance again when it ends by itself."""
        code = await instance.finish()
        if instance.stopping:
            return
        failure = {"nonZeroExit": code} if code else {"earlyExit": True}
        self.workspace.happened(
            running.service, "server_failed", instanceID=running.instance_id, reason=failure
        )
        self.workspace.logbook.platform(running.service.id, f"Instance failed: status {code}")
        running.instance = running.watch = None
        self.later(self._revive(running, deploy))

    async def _revive(self, running: Running, deploy: Deploy) -> None:
        while running.live is deploy and running.instance is None:
            await asyncio.sleep(self.settings.clocks.restart_seconds)
            if running.service.suspended:
                return
            await self.renew(running, deploy)

    async def _drain(self, instance: Instance, delay_seconds: float) -> None:
        try:
            await asyncio.sleep(self.settings.clocks.drain_seconds)
        finally:
            await instance.stop(delay_seconds)

    def delay(self, service: Service) -> float:
        """Return the seconds a service has between SIGTERM and SIGKILL."""
        wanted = service.shutdown_delay_seconds or self.settings.clocks.shutdown_seconds
        return min(wanted, self.settings.clocks.shutdown_seconds)

    def later(
        self,
        work: Coroutine[Any, Any, None],  # Any: a coroutine's own slots
    ) -> asyncio.Task[None]:
        """Do work beside the walk of the deploys; it is cancelled when the stand-in stops."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task
