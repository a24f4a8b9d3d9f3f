"""The processes that an act starts: each in a session of its own, each with the act's guard.

A step's author calls git, pg_dump or `subprocess.run` as everybody does, and so does every library
below; so it is done where all of them pass: in `Popen`, of which there is one class in a process
(gevent's, under pyinfra). What such a process starts in its turn holds the guard as well, unless it
closes what it inherited.
"""

import multiprocessing.util
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from functools import cache, partial, wraps
from typing import Any

from handrail.clients.errors import ClientError
from handrail.clients.masking import clean_environment, holds_secret, masked

DESCRIPTOR = 9  # of the guard in a shell; the highest that every shell can name
TOLD = {"HANDRAIL_GUARD_FD": str(DESCRIPTOR)}  # what a shell line is told of it

_open: set[int] = set()  # descriptors of every guard this process holds for its calls
_mine: ContextVar[tuple[int, ...]] = ContextVar("descriptors of the act at work here")


@dataclass(frozen=True)
class Shell:
    """The guard that a shell takes over from this process, and the shells that did so."""

    descriptor: int
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def status(self) -> int | None:
        """Return the exit status of the newest one; None where it has none."""
        return self.started[-1].returncode if self.started else None


_shell: ContextVar[Shell | None] = ContextVar("the shell line at work here", default=None)


@contextmanager
def of_this_act() -> Iterator[None]:
    """Give the processes that are started in a `with` block a session of their own.

    A signal to the group of the command, as Ctrl-C sends it, must not strike them down halfway.
    """
    before = _mine.set(())
    try:
        yield
    finally:
        _reset(before)


@contextmanager
def holding(descriptor: int) -> Iterator[None]:
    """Let the processes that are started in a `with` block hold a guard, in threads, too."""
    _open.add(descriptor)
    before = _mine.set((descriptor,))
    try:
        yield
    finally:
        _reset(before)
        _open.discard(descriptor)


@contextmanager
def living_on() -> Iterator[None]:
    """Start a process that is meant to outlive the step: it holds no guard, so it blocks nobody."""
    before = _mine.set(())
    try:
        yield
    finally:
        _reset(before)


@contextmanager
def in_shell(descriptor: int) -> Iterator[Shell]:
    """Let the shells that are started in a `with` block hold a guard, where a line can name it."""
    shell = Shell(descriptor)
    before = _shell.set(shell)
    try:
        yield shell
    finally:
        _shell.reset(before)


def _refuse_shown_secret(command: Any) -> None:  # Any: Popen's own
    """Raise where the command line of a program would show a secret to every user.

    Raises:
        ClientError: it would.
    """
    words = [command] if isinstance(command, str | bytes | os.PathLike) else list(command or ())
    for word in words:
        if holds_secret(os.fsdecode(word)):
            raise ClientError(
                f"`{masked(os.fsdecode(words[0])).split()[0]}` was not started",
                "its command line holds a secret value, and every process list would show it",
                "hand it over by standard input, or by a variable of that program alone",
            )


def _reset(before: Token[tuple[int, ...]]) -> None:
    with suppress(ValueError):  # a body that is let go of ends where the garbage collector runs
        _mine.reset(before)


def _descriptors() -> tuple[int, ...]:
    """Return the guards for a new process; a thread that does not know its act takes them all."""
    return _mine.get(tuple(_open))


def _hand_over(shell: Shell, process: Any, kwargs: dict[str, Any]) -> None:  # Any: Popen's own
    """Let a shell that is about to start hold its guard as `DESCRIPTOR`."""
    try:
        os.fstat(DESCRIPTOR)
    except OSError:  # free: taken, lest a pipe of Popen's own get that number
        free = os.open(os.devnull, os.O_RDONLY)
        if free != DESCRIPTOR:
            os.dup2(free, DESCRIPTOR, inheritable=False)
            os.close(free)
    kwargs["preexec_fn"] = partial(os.dup2, shell.descriptor, DESCRIPTOR)
    kwargs["pass_fds"] = (*kwargs.get("pass_fds", ()), DESCRIPTOR)
    kwargs["env"] = kwargs["env"] | TOLD
    shell.started.append(process)


@cache
def install() -> None:
    """See to every process that this one starts from now on."""
    start = subprocess.Popen.__init__

    @wraps(start)
    def started(self: Any, *args: Any, **kwargs: Any) -> None:  # Any: Popen's own
        _refuse_shown_secret(args[0] if args else kwargs.get("args"))
        guards = _descriptors()
        if guards or _mine.get(None) is not None:
            kwargs.setdefault("start_new_session", True)
        if guards and kwargs.get("close_fds", True):
            kwargs["pass_fds"] = (*kwargs.get("pass_fds", ()), *guards)
        if kwargs.get("env") is None:
            kwargs["env"] = clean_environment()
        if (shell := _shell.get()) is not None:
            _hand_over(shell, self, kwargs)
        start(self, *args, **kwargs)

    subprocess.Popen.__init__ = started  # type: ignore[method-assign]
    spawn: Callable[..., int] = multiprocessing.util.spawnv_passfds

    @wraps(spawn)
    def spawned(path: bytes, args: Any, passfds: Any) -> int:  # Any: multiprocessing's own
        return spawn(path, args, sorted({*passfds, *_descriptors()}))

    multiprocessing.util.spawnv_passfds = spawned
