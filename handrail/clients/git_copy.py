"""A private bare copy of a repository: what a runbook reads and makes commits in.

Nobody's work tree, hooks, filters or half-done merge is in it, and it holds nothing that matters:
a commit counts once it is on the remote. A copy that is lost is made anew.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from handrail.clients.git_objects import must
from handrail.clients.git_process import git

SCRATCH = "scratch-"

_kept: list[Path] = []
_held: set[tuple[Path, str]] = set()  # commits that were seen in a copy: nothing takes them away


def keep_copies_in(folder: Path) -> None:
    """Keep the copies of this process in a folder, for the next attempt to find.

    Without it they lie in a temporary folder that goes when the process ends, so that a plan
    leaves nothing behind.
    """
    _kept[:] = [folder]


def copy_of(address: str, object_length: Callable[[], int]) -> Path:
    """Return the bare copy for an address, made empty where there is none yet.

    Args:
        address: What the remote is fetched from.
        object_length: Asks for the digits of its object ids; 64 where it uses SHA-256.

    Raises:
        ClientError: git could not make it.
    """
    folder = _kept[0] if _kept else _temporary(os.getpid())
    place = folder / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}.git"
    if not place.is_dir():
        fresh = _made_in(folder, object_length())
        if not place.is_dir():
            _held.clear()
            fresh.rename(place)
    return place


def _made_in(folder: Path, object_length: int) -> Path:
    """Return a new bare repository in a folder of its own, swept away later if nobody takes it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(folder)
    fresh = Path(tempfile.mkdtemp(prefix=f"{SCRATCH}{os.getpid()}-", dir=folder))
    kind = "sha256" if object_length == 64 else "sha1"  # noqa: PLR2004
    what = "a private copy of the repository could not be made"
    options = ("--bare", "--quiet", "--template=", f"--object-format={kind}")
    must(fresh, what, "init", *options, str(fresh))
    return fresh


@contextmanager
def scratch(copy: Path) -> Iterator[Path]:
    """Give a folder of one's own inside a copy, and take away those of killed processes."""
    _sweep(copy)
    place = Path(tempfile.mkdtemp(prefix=f"{SCRATCH}{os.getpid()}-", dir=copy))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def holds_object(copy: Path, sha: str) -> bool:
    """Tell whether a commit has arrived in a copy."""
    if (copy, sha) not in _held and git(copy, "cat-file", "-e", f"{sha}^{{commit}}").code == 0:
        _held.add((copy, sha))
    return (copy, sha) in _held


def _sweep(folder: Path) -> None:
    """Take away the scratch folders of processes that are gone."""
    for left in folder.glob(f"{SCRATCH}*"):
        if not _is_alive(int(left.name.split("-")[1])):
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@cache
def _temporary(process: int) -> Path:
    """Return this process's own folder; a forked child gets another one."""
    place = Path(tempfile.mkdtemp(prefix=f"handrail-git-{process}-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place
