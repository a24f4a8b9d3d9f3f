"""A process that has imported a command line already, and is it in a fork for each command.

A start of Python with all its imports takes most of a second; a test starts some. Each line on
stdin is a command as JSON; the answer is its exit status.
"""

import atexit
import json
import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from gevent import monkey  # type: ignore[import-untyped]

from handrail.testing.forking import Asked

# Not gevent's own: there is no hub in this process, so each fork makes a fresh one.
fork = monkey.get_original("os", "fork")
waitpid = monkey.get_original("os", "waitpid")

Become = Callable[[Asked], None]


def serve(become: Become) -> None:
    """Fork for each command, and be it there; return once nobody asks for more."""
    for line in sys.stdin:
        pid = fork()
        if pid == 0:
            asked: Asked = json.loads(line)
            (aside if "told" in asked else live)(become, asked)
        status = os.waitstatus_to_exitcode(waitpid(pid, 0)[1])
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


def aside(become: Become, asked: Asked) -> NoReturn:
    """Let the command run beside what comes next, in a session of its own.

    Whoever asked reads its process and its exit status, a line each, from the pipe `told`.
    """
    if fork():
        os._exit(0)  # nobody waits for what follows
    nothing, told = os.open(os.devnull, os.O_RDWR), os.open(str(asked["told"]), os.O_WRONLY)
    for number in (0, 1):
        os.dup2(nothing, number)  # the pipes of the process that serves are not ours to keep open
    pid = fork()
    if pid == 0:
        os.close(told)
        os.setsid()
        live(become, asked)
    os.write(told, f"{pid}\n".encode())
    os.write(told, f"{os.waitstatus_to_exitcode(waitpid(pid, 0)[1])}\n".encode())
    os._exit(0)


def live(become: Become, asked: Asked) -> NoReturn:
    """Be the command to its end, and leave as the processes of `multiprocessing` do.

    Threads are waited for and what is registered for the exit is done, as ever. Taking every module
    down takes longer than most commands, and is left out; an error goes Python's whole way.
    """
    prepare(asked)
    try:
        become(asked)
        status = 0
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        status = end.code
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  as Python does, at its end
    atexit._run_exitfuncs()  # noqa: SLF001  likewise
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def prepare(asked: Asked) -> None:
    """Take over folder, environment, arguments and output of a command."""
    os.chdir(str(asked["folder"]))
    os.environ.clear()
    os.environ.update(asked["env"])  # type: ignore[call-overload]
    sys.argv = list(asked["command"])  # type: ignore[call-overload]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in enumerate(("output", "errors"), 1):
        os.dup2(os.open(str(asked[name]), os.O_CREAT | os.O_WRONLY | os.O_APPEND), number)
