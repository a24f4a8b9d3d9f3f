"""Several processes that move chunks: local ones, or those of a Dask cluster, by the same code.

Each opens its own two sessions and reads from the snapshot that the coordinator holds open. A
chunk is one transaction of the destination wherever it runs, so one that a dead process left
behind is simply moved again.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from operations.clients.errors import ClientError
from operations.transfer.chunks import Chunk, LiveSupply, LoadFailed, Moved, move
from operations.transfer.plan import Plan, TablePlan
from operations.transfer.session import connect, reading

DEATHS = 3  # processes that may die in one load before the load gives up

MakeExecutor = Callable[[], AbstractContextManager[Executor]]


@dataclass(frozen=True)
class Seat:
    """What a process needs to move chunks; its addresses show in no repr and no log."""

    plan: Plan = field(repr=False)
    source: str = field(repr=False)
    destination: str = field(repr=False)
    snapshot: str


def local(workers: int) -> MakeExecutor:
    """Return what makes a pool of processes on this machine, begun from a clean interpreter."""
    context = multiprocessing.get_context("spawn")
    return lambda: ProcessPoolExecutor(workers, mp_context=context)


def cluster(address: str) -> MakeExecutor:
    """Return what makes an executor on a running Dask cluster.

    Args:
        address: Of its scheduler, such as ``tcp://10.0.0.7:8786``; every worker must reach both
            databases and have this package.

    Raises:
        ClientError: the extra `cluster` is not installed.

    Source: https://distributed.dask.org/en/stable/api.html#distributed.Client.get_executor
    """
    try:
        from distributed import Client  # noqa: PLC0415  an extra: most loads need no cluster
    except ImportError:
        raise ClientError(
            "the load was not spread over a cluster",
            "Dask is not installed",
            "uv sync --extra cluster, then the same command again",
        ) from None

    @contextmanager
    def make() -> Iterator[Executor]:
        with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            # `pure=False`: a chunk that is moved again must not be answered from a cache.
            yield client.get_executor(pure=False)

    return make


class Crew:
    """The processes of one load, for a `with` block.

    Args:
        make: Makes an executor; called again when a local process died and broke its pool.
        seat: What each process needs.
    """

    def __init__(self, make: MakeExecutor, seat: Seat) -> None:
        self._make = make
        self._seat = seat
        self._open = ExitStack()
        self._executor: Executor | None = None
        self._deaths = 0

    def __enter__(self) -> Self:
        """Start nothing yet: a finished load needs no process."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the processes go."""
        self._dismiss()

    def move(self, table: TablePlan, chunks: list[Chunk]) -> Iterator[Moved]:
        """Move chunks of one table side by side, each as it is done.

        Raises:
            LoadFailed: a chunk could not be moved, or too many processes died.
        """
        left = {chunk.number: chunk for chunk in chunks}
        while left:
            for moved in self._round(table, list(left.values())):
                del left[moved.chunk.number]
                yield moved

    def _round(self, table: TablePlan, chunks: list[Chunk]) -> Iterator[Moved]:
        """Hand the chunks out once, and yield those that are done until a process dies."""
        self._executor = self._executor or self._open.enter_context(self._make())
        try:
            waiting = [
                self._executor.submit(carry_chunk, self._seat, table.name, chunk)
                for chunk in chunks
            ]
        except BrokenExecutor as death:  # a pool whose process has died takes no more work
            self._survive(death, table)
            return
        for future in as_completed(waiting):
            error = future.exception()
            if error is not None:
                self._survive(error, table)
                return
            yield future.result()

    def _survive(self, error: BaseException, table: TablePlan) -> None:
        """Go on after the death of a process; whatever else it was ends the load.

        Both kinds of executor have errors of their own for a process that is gone. Moving its
        chunk again is always safe, so what is not ours to explain is taken for a death.
        """
        if isinstance(error, ClientError):
            raise error
        self._deaths += 1
        if self._deaths > DEATHS:
            raise LoadFailed(
                f"`{table.name}` is not loaded to its end",
                f"{self._deaths} processes died ({type(error).__name__})",
                "see the memory of the machines; then the same command: it resumes here",
            ) from error
        self._dismiss()

    def _dismiss(self) -> None:
        self._executor = None
        self._open.close()


def carry_chunk(seat: Seat, table: str, chunk: Chunk) -> Moved:
    """Move one chunk in this process."""
    plan = next(each for each in seat.plan.tables if each.name == table)
    with ExitStack() as stack:
        ours = stack.enter_context(reading(seat.source, snapshot=seat.snapshot))
        theirs: Any = stack.enter_context(connect(seat.destination, name="destination"))
        text = seat.plan.text_hashes
        supply = LiveSupply(ours, seat.snapshot, text=text, chunk_rows=None)
        return move(supply, theirs, plan, chunk, seat.plan.digest)
