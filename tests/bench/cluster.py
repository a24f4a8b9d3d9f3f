"""A PostgreSQL server with settings of our own, which can be crashed and started again."""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.rehearsal.postgres import PostgresServer
from tests.rehearsal.processes import die_with_parent, free_port

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
    """

    def __init__(self, directory: Path | str, settings: Sequence[str] = ()) -> None:
        super().__init__(directory)
        self.settings = (*DURABLE, *settings)

    def start(self) -> None:
        """Create the cluster and wait until it takes connections."""
        if self.pid:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self._data_directory()
        self._initialise(self.directory / "postgres.log")
        self.port = free_port()
        self.launch()

    def launch(self) -> None:
        """Start the processes on the data that are there, and wait for the end of any recovery."""
        log_path = self.directory / "postgres.log"
        arguments = [str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for setting in self.settings:
            arguments += ["-c", setting]
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self._environment(),
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509  main thread only
                **self._identity(),
            )
        self._wait_ready(log_path)

    def crash(self) -> None:
        """End the processes as `pg_ctl stop -m immediate` does: nothing is written any more."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(CRASH_TIMEOUT_SECONDS)

    def stop(self) -> None:
        """Stop at once: nothing here has to outlive the run, so nothing is flushed."""
        if self.pid:
            self.crash()
        super().stop()
