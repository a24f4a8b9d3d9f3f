"""The steps of one deploy: build it, prepare it, start it, see that it serves."""

import asyncio
import shutil
from pathlib import Path

from rehearsal.processes import free_port
from rehearsal.render.environment import (
    build_environment,
    instance_scratch,
    run_environment,
)
from rehearsal.render.identity import suffix
from rehearsal.render.instance import Instance, health_status, run_to_end
from rehearsal.render.ports import open_ports
from rehearsal.render.pythons import UnknownPythonError, python_line, wanted_python
from rehearsal.render.records import Deploy, Json, Service
from rehearsal.render.settings import Settings
from rehearsal.render.source import Source, SourceError
from rehearsal.render.troubles import Kind
from rehearsal.render.workspace import Workspace

DOCS = "Docs on specifying a port: https://render.com/docs/web-services#port-binding"
NO_PORT = (
    "Port scan timeout reached, no open ports detected. Bind your service to at least one port. "
    "If you don't need to receive traffic on any port, create a background worker instead."
)
LOCAL_PORT = (
    "Port scan timeout reached, no open ports detected on 0.0.0.0. Detected open ports on "
    "localhost -- did you mean to bind one of these to 0.0.0.0?"
)
MEMORY = "512Mi"  # of the plan that the services have
SCAN_SECONDS = 0.1
SCAN_NOTICE_SECONDS = 2.0
HEALTH_INTERVAL_SECONDS = 0.3
REDIRECT_LIMIT = 400


class DeployFailedError(Exception):
    """A deploy cannot go on; carries the status it ends in and the reason its event shows."""

    def __init__(self, status: str, failure: Json) -> None:
        super().__init__(status)
        self.status = status
        self.failure = failure


