"""pyinfra's own command line in a fork of a process that has imported it already.

A start of pyinfra takes most of a second, nearly all of it imports; a test starts it some times.
Each line on stdin is a command as JSON; the answer is its exit status.
"""

import inspect
import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pyinfra_cli.main  # type: ignore[import-untyped]  # first: it patches the process
from gevent import monkey  # type: ignore[import-untyped]
from pyinfra.api.connectors import get_all_connectors

import handrail.engine  # noqa: F401  imported once, here, as pyinfra is
from handrail.engine.watch import watch

get_all_connectors()  # type: ignore[no-untyped-call]  # an inventory loads every one of them, used or not
inspect.stack()  # pyinfra asks for it at each call; the first answer reads every module's source

# Not gevent's own: there is no hub in this process, so each fork makes a fresh one.
fork = monkey.get_original("os", "fork")
waitpid = monkey.get_original("os", "waitpid")


def serve() -> dict[str, object] | None:
    """Fork for each command; return it in the fork, and None at the end in this process."""
    for line in sys.stdin:
        asked: dict[str, object] = json.loads(line)
        pid = fork()
        if pid == 0:
            return asked
        status = os.waitstatus_to_exitcode(waitpid(pid, 0)[1])
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()
    return None


def watched(body: Callable[..., object]) -> Callable[..., object]:
    """Return pyinfra's command as it is where it loads the connectors itself."""

    def run(*args: object, **words: object) -> object:
        watch()
        return body(*args, **words)

    return run


def become(asked: dict[str, object]) -> None:
    """Be the command in this process, as if it had just been started."""
    prepare(asked)
    with ExitStack() as stack:
        if "LAB_CLOCK" in os.environ:
            from handrail.testing.clock import SkippingClock  # noqa: PLC0415  only where asked for

            stack.enter_context(SkippingClock(Path(os.environ["LAB_CLOCK"])).installed())
        command = pyinfra_cli.main.cli
        command.callback = watched(command.callback)
        pyinfra_cli.main.main()


def prepare(asked: dict[str, object]) -> None:
    """Take over folder, environment, arguments and output of a command."""
    os.chdir(str(asked["folder"]))
    os.environ.clear()
    os.environ.update(asked["env"])  # type: ignore[call-overload]
    sys.argv = list(asked["command"])  # type: ignore[call-overload]
    quiet, output = os.open(os.devnull, os.O_RDONLY), str(asked["output"])
    said = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(quiet, 0)
    os.dup2(said, 1)
    os.dup2(said, 2)


if __name__ == "__main__" and (command := serve()):
    become(command)
