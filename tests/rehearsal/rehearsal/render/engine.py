"""Deploys one at a time per service, as Render walks them; traffic moves only to what serves."""

import asyncio
import contextlib
import signal

from rehearsal.processes import signal_group
from rehearsal.render.instance import Instance
from rehearsal.render.keeper import Keeper
from rehearsal.render.records import Deploy, Json, Service, Snapshot
from rehearsal.render.release import DeployFailedError, Release
from rehearsal.render.settings import Settings
from rehearsal.render.source import Source
from rehearsal.render.troubles import Kind
from rehearsal.render.workspace import Running, Workspace

WITHOUT_PROCESS = {"static_site", "cron_job"}


class Engine:
    """Start, queue, cancel and watch the deploys of a workspace."""

    def __init__(self, settings: Settings, workspace: Workspace) -> None:
        self.settings = settings
        self.workspace = workspace
        self.release = Release(settings, workspace)
        self.keeper = Keeper(settings, workspace, self.release)

    async def ask(
        self,
        running: Running,
        trigger: str,
        *,
        commit: Json | None = None,
        reuse: Deploy | None = None,
        snapshot: Snapshot | None = None,
    ) -> tuple[Deploy, bool]:
        """Ask for a deploy; return it and whether it starts at once instead of waiting.

        ``reuse`` names the deploy whose artifact is taken, so that nothing is built.
        """
        service = running.service
        if reuse is not None:
            commit = reuse.commit
        elif commit is None:
            source = Source(service.repo)
            commit = await source.commit(await source.head(service.branch) or service.branch)
        deploy = Deploy(service.id, trigger, snapshot or self.workspace.snapshot(service), commit)
        deploy.artifact = reuse.artifact if reuse else None
        deploy.target_id = reuse.id if reuse and trigger == "rollback" else None
        running.deploys.append(deploy)
        if commit and trigger != "rollback":
            running.seen_commit = commit["id"]
        if running.current is not None:
            if running.waiting is not None:  # only the newest waiting request runs
                self._end(running, running.waiting, "canceled")
            deploy.move("queued")
            running.waiting = deploy
            return deploy, False
        self._begin(running, deploy)
        if trigger == "api" and self.workspace.troubles.comes(Kind.OVERRIDE_QUEUE, service.name):
            self.keeper.later(self._override(running, deploy))
        return deploy, True

    async def _override(self, running: Running, replaced: Deploy) -> None:
        """Deploy as somebody else asked, in a workspace whose policy is to override."""
        newer, _ = await self.ask(running, "manual", commit=replaced.commit)
        replaced.replaced_by = newer.id
        self.cancel(running, replaced)

    def cancel(self, running: Running, deploy: Deploy) -> bool:
        """Cancel a deploy that waits or runs; say whether it did either."""
        if deploy is running.waiting:
            running.waiting = None
            self._end(running, deploy, "canceled")
            return True
        if deploy is running.current and running.walk:
            running.walk.cancel()
            # The walk ends its deploy when it next gets a turn; the answer shows it already.
            deploy.move("canceled")
            return True
        return False

    async def suspend(self, running: Running) -> None:
        """Stop everything a service runs; its front shows the suspended page."""
        running.service.suspended = True
        self.workspace.happened(running.service, "service_suspended")
        await self.halt(running)

    async def resume(self, running: Running) -> None:
        """Start a suspended service again, by a deploy of what it last ran."""
        running.service.suspended = False
        self.workspace.happened(running.service, "service_resumed")
        await self.ask(running, "service_resumed", reuse=running.live)

    async def restart(self, running: Running) -> None:
        """Replace the instance by one of the same deploy; new variables are not picked up."""
        if running.live is None or running.service.type in WITHOUT_PROCESS:
            return
        self.workspace.happened(running.service, "server_restarted")
        self.keeper.later(self.keeper.renew(running, running.live))

    async def halt(self, running: Running) -> None:
        """Cancel what is under way and stop the instance."""
        if running.waiting is not None:
            self.cancel(running, running.waiting)
        walk = running.walk
        if running.current is not None:
            self.cancel(running, running.current)
        if walk is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await walk
        if running.watch:
            running.watch.cancel()
        instance, running.instance = running.instance, None
        if instance is not None:
            await instance.stop(self.keeper.delay(running.service))

    async def stop(self) -> None:
        """Stop every service and everything that still drains."""
        await asyncio.gather(*(self.halt(running) for running in self.workspace.services.values()))
        await self.keeper.stop()

    def _begin(self, running: Running, deploy: Deploy) -> None:
        running.current = deploy
        builds = deploy.artifact is None
        deploy.move("build_in_progress" if builds else "update_in_progress")
        trigger: Json = {
            "firstBuild": len(running.deploys) == 1,
            "envUpdated": False,
            "manual": deploy.trigger in {"api", "manual"},
            "clearCache": False,
            "rollback": deploy.trigger == "rollback",
            "deployedByRender": False,
        }
        if deploy.target_id:
            trigger["rollbackTargetDeployId"] = deploy.target_id
        details = {"deployId": deploy.id, "trigger": trigger}
        self.workspace.happened(running.service, "deploy_started", **details)
        running.walk = asyncio.create_task(self._walk(running, deploy))

    async def _walk(self, running: Running, deploy: Deploy) -> None:
        service = running.service
        try:
            if deploy.artifact is None:
                await self._build(service, deploy)
            if deploy.snapshot.pre_deploy_command and deploy.trigger != "rollback":
                deploy.move("pre_deploy_in_progress")
                await self.release.pre_deploy(service, deploy)
            deploy.move("update_in_progress")
            self.workspace.logbook.platform(service.id, "Deploying...")
            if service.type in WITHOUT_PROCESS:
                await self._switch(running, deploy, None, "")
            else:
                instance, instance_id = await self.release.start(service, deploy)
                await self._switch(running, deploy, instance, instance_id)
        except DeployFailedError as error:
            self.workspace.logbook.platform(service.id, "Deploy failed")
            self._end(running, deploy, error.status, error.failure)
        except asyncio.CancelledError:
            self._end(running, deploy, "canceled")
        finally:
            if deploy.artifact is None:
                self.release.discard(deploy)
            running.current = running.walk = None
            waiting, running.waiting = running.waiting, None
            if waiting is not None:
                self._begin(running, waiting)

    async def _build(self, service: Service, deploy: Deploy) -> None:
        build = {"buildId": deploy.id}
        self.workspace.happened(service, "build_started", **build)
        status = "failed"
        try:
            await self.release.build(service, deploy)
            status = "succeeded"
        except asyncio.CancelledError:
            status = "canceled"
            raise
        finally:
            self.workspace.happened(
                service, "build_ended", **build, buildStatus=status, status=status
            )

    async def _switch(
        self, running: Running, deploy: Deploy, instance: Instance | None, instance_id: str
    ) -> None:
        """Give the new instance the traffic; the old one drains, then gets its SIGTERM."""
        service, previous = running.service, running.live
        if running.watch:
            running.watch.cancel()
        old, running.instance = running.instance, instance
        running.instance_id, running.live = instance_id, deploy
        if previous is not None and previous.status == "live":
            previous.move("deactivated")
        self._end(running, deploy, "live")
        self.workspace.logbook.platform(service.id, "Your service is live 🎉")
        if service.url:
            text = f"Available at your primary URL {service.url}"
            self.workspace.logbook.platform(service.id, text)
        if instance is not None:
            self.workspace.happened(service, "server_available", instanceID=instance_id)
            self.keeper.follow(running, deploy, instance)
            if self.workspace.troubles.comes(Kind.CRASH_AFTER_LIVE, service.name):
                signal_group(instance.group, signal.SIGKILL)
        self.keeper.drain(service, old)

    def _end(
        self, running: Running, deploy: Deploy, status: str, failure: Json | None = None
    ) -> None:
        deploy.move(status)
        outcome = {"live": ("succeeded", 2), "canceled": ("canceled", 4)}.get(status, ("failed", 3))
        reason: Json = {"failure": failure} if failure else {}
        if status == "build_failed":
            reason["buildFailed"] = {"id": deploy.id}
        if deploy.replaced_by:
            reason["newDeploy"] = {"id": deploy.replaced_by}
        self.workspace.happened(
            running.service,
            "deploy_ended",
            deployId=deploy.id,
            deployStatus=outcome[0],
            status=outcome[1],
            reason=reason,
        )
