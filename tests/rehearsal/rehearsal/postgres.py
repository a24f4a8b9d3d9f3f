"""A PostgreSQL server of our own, on a free loopback port, gone when its owner is."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from rehearsal.binaries import PostgresBinaries, find_postgres
from rehearsal.errors import WorldError
from rehearsal.processes import die_with_parent, free_port
from rehearsal.verifier import verifier

SUPERUSER = "rotc"
START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 20.0
# PostgreSQL refuses to run as uid 0 and looks its user up by name, so root borrows this one.
UNPRIVILEGED = "nobody"
# Nothing here has to survive a power cut; logical decoding is what a live transfer needs.
SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",  # statistics change when somebody asks for it, and nothing grows old
    "wal_level=logical",
    "max_connections=200",
    "max_prepared_transactions=10",
    "timezone=UTC",
)


class PostgresServer:
    """Run one PostgreSQL server in a directory: scram passwords, TCP on 127.0.0.1.

    Start it from the main thread: the kernel ends it when the thread that started it ends.

    Args:
        directory: Where its log and, when its user can get there, its data live. Made if absent.
    """

    def __init__(self, directory: Path | str) -> None:
        self.directory = Path(directory)
        self.settings: tuple[str, ...] = SETTINGS
        self.password = secrets.token_urlsafe(24)
        self.port = 0
        self.data: Path | None = None
        self._binaries: PostgresBinaries | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.scratch: list[Path] = []  # directories outside ours, removed by `stop`

    @property
    def binaries(self) -> Path:
        """Directory with pg_dump, pg_restore and psql of the server's own version."""
        if self._binaries is None:
            self._binaries = self._reachable(find_postgres())
        return self._binaries.directory

    @property
    def source(self) -> str:
        """Where the binaries came from: the system, the wheel, or named by the operator."""
        return self._binaries.source if self._binaries else ""

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Create the cluster and wait until it takes connections.

        Raises:
            WorldError: initdb failed, or the server did not answer within a minute.
        """
        if self.pid:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self._data_directory()
        self._initialise(self.directory / "postgres.log")
        self.port = free_port()
        self.launch()

    def launch(self) -> None:
        """Start the processes on the data that are there, and wait for the end of any recovery.

        Raises:
            WorldError: the server did not answer within a minute.
        """
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

    def stop(self) -> None:
        """Stop the server at once and remove what it kept outside its directory."""
        process, self._process = self._process, None
        if process and process.poll() is None:
            process.send_signal(signal.SIGINT)  # fast shutdown: open sessions are ended
            try:
                process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for scratch in self.scratch:
            shutil.rmtree(scratch, ignore_errors=True)
        self.scratch.clear()
        self._binaries = None

    def url(self, database: str, role: str = SUPERUSER) -> str:
        """Return the connection URL of a database for a role, password included."""
        return (
            f"postgresql://{quote(role, safe='')}:{quote(self.password, safe='')}"
            f"@127.0.0.1:{self.port}/{quote(database, safe='')}"
        )

    def create_database(self, name: str, template: str = "", owner: str = SUPERUSER) -> str:
        """Create a database, as a copy of the ``template`` given; return its URL, for its owner."""
        names = sql.Identifier(name), sql.Identifier(owner)
        statement = sql.SQL("CREATE DATABASE {} OWNER {}").format(*names)
        if template:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self.execute(statement)
        return self.url(name, owner)

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, ending the sessions it still has."""
        self.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )

    def __enter__(self) -> Self:
        """Start on entry."""
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop on exit, whatever happened in between."""
        self.stop()

    def execute(self, statement: sql.Composed) -> None:
        """Run one statement as the superuser, in no transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _identity(self) -> dict[str, Any]:  # Any: Popen's own keyword types differ
        """Return the Popen arguments that put root's privileges down."""
        if os.geteuid() != 0:
            return {}
        account = pwd.getpwnam(UNPRIVILEGED)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}

    def _can_run(self, program: Path) -> bool:
        try:
            return self._succeeds(str(program), "--version")
        except PermissionError:
            return False

    def _reachable(self, found: PostgresBinaries) -> PostgresBinaries:
        """Copy the wheel's binaries where the unprivileged user may run them, if it cannot."""
        if found.bundle is None or self._can_run(found.directory / "postgres"):
            return found
        copy = self._scratch_directory("rehearsal-postgres-bin-")
        copy.chmod(0o755)  # it holds public binaries for another user to run
        # The binaries find their libraries by a relative path, so the layout is kept.
        libraries = found.bundle.parent / f"{found.bundle.name}.libs"
        shutil.copytree(found.bundle / "pginstall", copy / found.bundle.name / "pginstall")
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name)
        directory = copy / found.bundle.name / "pginstall" / "bin"
        return PostgresBinaries(directory, found.source, found.bundle)

    def _scratch_directory(self, prefix: str) -> Path:
        for parent in (None, "/tmp", "/var/tmp"):  # mkdtemp makes the name unguessable
            with contextlib.suppress(OSError):
                scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
                scratch.chmod(0o711)
                if self._can_enter(scratch):
                    self.scratch.append(scratch)
                    return scratch
                scratch.rmdir()
        raise WorldError(
            "PostgreSQL has no directory to live in",
            f"user `{UNPRIVILEGED}` can enter none of the temporary directories",
            "run as an ordinary user, or set TMPDIR to a directory with mode 1777",
        )

    def _can_enter(self, directory: Path) -> bool:
        return self._succeeds("/bin/sh", "-c", 'cd "$1"', "sh", str(directory))

    def _succeeds(self, *command: str) -> bool:
        answer = subprocess.run(
            command, capture_output=True, check=False, cwd="/", timeout=30, **self._identity()
        )
        return answer.returncode == 0

    def _data_directory(self) -> Path:
        """Return an empty 0700 directory of the server's user, below ours where it can enter."""
        parent = self.directory.resolve()
        if not self._can_enter(parent):
            parent = self._scratch_directory("rehearsal-postgres-")
        data = parent / "data"
        if data.exists():
            shutil.rmtree(data)
        data.mkdir(mode=0o700)
        identity = self._identity()
        if identity:
            os.chown(data, identity["user"], identity["group"])
        return data

    def _initialise(self, log_path: Path) -> None:
        password_pipe, feed = os.pipe()  # the password reaches initdb without a file or an argument
        os.write(feed, f"{verifier(self.password)}\n".encode())
        os.close(feed)
        identity = self._identity()
        if identity:  # initdb opens the pipe anew, which the kernel grants to its owner only
            os.fchown(password_pipe, identity["user"], identity["group"])
        try:
            answer = subprocess.run(
                [
                    str(self.binaries / "initdb"),
                    "-D",
                    str(self.data),
                    "-U",
                    SUPERUSER,
                    "--auth=scram-sha-256",
                    f"--pwfile=/dev/fd/{password_pipe}",
                    "--locale=C.UTF-8",
                    "-E",
                    "UTF8",
                    "--no-sync",
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                cwd="/",
                env=self._environment(),
                pass_fds=(password_pipe,),
                **identity,
            )
        finally:
            os.close(password_pipe)
        log_path.write_bytes(answer.stdout)
        if answer.returncode != 0:
            self.stop()
            raise WorldError(
                "PostgreSQL could not create its cluster",
                answer.stdout.decode(errors="replace").strip().rpartition("\n")[2],
                f"read {log_path}",
            )
        # It listens on loopback alone; who comes by a line that ends on this machine is let in.
        with Path(f"{self.data}/pg_hba.conf").open("a", encoding="ascii") as rules:
            rules.write("host all all samenet scram-sha-256\n")

    def _wait_ready(self, log_path: Path) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                ended = self._process is None or self._process.poll() is not None
                if not ended and time.monotonic() < deadline:
                    time.sleep(0.05)
                    continue
                reason = "the server ended" if ended else str(error).strip().rpartition("\n")[2]
                self.stop()
                raise WorldError("PostgreSQL did not start", reason, f"read {log_path}") from None
            return
