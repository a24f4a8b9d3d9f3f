"""Sessions that work on tables side by side, each handed over as soon as it is ready."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Self

import psycopg

from handrail.transfer.session.connection import Connection, connect

# Index builds sort in memory up to this; small servers have little.
BUILD_MEMORY = "256MB"
SETTINGS = f"set maintenance_work_mem = '{BUILD_MEMORY}'"
# where there are several sessions, these are the parallel workers already
SETTINGS_OF_SEVERAL = f"{SETTINGS}; set max_parallel_maintenance_workers = 0"

CANCEL_SECONDS = 5.0

Work = Callable[[Connection, list[str]], None]


class Builders:
    """So many sessions on the destination, opened when they are needed; for a `with` block.

    Args:
        session: The caller's, which does everything, at once, where one is enough.
        url: The same destination's, for more sessions.
        number: Sessions that work side by side.
    """

    def __init__(self, session: Connection, url: str, number: int) -> None:
        self._session = session
        self._url = url
        self._pool = ThreadPoolExecutor(number) if number > 1 else None
        self._idle: list[Connection] = []
        self._sessions: list[Connection] = []  # opened here
        self._under_way: list[Future[None]] = []
        self._open = ExitStack()

    @property
    def several(self) -> bool:
        """Say whether they work beside the caller."""
        return self._pool is not None

    def __enter__(self) -> Self:
        """Open nothing yet."""
        return self

    def __exit__(self, exc_type: object, *_: object) -> None:
        """Begin nothing more; after an error, let nobody wait for what is under way either."""
        if exc_type is not None:
            for session in self._sessions:
                with suppress(psycopg.Error):
                    session.cancel_safe(timeout=CANCEL_SECONDS)
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._open.close()

    def begin(self, work: Work, tables: list[str]) -> None:
        """Begin some work on some tables; here it is done before this returns."""
        if self._pool is not None:
            self._under_way.append(self._pool.submit(self._in_a_session, work, tables))
            return
        if not self._idle:
            self._session.execute(SETTINGS)
            self._idle.append(self._session)
        work(self._session, tables)

    def wait(self) -> None:
        """Wait until all that was begun is done.

        Raises:
            psycopg.Error: what a server said to the first work that failed.
        """
        for done in self._under_way:
            done.result()
        self._under_way.clear()

    def _in_a_session(self, work: Work, tables: list[str]) -> None:
        session = self._idle.pop() if self._idle else self._opened()
        work(session, tables)
        self._idle.append(session)

    def _opened(self) -> Connection:
        session = self._open.enter_context(connect(self._url, name="destination"))
        self._sessions.append(session)
        session.execute(SETTINGS_OF_SEVERAL)
        return session
