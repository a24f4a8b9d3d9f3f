"""What keeps an orphan of a killed run from acting beside the next attempt: a lock its own hold.

Each act has a file of its own that every process of it keeps open and locked: on this machine for
what it starts here, on the target for shell lines that run there, or as another user. The lock goes
when the last of them is gone, whoever was killed and however; the file is removed by whoever sees
that nobody holds it. No other act has a file of that name, so none is taken away from somebody who
just made it. A process that is meant to live on lets go of it (`living_on`; in a shell line
``exec 9>&-``); one of an act that is on record as done keeps nobody out anyway.
"""

import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from pyinfra.api.arguments import auth_argument_meta
from pyinfra.api.command import StringCommand
from pyinfra.connectors.local import LocalConnector
from pyinfra.context import host

from handrail.engine import guard_files
from handrail.engine.children import DESCRIPTOR, Shell, holding, in_shell, of_this_act
from handrail.engine.guard_files import Memory
from handrail.ledger.errors import PreconditionUnmet
from handrail.ledger.run import Run
from handrail.ledger.task import Task

GUARD_EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h: nothing was done, try again
COMMAND_LENGTH = 160
# Whoever was killed together with the run needs a moment to be gone.
LOOKS, LOOK_SECONDS = 4, 0.1
SHOWN = 3  # processes that are named

LINE = """{{ {{ {fresh}exec {fd}>>"{file}"; }} && flock -n -s {fd} && echo '{act}' >&{fd}; }} || {{
command -v flock >/dev/null || echo "this target has no \\`flock\\` (util-linux), without which \
an orphan of a killed run is not seen; nothing was done" >&2
echo "the guard {file} of this command was not taken; nothing was done" >&2
exit {code}; }}
trap 's=$?; exec {fd}>&-; flock -n -x "{file}" rm -f "{file}" 2>/dev/null || :; exit $s' EXIT
HANDRAIL_GUARD_FD={fd}; export HANDRAIL_GUARD_FD
"""
PROBE = """for f in {files}; do
[ -e "$f" ] || continue
flock -n -x "$f" rm -f "$f" && continue
command -v flock >/dev/null || {{ echo "this target has no flock (util-linux)" >&2; exit {code}; }}
for d in /proc/[0-9]*/fd/{fd}; do
[ "$d" -ef "$f" ] || continue
p="${{d%/fd/*}}"; c=$(tr '\\0\\n' '  ' 2>/dev/null <$p/cmdline) 2>/dev/null
[ -z "$c" ] || echo "process ${{p#/proc/}}: $c"
done | head -n {shown} >&2
exit {code}
done"""


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
        file = line_file(self.memory, _settings(), self.act)
        prefix = LINE.format(
            file=file,
            fd=DESCRIPTOR,
            code=GUARD_EXIT_CODE,
            act=self.act,
            fresh=f'rm -f "{file}" && ' if first else "",  # it may be done anew in one attempt
        )
        return StringCommand("{ ", prefix, command, "\n}", _separator="")

    @contextmanager
    def call(self) -> Iterator[None]:
        """Let every process that a Python call starts hold the guard."""
        with holding(self._call):
            yield

    @contextmanager
    def held(self) -> Iterator["Guard"]:
        """Hold it for a `with` block; afterwards only who is left of the act does, if anybody.

        Raises:
            PreconditionUnmet: its file cannot be made.
        """
        file = guard_files.of_calls(self.memory, self.act)
        self._call = guard_files.taken(file, self.act)
        try:
            with of_this_act():
                yield self
        finally:
            os.close(self._call)
            guard_files.is_cleared(file)


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
    for files, seen in (_on_target(memory, acts), _on_this_machine(memory, acts)):
        if seen is not None:
            told = f" ({'; '.join(map(_shown, seen.splitlines()))})" if seen else ""
            raise PreconditionUnmet(
                what,
                f"a command of an earlier attempt is still at work there{told}",
                f"wait until it ends, or end it (`fuser -v {files}` shows it where it runs); "
                "then the same command again",
            )


def _shown(process: str) -> str:
    """Return a process as a refusal names it: without what the guard put before its command."""
    pid, _, command = process.partition(": ")
    text = " ".join(command.rpartition("export HANDRAIL_GUARD_FD")[2].split())
    return f"{pid}: {text[:COMMAND_LENGTH]}"


def line_file(memory: Memory, settings: Mapping[str, Any], act: str) -> str:
    """Return the file on the target, as its shell reads it: of its user, ledger, target, act."""
    user = str(os.getuid()) if _is_here(settings) else "$(id -u)"
    return guard_files.path_of(user, memory, act, "lines")


def _is_here(settings: Mapping[str, Any]) -> bool:  # Any: pyinfra's arguments
    return isinstance(host.connector, LocalConnector) and not settings


def _settings() -> dict[str, Any]:  # Any: pyinfra's arguments
    """Return as whom commands run on the target."""
    return _of_user(host.current_op_global_arguments or {})


def _of_user(given: Mapping[str, Any]) -> dict[str, Any]:  # Any: pyinfra's arguments
    return {key: given[key] for key in auth_argument_meta if given.get(key)}


def _quoted(files: Iterable[str]) -> str:
    return " ".join(f'"{each}"' for each in files)


def _on_target(memory: Memory, acts: Collection[str]) -> tuple[str, str | None]:
    """Return the files, quoted, and who holds one; None where nobody does."""
    settings = _settings()
    files = _quoted(line_file(memory, settings, act) for act in acts)
    probe = PROBE.format(
        files=files,
        fd=DESCRIPTOR,
        code=GUARD_EXIT_CODE,
        shown=SHOWN,
    )
    named = ""  # processes come and go while they are looked for
    for _ in range(LOOKS):
        free, output = host.run_shell_command(StringCommand(probe), **settings)
        if free:
            return files, None
        named = output.stderr or named
        time.sleep(LOOK_SECONDS)
    return files, named


def _on_this_machine(memory: Memory, acts: Collection[str]) -> tuple[str, str | None]:
    held = [guard_files.of_calls(memory, act) for act in acts]
    for _ in range(LOOKS):
        held = [each for each in held if not guard_files.is_cleared(each)]
        if not held:
            return "", None
        time.sleep(LOOK_SECONDS)
    named = chain.from_iterable(map(guard_files.holders, held))
    return _quoted(map(str, held)), "\n".join(islice(named, SHOWN))
