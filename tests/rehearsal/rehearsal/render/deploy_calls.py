"""Calls on deploys, rollbacks and one-off jobs."""

import asyncio

from rehearsal.render.answers import ApiError, kept, not_found, object_of, page
from rehearsal.render.engine import Engine
from rehearsal.render.jobs import carry_out
from rehearsal.render.records import Deploy, Job
from rehearsal.render.source import Source
from rehearsal.render.workspace import Running
from rehearsal.wire import Answer, Request

SUCCEEDED = {"live", "deactivated"}


class DeployCalls:
    """Answer the calls that deploy."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.workspace = engine.workspace

    def _find(self, service_id: str, *, to_run: bool = False) -> Running:
        running = self.workspace.find(service_id)
        if to_run and running.service.suspended:
            raise ApiError(409, "service is suspended")
        return running

    def _deploy(self, service_id: str, deploy_id: str) -> Deploy:
        self._find(service_id)
        deploy = self.workspace.deploy(service_id, deploy_id)
        if deploy is None:
            raise not_found(deploy_id)
        return deploy

    async def create(self, request: Request, service_id: str) -> Answer:
        """Deploy; 202 without a body when another deploy must end first."""
        running, body = self._find(service_id, to_run=True), object_of(request)
        mode, revision = body.get("deployMode", "build_and_deploy"), body.get("commitId")
        if mode not in {"build_and_deploy", "deploy_only"}:
            raise ApiError(400, f"invalid deployMode: {mode}")
        if mode == "deploy_only" and {"commitId", "imageUrl", "clearCache"} & set(body):
            raise ApiError(400, "deploy_only takes no commitId, imageUrl or clearCache")
        if "imageUrl" in body:
            raise ApiError(400, "imageUrl is for image-backed services")
        if revision and running.service.type == "cron_job":
            raise ApiError(400, "commitId is not for cron jobs")
        if mode == "deploy_only" and running.live is None:
            raise ApiError(400, "there is no build to deploy")
        commit = None
        if revision:
            commit = await Source(running.service.repo).commit(revision)
            if commit is None:
                raise not_found(revision)
        reuse = running.live if mode == "deploy_only" else None
        deploy, at_once = await self.engine.ask(running, "api", commit=commit, reuse=reuse)
        return Answer.of(deploy.json(), 201) if at_once else Answer(202)

    async def search(self, request: Request, service_id: str) -> Answer:
        """List deploys, newest first."""
        rows = [deploy.json() for deploy in reversed(self._find(service_id).deploys)]
        rows = kept(request, rows, {"status": "status"})
        return Answer.of(page(request, "deploy", [(f"c{row['id']}", row) for row in rows]))

    async def show(self, _request: Request, service_id: str, deploy_id: str) -> Answer:
        """Return one deploy."""
        return Answer.of(self._deploy(service_id, deploy_id).json())

    async def cancel(self, _request: Request, service_id: str, deploy_id: str) -> Answer:
        """Cancel a deploy that has not ended."""
        running, deploy = self._find(service_id), self._deploy(service_id, deploy_id)
        if not self.engine.cancel(running, deploy):
            raise ApiError(409, f"deploy {deploy_id} has ended as {deploy.status}")
        return Answer.of(deploy.json())

    async def rollback(self, request: Request, service_id: str) -> Answer:
        """Deploy an earlier artifact with the configuration it had; nothing stored changes."""
        running = self._find(service_id, to_run=True)
        wanted = object_of(request).get("deployId")
        if not wanted:
            raise ApiError(400, "deployId is required")
        target = self._deploy(service_id, wanted)
        if target.status not in SUCCEEDED or target.artifact is None:
            raise ApiError(400, f"deploy {wanted} cannot be rolled back to: {target.status}")
        deploy, _ = await self.engine.ask(
            running, "rollback", reuse=target, snapshot=target.snapshot
        )
        return Answer.of(deploy.json(), 201)

    async def create_job(self, request: Request, service_id: str) -> Answer:
        """Start a one-off job."""
        running, body = self._find(service_id, to_run=True), object_of(request)
        if not body.get("startCommand"):
            raise ApiError(400, "startCommand is required")
        if running.live is None:
            raise ApiError(400, "there is no successful build to run the job on")
        job = Job(service_id, body["startCommand"], body.get("planId", "plan-srv-006"))
        running.jobs.append(job)
        answer = job.json()
        job.work = self.engine.keeper.later(carry_out(self.engine, running, job))
        await asyncio.sleep(0)
        return Answer.of(answer, 201)

    async def search_jobs(self, request: Request, service_id: str) -> Answer:
        """List jobs, newest first."""
        rows = [job.json() for job in reversed(self._find(service_id).jobs)]
        rows = kept(request, rows, {"status": "status"})
        return Answer.of(page(request, "job", [(f"c{row['id']}", row) for row in rows]))

    async def job(self, _request: Request, service_id: str, job_id: str) -> Answer:
        """Return one job."""
        return Answer.of(self._job(service_id, job_id).json())

    async def cancel_job(self, _request: Request, service_id: str, job_id: str) -> Answer:
        """Cancel a job that has not ended."""
        job = self._job(service_id, job_id)
        if job.work is not None:
            job.work.cancel()
            await asyncio.wait({job.work})
        return Answer.of(job.json())

    def _job(self, service_id: str, job_id: str) -> Job:
        for job in self._find(service_id).jobs:
            if job.id == job_id:
                return job
        raise not_found(job_id)
