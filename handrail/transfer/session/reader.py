"""Rows out of a database in bulk, by PostgreSQL's own client.

psycopg hands a COPY on row by row, which costs a client more than the server spends on most rows;
psql hands it on as bytes. One psql serves all queries of a session, on that session's snapshot.
"""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

import psycopg

from handrail.transfer.session import programs

PIPE_BYTES = 1024 * 1024  # what Linux gives anybody who asks; see pipe(7)
PIECE_BYTES = 256 * 1024
END_SECONDS = 10.0
END_BYTES = 1024  # that the note and the mark behind rows take at most
OPTIONS = (
    "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password",
    "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse",
)  # fmt: skip
AN_ERROR = re.compile("ERROR:|FATAL:")


class Reader:
    """A psql that is fed queries and gives their rows as COPY writes them.

    Args:
        url: Connection URL; reaches psql by its environment only.
        prelude: Statements that come first, as the settings and the snapshot of the session.
    """

    def __init__(self, url: str, prelude: Sequence[str]) -> None:
        self._variables = programs.environment(url) | {"PGAPPNAME": "cutover-transfer"}
        self.noted = ""
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self._rows, ours = os.pipe()
        with contextlib.suppress(AttributeError, OSError):  # elsewhere than on Linux: as it is
            fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        # psql writes 4 KB at a time unless told otherwise, and wakes this process up each time
        stdbuf = shutil.which("stdbuf")
        generous = [stdbuf, f"--output={PIECE_BYTES}"] if stdbuf else []
        try:
            self._process = subprocess.Popen(
                [*generous, str(programs.psql()), *OPTIONS, programs.dbname(url)],
                env=self._variables,
                stdin=subprocess.PIPE,
                stdout=ours,
                stderr=self._said,
            )
        finally:
            os.close(ours)
        try:
            # `\\;` lets psql send all of them at once: each alone is a round trip
            self._ask(" \\;\n".join(prelude) + ";\n")
        except psycopg.OperationalError:
            self.close()
            raise

    def pieces(self, query: str, options: str, note: str = "") -> Iterator[bytes]:
        """Yield the rows of a query in pieces that end anywhere.

        A caller that stops before the last piece ends this reader.

        Args:
            query: SELECT.
            options: Options of COPY, as `(format binary)`.
            note: SELECT of one short text, asked behind the rows in the same round trip; `noted`
                holds it once the last piece is read.

        Raises:
            psycopg.OperationalError: the server refused the query, or is gone.
        """
        mark = secrets.token_hex(16)
        begin_note, end = f"{mark}:".encode(), f"{mark}\n".encode()
        asked = [f"copy ({query}) to stdout {options}", *_noting(mark, note)]
        held = b""  # what may be the note and the mark
        try:
            self._ask(" \\;\n".join(asked) + f";\n\\echo {mark}\n")
            while not held.endswith(end):
                piece = os.read(self._rows, PIECE_BYTES)
                if not piece:
                    raise psycopg.OperationalError(self._why())
                held += piece
                if len(held) > END_BYTES:
                    yield held[:-END_BYTES]
                    held = held[-END_BYTES:]
        finally:
            if not held.endswith(end):
                self.close()
        last, _, told = held.removesuffix(end).partition(begin_note)
        self.noted = told.decode().rstrip("\n")
        if last:
            yield last

    @property
    def closed(self) -> bool:
        """Say whether it gives nothing any more."""
        return self._rows < 0

    def close(self) -> None:
        """End the process, at once where it is still at work."""
        if self.closed:
            return
        os.close(self._rows)
        self._rows = -1
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._said.close()

    def _ask(self, text: str) -> None:
        if self._process.stdin is None:
            raise psycopg.OperationalError(self._why())
        try:
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise psycopg.OperationalError(self._why()) from None

    def _why(self) -> str:
        """Return what psql said last, without the password."""
        self._process.wait(END_SECONDS)
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()
        lines = said.splitlines() or ["psql ended without a word"]
        first = next(filter(AN_ERROR.search, lines), lines[-1])
        return programs.without_password(first.rpartition("ERROR:")[2].strip(), self._variables)


def _noting(mark: str, note: str) -> list[str]:
    """Return what gives a note behind rows, where one is asked for."""
    return [f"copy (select '{mark}:' || ({note})) to stdout"] if note else []
