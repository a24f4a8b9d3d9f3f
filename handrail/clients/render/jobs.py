"""One-off jobs: a command on a service's latest build, inside Render's network.

Source: https://render.com/docs/one-off-jobs
"""

import re
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

from handrail.clients.errors import ClientError
from handrail.clients.patience import pause
from handrail.clients.render.model import moment, not_understood
from handrail.clients.render.services import ServiceCalls
from handrail.clients.render.telemetry import TelemetryCalls

ENDED = {"succeeded", "failed", "canceled"}
LINES = 2000  # most lines of output that are read
NEWEST = 20  # how many jobs of a service are looked through
MARK = re.compile(r"handrail-[0-9a-f]{16}")
# Logs arrive later than the job's end; after this long, what is there is all there will be.
LOG_SECONDS = 60.0
POLL_SECONDS, LONGEST_POLL_SECONDS = 2.0, 10.0  # looks become rarer the longer a job takes


@dataclass(frozen=True)
class Job:
    """One job.

    Args:
        id: ``job-…``.
        status: ``pending``, ``running``, ``succeeded``, ``failed`` or ``canceled``.
        command: What it runs.
        created_at: When it was asked for.
    """

    id: str
    status: str
    command: str
    created_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.status in ENDED

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Self:  # Any: JSON
        """Read a job object; a job that has just been made may have no status yet.

        Raises:
            ClientError: it has no id.
        """
        try:
            return cls(
                id=data["id"],
                status=data.get("status") or "pending",
                command=str(data.get("startCommand") or ""),
                created_at=moment(data.get("createdAt")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise not_understood("job", error) from None


@dataclass(frozen=True)
class Ended:
    """How a job ended.

    Args:
        status: Exit status of the command; None where the job ended before it told.
        lines: What it printed, both streams together, in order.
        whole: Whether the output is known to be all of it.
    """

    status: int | None
    lines: tuple[str, ...]
    whole: bool


class JobCalls(ServiceCalls, TelemetryCalls):
    """Start a job, follow it to its end, read what it printed."""

    def run_job(
        self, service_id: str, command: str, timeout_seconds: float, *, take_over: bool = False
    ) -> Ended:
        """Run a shell line as a job; return its exit status and its output.

        Render tells a job's success and not its status, and shows its output as log lines that
        arrive late; so the line tells its own status at its end, which is also the mark that all
        of the output has arrived.

        Args:
            service_id: A service with a successful build; its variables are the job's.
            command: A line for `sh`.
            timeout_seconds: Longest wait; the job is cancelled after it.
            take_over: Wait for a job of the same line that is at work, where somebody who was
                killed left one, and start none beside it.

        Raises:
            ClientError: refused, or it did not end in time.
        """
        began = self.now() - timedelta(minutes=1)
        found = self._at_work(service_id, command) if take_over else []
        job = found[0] if found else self.start_job(service_id, _line(command, _mark()))
        ended = self._followed(service_id, job, command, timeout_seconds)
        return self._output(ended, _mark_in(job), min(began, ended.created_at or began))

    def _followed(self, service_id: str, job: Job, command: str, timeout_seconds: float) -> Job:
        """Return a job, once it has ended.

        Raises:
            ClientError: it did not end in time, and was cancelled.
        """
        first = self.patience.clock()
        while not job.ended:
            waited = self.patience.clock() - first
            if waited > timeout_seconds:
                self._cancel(service_id, job)
                raise ClientError(
                    f"a job of {self.called(service_id)} was cancelled",
                    f"`{command}` did not end within {timeout_seconds:g} s",
                    "give it more time, or see its log at https://dashboard.render.com",
                )
            self.patience.sleep(pause(waited, POLL_SECONDS, LONGEST_POLL_SECONDS))
            job = self.job(service_id, job.id)
        return job

    def cancel_jobs(self, service_id: str, command: str) -> None:
        """Cancel every job of a line that has not ended.

        Raises:
            ClientError: refused.
        """
        for job in self._at_work(service_id, command):
            self._cancel(service_id, job)

    def start_job(self, service_id: str, command: str) -> Job:
        """Start a job once; where the request's fate is not known, the job it made is taken over.

        Raises:
            ClientError: refused, or it is not known whether it began.
        """
        what = f"a job of {self.called(service_id)} could not be started"
        fix = "see the jobs of the service at https://dashboard.render.com, then the same command"
        path, body = f"{_path(service_id)}/jobs", {"startCommand": command}
        sent = self.send_once(path, what, body=body, hide=(command,))
        if not isinstance(sent, ClientError):
            return Job.from_api(sent.json())
        made = next((job for job in self._jobs(service_id) if job.command == command), None)
        if made is None:
            raise ClientError(what, f"{sent.why}; no such job has appeared", fix)
        return made

    def job(self, service_id: str, job_id: str) -> Job:
        """Return one job.

        Raises:
            ClientError: refused, or there is none.
        """
        path = f"{_path(service_id)}/jobs/{quote(job_id, safe='')}"
        return Job.from_api(self.ask("GET", path, f"job `{job_id}` could not be read").json())

    def _jobs(self, service_id: str) -> list[Job]:
        what = f"the jobs of {self.called(service_id)} could not be read"
        listed = self.pages(f"{_path(service_id)}/jobs", "job", what, limit=NEWEST)
        return [Job.from_api(data) for data in listed]

    def _at_work(self, service_id: str, command: str) -> list[Job]:
        """Return the jobs of a line that have not ended, the newest first."""
        left = [job for job in self._jobs(service_id) if not job.ended]
        return [job for job in left if job.command == _line(command, _mark_in(job))]

    def _cancel(self, service_id: str, job: Job) -> None:
        path = f"{_path(service_id)}/jobs/{quote(job.id, safe='')}/cancel"
        self.ask("POST", path, f"job `{job.id}` could not be cancelled")

    def _output(self, job: Job, mark: str, began: datetime) -> Ended:
        first = self.patience.clock()
        while True:
            lines = [line.text for line in self.logs(job.id, began, LINES)]
            if told := _told(lines, mark):
                return told
            waited = self.patience.clock() - first
            if job.status == "canceled" or waited > LOG_SECONDS:
                status = 0 if job.status == "succeeded" else None
                return Ended(status, tuple(lines), whole=False)
            self.patience.sleep(pause(waited, POLL_SECONDS, LONGEST_POLL_SECONDS))


def _mark() -> str:
    """Return a new mark of a job's last line."""
    return f"handrail-{secrets.token_hex(8)}"


def _mark_in(job: Job) -> str:
    """Return the mark of a job, the last that its line names; one that nobody has without it."""
    found: list[str] = MARK.findall(job.command)
    return found[-1] if found else _mark()


def _line(command: str, mark: str) -> str:
    """Return what a job runs: the line, and the mark with its status."""
    line = f"({command}\n)\nended=$?; echo {mark} $ended; exit $ended"
    return f"sh -c {shlex.quote(line)}"


def _told(lines: list[str], mark: str) -> Ended | None:
    """Return how a job ended by the line that tells it; None where none does."""
    told = filter(None, (re.search(rf"{mark} (\d+)\s*$", each) for each in lines))
    status = next((int(each[1]) for each in told), None)
    if status is None:
        return None
    return Ended(status, tuple(each for each in lines if mark not in each), whole=True)


def _path(service_id: str) -> str:
    return f"/services/{quote(service_id, safe='')}"
