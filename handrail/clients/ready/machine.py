"""Whether this machine has what a night needs."""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from handrail.clients.ready.claim import NotReady

PYTHON = (3, 11)
GIT = (2, 31)  # takes settings from its environment, so that credentials are in no command line
FREE_BYTES = 1024**3
GIGABYTE = 1024**3


def python() -> str:
    """Return the version of Python.

    Raises:
        NotReady: it is older than what this runs on.
    """
    if sys.version_info >= PYTHON:
        return ".".join(map(str, sys.version_info[:3]))
    raise NotReady("Python is too old", sys.version.split()[0], "install Python 3.11 or newer")


def git() -> str:
    """Return the version of git.

    Raises:
        NotReady: there is none, or it is too old.
    """
    text = version_of("git")
    if text is None:
        raise NotReady("git was not found", "it is not on PATH", "apt install git")
    found = re.search(r"(\d+)\.(\d+)", text)
    if found and (int(found[1]), int(found[2])) >= GIT:
        return text.removeprefix("git version ")
    raise NotReady("git is too old", text, "install git 2.31 or newer")


def flock() -> str:
    """Return where `flock` is, which guards commands on targets that are this machine.

    Raises:
        NotReady: there is none.
    """
    found = shutil.which("flock")
    if found:
        return found
    raise NotReady("flock was not found", "it is not on PATH", "apt install util-linux")


def node() -> str:
    """Return the version of node, which only who builds a frontend here needs."""
    return version_of("node") or "none; only who builds a frontend here needs it"


def version_of(program: str) -> str | None:
    """Return what a program says of its version; None where it does not run."""
    try:
        ended = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = ended.stdout.splitlines()
    return lines[0] if ended.returncode == 0 and lines else None


def disk(directory: Path, needed_bytes: int = FREE_BYTES) -> str:
    """Return how much is free where a folder is, or will be.

    Args:
        directory: The folder; it need not be there yet.
        needed_bytes: How much must be free.

    Raises:
        NotReady: less is free, or this user may not write there.
    """
    place = directory.absolute()
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        raise NotReady(f"`{place}` takes no files", "this user may not write", f"ls -ld {place}")
    free = shutil.disk_usage(place).free
    if free >= needed_bytes:
        return f"{free / GIGABYTE:.1f} GB free, {needed_bytes / GIGABYTE:.1f} GB needed"
    raise NotReady(
        f"`{place}` has {free / GIGABYTE:.1f} GB free",
        f"{needed_bytes / GIGABYTE:.1f} GB are needed",
        f"make room there (`df -h {place}`), or name another `directory` in the inventory",
    )


def clock() -> str:
    """Return the time; whether it is right, only another clock can tell.

    Raises:
        NotReady: it is earlier than the files of this program.
    """
    here = Path(__file__).stat().st_mtime
    moment = datetime.now(UTC)
    if moment.timestamp() >= here:
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    raise NotReady(
        "this machine's clock is behind",
        f"it says {moment:%Y-%m-%d %H:%M}, before this program was installed",
        "timedatectl set-ntp true",
    )
