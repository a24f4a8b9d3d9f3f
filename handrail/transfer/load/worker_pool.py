"""Several processes that move chunks: local ones, or those of a Dask cluster, by the same code.

Each opens its own sessions, reads from the snapshot that the coordinator holds open, and takes one
waiting chunk after the other from the destination's own record, until none is left. A chunk is one
transaction of the destination wherever it runs, so what a dead process held is taken by another.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

from handrail.clients.errors import ClientError
from handrail.transfer.load.chunks import LoadFailed, move, preparing
from handrail.transfer.load.workers import Workers
from handrail.transfer.read import journal
from handrail.transfer.read.journal import Chunk, Moved
from handrail.transfer.read.live import LiveSupply
from handrail.transfer.session.asking import Line, transactions
from handrail.transfer.session.connection import Connection, connect, reading
from handrail.transfer.sql.plan import Plan

DEATHS = 3  # processes that may die in one load before the load gives up
LOOK_SECONDS = 0.25
# The server lets go of a dead process's chunk when it notices the closed line.
LET_GO_SECONDS = 30.0


@dataclass(frozen=True)
class WorkerInput:
    """What a process needs to move chunks; its addresses show in no repr and no log."""

    plan: Plan = field(repr=False)
    source: str = field(repr=False)
    destination: str = field(repr=False)
    snapshot: str


class WorkerPool:
    """The processes of one load, for a `with` block.

    Args:
        workers: What makes the processes; asked again when one of them died and broke its pool.
        given: What each process needs.
    """

    def __init__(self, workers: Workers, given: WorkerInput) -> None:
        self._workers = workers
        self._given = given
        self._open = ExitStack()
        self._executor: Executor | None = None
        self._deaths = 0

    def __enter__(self) -> Self:
        """Start nothing yet: a finished load needs no process."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the processes go."""
        self._dismiss()

    @property
    def number(self) -> int:
        """Count the processes."""
        return self._workers.number

    def gather(self) -> None:
        """Start the processes, so that they are ready when the first chunk is."""
        if self._executor is None:
            self._executor = self._open.enter_context(self._workers.make())
            self._submit(be_ready)

    def move(self, session: Connection, tables: Sequence[str]) -> Iterator[Moved]:
        """Move every waiting chunk of some tables, and yield each as it is done.

        Args:
            session: On the destination, to look at what was done.
            tables: Tables that do not have to wait for each other.

        Raises:
            LoadFailed: a chunk could not be moved, or too many processes died.
        """
        digest = self._given.plan.digest
        seen = _Seen(session, digest, tables)
        busy = time.monotonic()
        rounds = itertools.count()
        while journal.waiting(session, digest, tables):
            if next(rounds):
                time.sleep(LOOK_SECONDS)
            self.gather()
            pending = self._submit(work, self._given, list(tables))
            while pending:
                ended, pending = wait(pending, LOOK_SECONDS)
                for done in seen.new():
                    busy = time.monotonic()
                    yield done
                errors = [error for each in ended if (error := each.exception()) is not None]
                if errors:
                    self._survive(errors)
                    busy = time.monotonic()
                    break
            if time.monotonic() > busy + LET_GO_SECONDS:
                raise LoadFailed(
                    "the destination is not loaded to its end",
                    "what is left is held by a session that does nothing",
                    "end the sessions named `cutover-transfer` there, then the same command again",
                )

    def _submit(self, call: Callable[..., object], *arguments: object) -> set[Future[object]]:
        """Hand the same call to every process."""
        if self._executor is None:
            return set()
        try:
            return {self._executor.submit(call, *arguments) for _ in range(self._workers.number)}
        except RuntimeError as error:  # a pool whose process has died takes no more work
            broken: Future[object] = Future()
            broken.set_exception(error)
            return {broken}

    def _survive(self, errors: list[BaseException]) -> None:
        """Go on after the death of a process; whatever else it was ends the load.

        Both kinds of executor have errors of their own for a process that is gone. Moving its
        chunk again is always safe, so what is not ours to explain is taken for a death.
        """
        for error in errors:
            if isinstance(error, ClientError):
                raise error
        self._deaths += 1
        if self._deaths > DEATHS:
            raise LoadFailed(
                "the destination is not loaded to its end",
                f"{self._deaths} processes died ({type(errors[0]).__name__})",
                "see the memory of the machines; then the same command: it resumes here",
            ) from errors[0]
        self._dismiss()

    def _dismiss(self) -> None:
        self._executor = None
        self._open.close()


def be_ready() -> None:
    """Do nothing: a process that is asked for it has imported this module, which takes a while."""


def work(given: WorkerInput, tables: list[str]) -> None:
    """Move one waiting chunk after the other in this process, until there is none to take."""
    plan = given.plan
    with (
        reading(given.source, snapshot=given.snapshot) as ours,
        connect(given.destination, name="destination") as theirs,
    ):
        supply = LiveSupply(ours, given.snapshot, text=plan.text_hashes, chunk_rows=None)
        # these processes are the parallel workers already
        theirs.execute("set max_parallel_workers_per_gather = 0")

        def first() -> list[Line[Any]]:
            return [*preparing(theirs), journal.claim(theirs, plan.digest, tables)]

        for begun in transactions(theirs, first):
            chunk = begun.found[-1]
            if chunk is None:
                return
            move(supply, theirs, plan.table(chunk.table), chunk, plan.digest, within=begun)


class _Seen:
    """The chunks of some tables that are on record as moved, each to be told once."""

    def __init__(self, session: Connection, digest: str, tables: Sequence[str]) -> None:
        self._asked = session, digest, tables
        self._known: set[Chunk] = set()
        self.new()

    def new(self) -> list[Moved]:
        """Return those that were moved since this was asked last."""
        moved = [m for m in journal.moved(*self._asked) if m.chunk not in self._known]
        self._known |= {each.chunk for each in moved}
        return moved
