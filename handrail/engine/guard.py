"""What keeps an orphan of a killed run from acting beside the next attempt: a lock its own hold.

Each act has a file that every process of it keeps open and locked: on this machine for what it
starts here, on the target for shell lines that run there, or as another user. The lock goes when
the last of them is gone, whoever was killed and however. A process that is meant to live on lets go
of it (`living_on`; in a shell line ``exec 9>&-``); one of an act that is on record as done keeps
nobody out anyway.
"""

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pyinfra.api.arguments import auth_argument_meta
from pyinfra.api.command import StringCommand
from pyinfra.connectors.local import LocalConnector
from pyinfra.context import host

from handrail.engine.children import DESCRIPTOR, Shell, holding, in_shell, of_this_act
from handrail.ledger.errors import PreconditionUnmet
from handrail.ledger.run import Run
from handrail.ledger.task import Task

GUARD_EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: nothing was done, try again
COMMAND_LENGTH = 160
# Whoever was killed together with the run needs a moment to be gone.
LOOKS, LOOK_SECONDS = 4, 0.1
SHOWN = 3  # processes that are named

LINE = """{{ {{ {fresh}exec {fd}>>"{file}"; }} && flock -n -s {fd}{named}; }} || {{
command -v flock >/dev/null || echo "this target has no \\`flock\\` (util-linux), without which \
an orphan of a killed run is not seen; nothing was done" >&2
echo "the guard {file} of this command was not taken; nothing was done" >&2
exit {code}; }}
HANDRAIL_GUARD_FD={fd}; export HANDRAIL_GUARD_FD
"""
PROBE = """f="{file}"; [ -e "$f" ] || exit 0
read -r act <"$f" || exit 0
case "$act" in {acts}) ;; *) exit 0 ;; esac
flock -n -x "$f" true && exit 0
command -v flock >/dev/null || {{ echo "this target has no flock (util-linux)" >&2; exit {code}; }}
for d in /proc/[0-9]*/fd/{fd}; do
[ "$d" -ef "$f" ] || continue
p="${{d%/fd/*}}"; c=$(tr '\\0\\n' '  ' 2>/dev/null <$p/cmdline) 2>/dev/null
[ -z "$c" ] || echo "process ${{p#/proc/}}: $c"
done | head -n {shown} >&2
exit {code}"""


class Memory(Protocol):
    """What a guard's file is called by: another ledger, of the same names, has others.

    The ledger of another project on this machine may be of an environment called the same.
    """

    environment: str
    made_at: str


@dataclass
class Guard:
    """The guard of one act on this target, for as long as its commands run.

    Args:
        memory: The ledger that it is on record in.
        act: What `named` returns for it.
    """

    memory: Memory
    act: str
    _lines: int = 0
    _call: int = field(init=False, repr=False)  # the open descriptor

    @staticmethod
    def is_here(arguments: Mapping[str, Any]) -> bool:  # Any: pyinfra's arguments
        """Tell whether a command runs as a child of this process, which hands its guard over.

        Elsewhere, and as another user (`sudo` closes what it inherits), `line` wraps it.
        """
        return _is_here(_settings() | _of_user(arguments))

    @contextmanager
    def shell(self) -> Iterator[Shell]:
        """Let the shell of a command on this machine hold the guard, and all that it starts."""
        with in_shell(self._call) as shell:
            yield shell

    def line(self, command: str | StringCommand) -> StringCommand:
        """Wrap a shell command so that it, and all that it starts, holds the guard.

        It runs in the shell that it would run in anyway, after one `flock`.
        """
        first = self._lines == 0
        self._lines += 1
        file = line_file(self.memory, _settings())
        prefix = LINE.format(
            file=file,
            fd=DESCRIPTOR,
            code=GUARD_EXIT_CODE,
            # A file of its own for each act: who holds that of a settled one is a daemon.
            fresh=f'rm -f "{file}" && ' if first else "",
            named=f" && echo '{self.act}' >&{DESCRIPTOR}" if first else "",
        )
        return StringCommand("{ ", prefix, command, "\n}", _separator="")

    @contextmanager
    def call(self) -> Iterator[None]:
        """Let every process that a Python call starts hold the guard."""
        with holding(self._call):
            yield

    @contextmanager
    def held(self) -> Iterator["Guard"]:
        """Hold it for a `with` block; afterwards only who is left of the act does.

        Raises:
            PreconditionUnmet: its file cannot be made.
        """
        self._call = _taken(call_file(self.memory), self.act)
        try:
            with of_this_act():
                yield self
        finally:
            os.close(self._call)


def named(run: str, task: str, attempt: int) -> str:
    """Return what a guard's file says: whose it is."""
    return f"{run} {task} {attempt}"


