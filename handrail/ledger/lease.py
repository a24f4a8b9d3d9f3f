"""The lease that makes one process the only writer of an environment."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from handrail.ledger.entry import now, timestamp
from handrail.ledger.errors import RunLocked

HEARTBEAT_SECONDS = 10
SILENCE = timedelta(seconds=60)  # six missed heartbeats; only where the pid cannot be asked


@dataclass(frozen=True)
class Owner:
    """A process that wants to write: machine, pid, when the pid began, and who runs it."""

    machine: str
    pid: int
    started: str
    actor: str

    @classmethod
    def this_process(cls, actor: str) -> Self:
        """Describe the running process."""
        pid = os.getpid()
        return cls(_machine(), pid, _started(pid), actor)


@dataclass(frozen=True)
class Lease:
    """Who may write, under which fence token, and when it was last heard of."""

    fence: int
    owner: Owner
    heartbeat: datetime
    held: bool

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:  # Any: the database's column values
        """Read a stored lease: fence, machine, pid, started, actor, heartbeat, held."""
        fence, machine, pid, started, actor, heartbeat, held = row
        owner = Owner(machine, pid, started, actor)
        return cls(fence, owner, datetime.fromisoformat(heartbeat), bool(held))

    @classmethod
    def next_after(
        cls, current: "Lease | None", owner: Owner, at: datetime | None = None, *, above: int = 0
    ) -> Self:
        """Return the lease that follows: the fence token only ever grows.

        Args:
            current: The lease that ends.
            owner: Who holds the next one.
            at: The time of day to go by; now unless given.
            above: The highest fence on record, should the lease have been lost.
        """
        highest = max(above, current.fence if current else 0)
        return cls(highest + 1, owner, at or now(), held=True)

    def row(self) -> tuple[int, str, int, str, str, str]:
        """Return the columns to store, without `held`."""
        owner = self.owner
        beat = timestamp(self.heartbeat)
        return (self.fence, owner.machine, owner.pid, owner.started, owner.actor, beat)

    def silence(self, at: datetime | None = None) -> timedelta:
        """Return how long the owner has not been heard of; its clock may be ahead of ours."""
        return max((at or now()) - self.heartbeat, timedelta(0))

    def is_dead(self, at: datetime | None = None) -> bool:
        """Tell whether the owner is certainly gone, or silent for too long elsewhere.

        On this machine the process table answers; a pid given to another program since has
        another start time. On another machine only silence can tell, and the fence token
        guards the ledger against an owner that was merely slow.
        """
        if self.owner.machine == _machine():
            return _started(self.owner.pid) != self.owner.started
        return self.silence(at) > SILENCE

    def refuse_if_held(self, at: datetime | None = None) -> None:
        """Raise RunLocked where the owner holds the lease and may be alive."""
        if self.held and not self.is_dead(at):
            owner = self.owner
            silent_seconds = int(self.silence(at).total_seconds())
            raise RunLocked(
                "this run did not start",
                f"{owner.actor} is at work on this environment: process {owner.pid} on "
                f"`{owner.machine.split('/')[0]}`, heard of {silent_seconds} s ago",
                "wait for it to end (`handrail status` shows where it stands), "
                "then the same command again",
            )


def _machine() -> str:
    """Name the process table that a pid belongs to.

    That is this boot of this machine, since after a reboot no process of before is alive, and on
    Linux the pid namespace: two containers may share name and kernel, and count pids apart.
    """
    boot = Path("/proc/sys/kernel/random/boot_id")
    table = Path("/proc/self/ns/pid")
    booted = boot.read_text().strip() if boot.exists() else "-"
    counted = table.readlink().name if table.is_symlink() else "-"
    return f"{socket.gethostname()}/{booted}/{counted}"


def _started(pid: int) -> str:
    """Return when a process began, as the kernel counts it; empty where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self").exists() or not _answers(pid):
            return ""
        return "alive"  # no process file system here; the pid alone must do
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]  # proc(5): state is 3rd, starttime 22nd


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
