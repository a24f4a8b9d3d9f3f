"""The processes that an act starts: each in a session of its own, each with the act's guard.

A step's author calls git, pg_dump or `subprocess.run` as everybody does, and so does every library
below; so it is done where all of them pass: in `Popen`, of which there is one class in a process
(gevent's, under pyinfra). What such a process starts in its turn holds the guard as well, unless it
closes what it inherited.
"""

import multiprocessing.util
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from functools import cache, wraps
from typing import Any

_open: set[int] = set()  # descriptors of every guard this process holds for its calls
_mine: ContextVar[tuple[int, ...]] = ContextVar("descriptors of the act at work here")


@contextmanager
def of_this_act() -> Iterator[None]:
    """Give the processes that are started in a `with` block a session of their own.

    A signal to the group of the command, as Ctrl-C sends it, must not strike them down halfway.
    """
    _install()
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


def _reset(before: Token[tuple[int, ...]]) -> None:
    with suppress(ValueError):  # a body that is let go of ends where the garbage collector runs
        _mine.reset(before)


def _descriptors() -> tuple[int, ...]:
    """Return the guards for a new process; a thread that does not know its act takes them all."""
    return _mine.get(tuple(_open))


@cache
def _install() -> None:
    start = subprocess.Popen.__init__

    @wraps(start)
    def started(self: Any, *args: Any, **kwargs: Any) -> None:  # Any: Popen's own
        guards = _descriptors()
        if guards or _mine.get(None) is not None:
            kwargs.setdefault("start_new_session", True)
        if guards and kwargs.get("close_fds", True):
            kwargs["pass_fds"] = (*kwargs.get("pass_fds", ()), *guards)
        start(self, *args, **kwargs)

    subprocess.Popen.__init__ = started  # type: ignore[method-assign]
    spawn: Callable[..., int] = multiprocessing.util.spawnv_passfds

    @wraps(spawn)
    def spawned(path: bytes, args: Any, passfds: Any) -> int:  # Any: multiprocessing's own
        return spawn(path, args, sorted({*passfds, *_descriptors()}))

    multiprocessing.util.spawnv_passfds = spawned