class Release:
    """Carry deploys out in a workspace."""

    def __init__(self, settings: Settings, workspace: Workspace) -> None:
        self.settings = settings
        self.workspace = workspace
        self._builds = asyncio.Semaphore(2)

    async def build(self, service: Service, deploy: Deploy) -> None:
        """Check the commit out and run the build command; the deploy gets its artifact."""
        say = self.workspace.logbook
        if deploy.commit is None:
            raise DeployFailedError("build_failed", {"earlyExit": True})
        sha = deploy.commit["id"]
        checkout = self.settings.directory / "builds" / deploy.id
        async with self._builds:
            say.platform(service.id, f"Cloning from {service.repo}", "build")
            branch = deploy.snapshot.branch
            say.platform(service.id, f"Checking out commit {sha} in branch {branch}", "build")
            try:
                await Source(service.repo).check_out(sha, checkout)
                directory = self._root(deploy, checkout)
            except (SourceError, OSError) as error:
                say.platform(service.id, f"Error: {error}", "build")
                raise DeployFailedError("build_failed", {"earlyExit": True}) from None
            self._choose_python(service, deploy, directory)
            command = deploy.snapshot.build_command
            if command:
                say.platform(service.id, f"Running build command '{command}'...", "build")
                await self._run(service, deploy, command, directory, "build")
            if self.workspace.troubles.comes(Kind.BUILD_FAILURE, service.name):
                say.add(service.id, "build", "error: a package could not be fetched")
                say.platform(service.id, "Exited with status 1", "build")
                raise DeployFailedError("build_failed", {"nonZeroExit": 1})
        if service.type == "static_site":
            published = directory / deploy.snapshot.publish_path
            if not published.is_dir():
                missing = f"Publish directory {deploy.snapshot.publish_path} does not exist!"
                say.platform(service.id, missing, "build")
                raise DeployFailedError("build_failed", {"nonZeroExit": 1})
        say.platform(service.id, "Build successful 🎉", "build")
        deploy.artifact = checkout

    def _choose_python(self, service: Service, deploy: Deploy, directory: Path) -> None:
        """Take the Python that the service asks for; one that is not here is refused."""
        if service.runtime != "python":
            return
        say, wanted = self.workspace.logbook, wanted_python(deploy.snapshot.env, directory)
        try:
            line = python_line(wanted)
        except UnknownPythonError as error:
            say.platform(service.id, str(error), "build")
            raise DeployFailedError("build_failed", {"nonZeroExit": 1}) from None
        say.platform(service.id, line, "build")

    async def pre_deploy(self, service: Service, deploy: Deploy) -> None:
        """Run the pre-deploy command on the new artifact."""
        command = deploy.snapshot.pre_deploy_command
        self.workspace.logbook.platform(service.id, f"Running pre-deploy command '{command}'...")
        await self._run(service, deploy, command, self.directory(deploy), "pre_deploy")

    async def start(self, service: Service, deploy: Deploy) -> tuple[Instance, str]:
        """Start an instance and wait until it serves; on failure nothing of it is left."""
        logbook, port = self.workspace.logbook, free_port()
        instance_id = f"{service.id}-{suffix(5)}"
        command = deploy.snapshot.start_command
        environment = run_environment(self.settings, service, deploy, port, instance_id)
        instance_scratch(self.settings, instance_id).mkdir(parents=True)
        logbook.platform(service.id, f"Running '{command}'")

        def on_line(line: str) -> None:
            logbook.add(service.id, "app", line, instance=instance_id)

        instance = await Instance.start(command, environment, self.directory(deploy), on_line, port)
        try:
            self._run_out_of_memory(service)
            if service.type in {"web_service", "private_service"}:
                instance.port = await self._find_port(service, instance)
                if deploy.snapshot.health_path:
                    await self._become_healthy(service, deploy, instance)
            else:
                await self._settle(service, instance)
        except BaseException:  # a cancelled deploy leaves no process either
            await instance.stop(self.settings.clocks.shutdown_seconds)
            raise
        return instance, instance_id

    def _run_out_of_memory(self, service: Service) -> None:
        if self.workspace.troubles.comes(Kind.OUT_OF_MEMORY, service.name):
            self.workspace.logbook.platform(service.id, f"Out of memory (used over {MEMORY})")
            failure: Json = {"oomKilled": {"memoryLimit": MEMORY}, "nonZeroExit": 137}
            raise DeployFailedError("update_failed", failure)

    def directory(self, deploy: Deploy) -> Path:
        """Return where a deploy's commands run."""
        if deploy.artifact is None:
            raise DeployFailedError("update_failed", {"earlyExit": True})
        return self._root(deploy, deploy.artifact)

    def discard(self, deploy: Deploy) -> None:
        """Remove the checkout of a deploy that failed before it had an artifact."""
        shutil.rmtree(self.settings.directory / "builds" / deploy.id, ignore_errors=True)

    def _root(self, deploy: Deploy, checkout: Path) -> Path:
        directory = (checkout / deploy.snapshot.root_dir).resolve()
        if not directory.is_relative_to(checkout.resolve()) or not directory.is_dir():
            raise SourceError(f"Root directory {deploy.snapshot.root_dir!r} does not exist")
        return directory

    async def _run(
        self, service: Service, deploy: Deploy, command: str, directory: Path, phase: str
    ) -> None:
        """Run a build or pre-deploy command; its failure is the deploy's."""
        logbook = self.workspace.logbook
        kind = "build" if phase == "build" else "app"
        code = await run_to_end(
            command,
            build_environment(self.settings, service, deploy),
            directory,
            lambda line: logbook.add(service.id, kind, line),
            self.settings.clocks.build_seconds,
        )
        if code is None:
            seconds = int(self.settings.clocks.build_seconds)
            raise DeployFailedError(f"{phase}_failed", {"timedOutSeconds": seconds})
        if code != 0:
            logbook.platform(service.id, f"Exited with status {code}", kind)
            raise DeployFailedError(f"{phase}_failed", {"nonZeroExit": code})

    def _check_alive(self, service: Service, instance: Instance) -> None:
        if instance.exit_code is None:
            return
        self.workspace.logbook.platform(service.id, f"Exited with status {instance.exit_code}")
        failure: Json = {"nonZeroExit": instance.exit_code, "earlyExit": True}
        if instance.exit_code == 0:
            self.workspace.logbook.platform(service.id, "Application exited early")
            failure = {"earlyExit": True}
        raise DeployFailedError("update_failed", failure)

    async def _find_port(self, service: Service, instance: Instance) -> int:
        clocks, clock = self.settings.clocks, asyncio.get_running_loop().time
        logbook = self.workspace.logbook
        began = noticed = clock()
        local_since: float | None = None
        while True:
            self._check_alive(service, instance)
            found = await asyncio.to_thread(open_ports, instance.group)
            chosen = found.chosen(instance.port)
            if chosen is not None:
                logbook.platform(service.id, f"Detected service running on port {chosen}")
                return chosen
            local_since = (local_since or clock()) if found.local else None
            if local_since and clock() - local_since > clocks.localhost_scan_seconds:
                logbook.platform(service.id, LOCAL_PORT)
                break
            if clock() - began > clocks.port_scan_seconds:
                logbook.platform(service.id, NO_PORT)
                break
            if clock() - noticed > SCAN_NOTICE_SECONDS:
                noticed = clock()
                where = " on 0.0.0.0" if found.local else ""
                text = f"No open ports detected{where}, continuing to scan..."
                logbook.platform(service.id, text)
            await asyncio.sleep(SCAN_SECONDS)
        logbook.platform(service.id, DOCS)
        raise DeployFailedError(
            "update_failed",
            {"timedOutSeconds": round(clock() - began), "timedOutReason": "no open ports detected"},
        )

    async def _become_healthy(self, service: Service, deploy: Deploy, instance: Instance) -> None:
        clocks, clock = self.settings.clocks, asyncio.get_running_loop().time
        path, host = deploy.snapshot.health_path, service.health_host
        began, status = clock(), None
        patience = clocks.health_seconds
        if self.workspace.troubles.comes(Kind.HEALTH_TIMEOUT, service.name):
            patience = 0.0  # as if it had passed, and nothing had answered
        while clock() - began < patience:
            self._check_alive(service, instance)
            status = await health_status(instance.port, path, host, clocks.health_answer_seconds)
            if status is not None and 200 <= status < REDIRECT_LIMIT:
                return
            await asyncio.sleep(HEALTH_INTERVAL_SECONDS)
        answered = f"HTTP {status}" if status else "no answer"
        text = f"Timed out after waiting for internal health check at {path} ({answered})"
        self.workspace.logbook.platform(service.id, text)
        raise DeployFailedError(
            "update_failed",
            {"unhealthy": f"{path}: {answered}", "timedOutSeconds": round(clocks.health_seconds)},
        )

    async def _settle(self, service: Service, instance: Instance) -> None:
        """Wait as long as a process needs to show that it does not fall over at once."""
        until = asyncio.get_running_loop().time() + self.settings.clocks.settle_seconds
        while asyncio.get_running_loop().time() < until:
            self._check_alive(service, instance)
            await asyncio.sleep(SCAN_SECONDS)
        self._check_alive(service, instance)
