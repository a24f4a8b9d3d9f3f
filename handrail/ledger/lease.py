"""The lease that makes one process the only writer of an environment."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from handrail.ledger.errors import RunLocked

SECONDS = 60.0  # of silence after which an owner that cannot be asked counts as gone
BEATS = 6  # in that time, so that five may be missed


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
    """Who may write, under which token, since when, and how long it may be silent.

    ``taken_at`` is by the clock of the store, RFC 3339 in UTC.
    """

    token: int
    owner: Owner
    taken_at: str
    seconds: float
    held: bool = True
    took_over: str = ""  # from whom, where its owner had not let it go

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:  # Any: the database's column values
        """Read a stored lease: the columns of `schema.LEASE`."""
        token, machine, pid, started, actor, taken_at, seconds, held = row
        owner = Owner(machine, pid, started, actor)
        return cls(int(token), owner, str(taken_at), float(seconds), bool(held))

    def row(self) -> tuple[int, str, int, str, str, str, float, bool]:
        """Return the columns to store."""
        owner = self.owner
        who = (owner.machine, owner.pid, owner.started, owner.actor)
        return (self.token, *who, self.taken_at, self.seconds, self.held)

    def is_dead(self, silence: timedelta) -> bool:
        """Tell whether the owner is certainly gone, or silent for too long elsewhere.

        On this machine the process table answers; a pid given to another program since has
        another start time. On another machine only silence can tell, and the token guards the
        ledger against an owner that was merely slow.

        Args:
            silence: For how long it was not heard of, by the clock of the store.
        """
        if self.owner.machine == _machine():
            return _started(self.owner.pid) != self.owner.started
        return silence > timedelta(seconds=self.seconds)

    def farewell(self, silence: timedelta) -> str:
        """Return whose lease ends, for the record of a takeover."""
        who = f"process {self.owner.pid} of {self.owner.actor}"
        state = "is gone" if self.is_dead(silence) else "is alive, and an operator said so"
        return f"{who} {state}; it was last heard of {int(silence.total_seconds())} s before"

    def refuse_if_alive(self, silence: timedelta, takeover: str = "") -> None:
        """Raise RunLocked where the owner holds the lease and may be alive.

        Args:
            silence: For how long it was not heard of, by the clock of the store.
            takeover: Token of a lease that an operator wants taken from its owner all the same.
        """
        if not self.held or self.is_dead(silence) or takeover == str(self.token):
            return
        owner = self.owner
        raise RunLocked(
            "this run did not start",
            f"{owner.actor} is at work on this environment: process {owner.pid} on "
            f"`{owner.machine.split('/')[0]}`, heard of {int(silence.total_seconds())} s ago",
            "wait for it to end (`handrail status` shows where it stands), then the same command "
            f"again; or, where it is stuck and cannot be ended, add `--data takeover={self.token} "
            '--data reason="…"`: it stops itself before its next effect',
        )


@dataclass(frozen=True)
class AtWork:
    """Who holds a lease.

    Args:
        lease: Its.
        silence: For how long it was not heard of, by the clock of the store.
    """

    lease: Lease
    silence: timedelta

    @property
    def alive(self) -> bool:
        """Tell whether it may be at work; a process that is gone, or silent too long, is not."""
        return not self.lease.is_dead(self.silence)

    @property
    def silent(self) -> bool:
        """Tell whether it was not heard of for too long: gone, or a process that was stopped."""
        return self.silence > timedelta(seconds=self.lease.seconds)

    @property
    def words(self) -> str:
        """Return who it is, where, and when it was last heard of."""
        owner, seconds = self.lease.owner, int(self.silence.total_seconds())
        host = owner.machine.split("/")[0]
        state = (
            "gone"
            if not self.alive
            else "there, but stopped or stuck"
            if self.silent
            else "at work"
        )
        return f"{owner.actor} on {host}, process {owner.pid}: {state}, heard of {seconds} s ago"


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


def is_alive(pid: int) -> bool:
    """Tell whether there is a process of that number on this machine; one that ended is none."""
    return bool(_started(pid))


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
