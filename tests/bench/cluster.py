"""A PostgreSQL server with settings of our own, which can be crashed and started again."""

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from rehearsal.postgres import PostgresServer

# Commits survive a crash of the server: what a client was told is there must be there afterwards.
DURABLE = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "wal_level=logical",
    "max_connections=100",
    "timezone=UTC",
    "autovacuum=off",
)
CRASH_TIMEOUT_SECONDS = 60


class Cluster(PostgresServer):
    """A server of the rehearsal world whose data directory outlives its processes.

    Args:
        directory: Where its log lives.
        settings: More `name=value`; the last one of a name counts.
        env: What its processes find in their environment, too.
    """

    def __init__(
        self,
        directory: Path | str,
        settings: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory)
        self.settings = (*DURABLE, *settings)
        self._more = env or {}

    def crash(self) -> None:
        """End the processes as `pg_ctl stop -m immediate` does: nothing is written any more."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(CRASH_TIMEOUT_SECONDS)

    def _environment(self) -> dict[str, str]:
        return super()._environment() | self._more

    def stop(self) -> None:
        """Stop at once: nothing here has to outlive the run, so nothing is flushed."""
        if self.pid:
            self.crash()
        super().stop()
