"""A pool of processes that begin from a clean interpreter, whatever their parent has become.

Under pyinfra, gevent stands in for threads. `concurrent.futures` then feeds its processes from the
one thread there is, which waits for ever when a process dies before it has read; and each of them
imports all that its parent was started with. These have a line each to their parent, import what
they are handed only, and end when the line does.
"""

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

from handrail.clients.masking import clean_environment

LENGTH_BYTES = 8
P = ParamSpec("P")
T = TypeVar("T")


class WorkerDied(Exception):
    """A process ended before its call did."""


class WorkerProcesses(ThreadPoolExecutor):
    """An executor of so many processes, all started at once.

    One that has died takes no more calls, so a pool with a death in it is to be made again.

    Args:
        number: Processes.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.processes = [_started() for _ in range(number)]
        self._idle = list(self.processes)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let one process make a call; what it is handed and what it returns must pickle."""
        return super().submit(self._ask, pickle.dumps((fn, args, kwargs)))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - Executor's own signature
        """End every process, at work or not."""
        for process in self.processes:
            process.kill()
            process.wait()
        super().shutdown(wait, cancel_futures=cancel_futures)
        for process in self.processes:
            for line in (process.stdin, process.stdout):
                if line:
                    with suppress(BrokenPipeError):
                        line.close()

    def _ask(self, request: bytes) -> Any:  # Any: what a call returns is known by its caller
        if not self._idle:
            raise WorkerDied("no process of the pool is left")
        process = self._idle.pop()
        answer = None
        if process.stdin and process.stdout:
            with suppress(OSError):
                _say(process.stdin, request)
                answer = _heard(process.stdout)
        if answer is None:
            process.kill()
            raise WorkerDied(f"a process ended with status {process.wait()}")
        self._idle.append(process)
        result, error = pickle.loads(answer)  # noqa: S301 - from our own child
        if error is not None:
            raise error
        return result


def _started() -> "subprocess.Popen[bytes]":
    path = os.pathsep.join(place or str(Path.cwd()) for place in sys.path)
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        env=clean_environment() | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _say(line: IO[bytes], words: bytes) -> None:
    line.write(len(words).to_bytes(LENGTH_BYTES))
    line.write(words)
    line.flush()


def _heard(line: IO[bytes]) -> bytes | None:
    """Return what the other side says next; None when it is gone, maybe in mid-sentence."""
    length = int.from_bytes(line.read(LENGTH_BYTES))
    words = line.read(length)
    return words if length and len(words) == length else None


def main() -> None:
    """Make the calls that come on stdin, one after the other, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between answers
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        while request := _heard(sys.stdin.buffer):
            requests.put(request)
        os._exit(0)  # also from the middle of a call: nobody waits for its answer

    threading.Thread(target=listen, daemon=True).start()
    while True:
        answer: tuple[object, Exception | None]
        try:
            call, args, kwargs = pickle.loads(requests.get())  # noqa: S301 - from our own parent
            answer = call(*args, **kwargs), None
        except Exception as error:  # noqa: BLE001 - the parent raises it
            answer = None, error
        with suppress(BrokenPipeError):
            _say(answers, pickle.dumps(answer))


if __name__ == "__main__":
    main()
