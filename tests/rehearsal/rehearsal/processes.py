"""Child processes that never outlive the world that started them."""

import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1  # Source: prctl(2), linux/prctl.h


def die_with_parent(death_signal: signal.Signals = signal.SIGTERM) -> Callable[[], None] | None:
    """Return a ``preexec_fn`` after which the child gets a signal when its parent dies.

    The kernel watches the *thread* that forked, so start children from the main thread only.
    Linux alone offers this; elsewhere nothing is asked and an orderly stop has to do.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the kernel was asked
            os._exit(1)

    return ask_kernel


def free_port() -> int:
    """Return a TCP port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_time(pid: int) -> str | None:
    """Return a mark that tells a process from a later one of the same id; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    # Source: proc(5). After the name come state (3) … starttime (22); a zombie has ended.
    return None if fields[0] == "Z" else fields[19]


def is_alive(pid: int) -> bool:
    """Say whether a process with this id runs and is no zombie."""
    if Path("/proc/self/stat").exists():
        return start_time(pid) is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def group_members(group: int) -> Iterator[int]:
    """Yield the ids of the living processes of a process group."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] != "Z":
                yield int(entry.name)


def signal_group(group: int, which: signal.Signals) -> None:
    """Send a signal to each process of a group that still exists."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, which)


def wait_gone(pid: int, timeout_seconds: float) -> bool:
    """Wait for a process that is not our child to end; say whether it did."""
    deadline = time.monotonic() + timeout_seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