def acts_in_doubt(run: Run, task: Task) -> list[str]:
    """Return what the guard of a task's last act says, where there was one."""
    receipt = task.receipt
    if receipt is None:
        return []
    return [named(run.id, receipt.begun_as or receipt.task, receipt.attempt)]


def refuse_orphan(memory: Memory, acts: Collection[str], what: str) -> None:
    """Raise while a process of an act whose end nobody saw is still at work.

    Args:
        memory: The ledger that they are on record in.
        acts: The acts, as `named` returns them.
        what: What does not happen meanwhile; a whole clause.

    Raises:
        PreconditionUnmet: it is, or the target does not let us see.
    """
    for file, seen in (_on_target(memory, acts), _on_this_machine(memory, acts)):
        if seen is not None:
            told = f" ({'; '.join(map(_shown, seen.splitlines()))})" if seen else ""
            raise PreconditionUnmet(
                what,
                f"a command of an earlier attempt is still at work there{told}",
                f'wait until it ends, or end it (`fuser -v "{file}"` shows it where it runs); '
                "then the same command again",
            )


def _shown(process: str) -> str:
    """Return a process as a refusal names it: without what the guard put before its command."""
    pid, _, command = process.partition(": ")
    text = " ".join(command.rpartition("export HANDRAIL_GUARD_FD")[2].split())
    return f"{pid}: {text[:COMMAND_LENGTH]}"


def line_file(memory: Memory, settings: Mapping[str, Any]) -> str:
    """Return the file on the target, as its shell reads it: of its user, ledger, target."""
    user = str(os.getuid()) if _is_here(settings) else "$(id -u)"
    return _file(user, memory, "lines")


def _is_here(settings: Mapping[str, Any]) -> bool:  # Any: pyinfra's arguments
    return isinstance(host.connector, LocalConnector) and not settings


def call_file(memory: Memory) -> Path:
    """Return the file on this machine, of this user, for what Python calls start."""
    return Path(_file(str(os.getuid()), memory, "calls"))


def _file(user: str, memory: Memory, kind: str) -> str:
    # Every target has /tmp, no other folder is sure; the user in the name keeps others' files out.
    name = re.sub(r"[^A-Za-z0-9._-]", "-", f"{memory.environment}-{host.name}")
    whole = f"{memory.environment}/{host.name}/{memory.made_at}"
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"/tmp/handrail-{user}-{name}-{digest}.{kind}.guard"  # noqa: S108  see above


def _settings() -> dict[str, Any]:  # Any: pyinfra's arguments
    """Return as whom commands run on the target."""
    return _of_user(host.current_op_global_arguments or {})


def _of_user(given: Mapping[str, Any]) -> dict[str, Any]:  # Any: pyinfra's arguments
    return {key: given[key] for key in auth_argument_meta if given.get(key)}


def _taken(path: Path, act: str) -> int:
    """Return a locked descriptor on a fresh file.

    Raises:
        PreconditionUnmet: the file cannot be made.
    """
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
    os.write(descriptor, f"{act}\n".encode())
    os.set_inheritable(descriptor, True)  # noqa: FBT003  its one argument
    return descriptor


def _on_target(memory: Memory, acts: Collection[str]) -> tuple[str, str | None]:
    """Return the file and who holds it; None where nobody does."""
    settings = _settings()
    file = line_file(memory, settings)
    probe = PROBE.format(
        file=file,
        acts="|".join(f"'{act}'" for act in acts),
        fd=DESCRIPTOR,
        code=GUARD_EXIT_CODE,
        shown=SHOWN,
    )
    named = ""  # processes come and go while they are looked for
    for _ in range(LOOKS):
        free, output = host.run_shell_command(StringCommand(probe), **settings)
        if free:
            return file, None
        named = output.stderr or named
        time.sleep(LOOK_SECONDS)
    return file, named


def _on_this_machine(memory: Memory, acts: Collection[str]) -> tuple[str, str | None]:
    path = call_file(memory)
    for _ in range(LOOKS):
        if _is_free(path, acts):
            return str(path), None
        time.sleep(LOOK_SECONDS)
    return str(path), "\n".join(_holders(path))


def _is_free(path: Path, acts: Collection[str]) -> bool:
    try:
        with path.open("r+") as file:
            if file.readline().rstrip("\n") not in acts:
                return True
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _holders(path: Path) -> list[str]:
    """Return the processes that hold a file open, as far as this user may see."""
    wanted = path.stat()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile, or another user's
            command = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if any(_is_same(wanted, each) for each in (process / "fd").iterdir()):
                found.append(f"process {process.name}: {' '.join(' '.join(command).split())}")
    return found[:SHOWN]


def _is_same(wanted: os.stat_result, descriptor: Path) -> bool:
    with suppress(OSError):  # closed while the others were looked at
        return os.path.samestat(wanted, descriptor.stat())
    return False
