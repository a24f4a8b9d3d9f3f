"""One-off commands on the artifact of a live deploy."""

import asyncio

from rehearsal.render.engine import Engine
from rehearsal.render.environment import build_environment
from rehearsal.render.identity import now
from rehearsal.render.instance import run_to_end
from rehearsal.render.records import Job
from rehearsal.render.workspace import Running


async def carry_out(engine: Engine, running: Running, job: Job) -> None:
    """Run a job to its end; its exit code is readable in the event only, as on Render."""
    deploy, logbook = running.live, engine.workspace.logbook
    code: int | None = None
    if deploy is not None:
        job.status, job.started_at = "running", now()
        try:
            code = await run_to_end(
                job.start_command,
                build_environment(engine.settings, running.service, deploy),
                engine.release.directory(deploy),
                lambda line: logbook.add(job.id, "app", line),
                engine.settings.clocks.build_seconds,
            )
        except asyncio.CancelledError:
            job.status, job.finished_at = "canceled", now()
            return
    job.status, job.finished_at = ("succeeded" if code == 0 else "failed"), now()
    engine.workspace.happened(
        running.service,
        "job_run_ended",
        jobId=job.id,
        status=job.status,
        reason={"nonZeroExit": code} if code else {},
    )
