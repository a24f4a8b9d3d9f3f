"""The files in which the guards of acts lie: made, held, and removed once nobody holds one.

A file that nobody holds says no more than none, so anybody may remove it; who makes one sees, once
it is locked, that it is still the one of that name.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pyinfra.context import host

from handrail.ledger.errors import PreconditionUnmet

FOLDER = Path("/tmp")  # noqa: S108  every target has it, no other is sure


class Memory(Protocol):
    """What a guard's file is called by: another ledger, of the same names, has others.

    The ledger of another project on this machine may be of an environment called the same.
    """

    environment: str
    made_at: str


def path_of(user: str, memory: Memory, act: str, kind: str) -> str:
    """Return the file of an act on this target; the user in its name keeps others' files out.

    Args:
        user: Whose it is, by number, or what a shell reads as that.
        memory: The ledger that the act is on record in.
        act: What the file says: run, task and attempt.
        kind: What holds it: `lines` on the target, `calls` on this machine.
    """
    name = _plain(f"{memory.environment}-{host.name}")
    whole = f"{memory.environment}/{host.name}/{memory.made_at}/{act}"
    digest = hashlib.sha256(whole.encode()).hexdigest()[:12]
    return f"{FOLDER}/handrail-{user}-{name}-{digest}.{kind}.guard"


def of_calls(memory: Memory, act: str) -> Path:
    """Return the file on this machine, of this user, for what Python calls start."""
    return Path(path_of(str(os.getuid()), memory, act, "calls"))


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)


def taken(path: Path, act: str) -> int:
    """Return a locked descriptor on a fresh file.

    Raises:
        PreconditionUnmet: the file cannot be made.
    """
    while True:
        try:
            path.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except OSError as error:
            raise PreconditionUnmet(
                f"nothing was done on {host.name}",
                f"the guard `{path}` was not made: {error.strerror}",
                f"see `ls -l {path}` and `df -h {path.parent}`, then the same command again",
            ) from None
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if _is_same(os.fstat(descriptor), path):
            break
        os.close(descriptor)  # removed as one that nobody holds, before it was locked
    os.write(descriptor, f"{act}\n".encode())
    os.set_inheritable(descriptor, True)  # noqa: FBT003  its one argument
    return descriptor


def is_cleared(path: Path) -> bool:
    """Remove a file that nobody holds; tell whether it is gone."""
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def clear(environment: str) -> None:
    """Remove what acts on an environment left on this machine and nobody holds any more."""
    for each in FOLDER.glob(f"handrail-{os.getuid()}-{_plain(environment)}-*.calls.guard"):
        with suppress(OSError):  # another user's in our name: not ours to remove
            is_cleared(each)


def holders(path: Path) -> Iterator[str]:
    """Yield the processes that hold a file open, as far as this user may see."""
    if not path.exists():
        return  # they ended just now
    wanted = path.stat()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile, or another user's
            command = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if any(_is_same(wanted, each) for each in (process / "fd").iterdir()):
                yield f"process {process.name}: {' '.join(' '.join(command).split())}"


def _is_same(wanted: os.stat_result, other: Path) -> bool:
    with suppress(OSError):  # closed, or removed, while the others were looked at
        return os.path.samestat(wanted, other.stat())
    return False
