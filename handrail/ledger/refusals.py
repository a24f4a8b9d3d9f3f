"""Why a ledger file was not read or written: what it holds, or what the file system did."""

import os
import sqlite3
import tempfile
from pathlib import Path

from handrail.ledger.errors import LedgerDamaged, LedgerUnwritable, RunbookError

PROBE_BYTES = 64 * 1024  # written to learn what ails a folder

# What the file system or another process did, as opposed to what the file holds.
_CIRCUMSTANCES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}


def refusal(path: Path, error: Exception, *, write: bool) -> RunbookError:
    """Tell what the file holds from what the file system did.

    A message of SQLite that quotes rotten bytes of the file arrives as a UnicodeDecodeError.
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # low byte: primary
    if code in _CIRCUMSTANCES and write:
        return unwritable(path, error)
    if code in _CIRCUMSTANCES:
        return LedgerDamaged(
            f"ledger `{path}` cannot be read",
            f"{_cause(path, error)}; the file itself may be sound",
            f"see `ls -l {path}*` and `df -h {path.parent}`; or copy these files to a directory "
            "of your own and name the copy with `--ledger`",
        )
    return LedgerDamaged(
        f"ledger `{path}` cannot be read",
        "its tables are rotten" if isinstance(error, UnicodeDecodeError) else f"{error}",
        "see that this is the ledger you mean; if it is, keep the file for analysis, then restore "
        f"`{path}` from its backup",
    )


def unwritable(path: Path, error: Exception) -> LedgerUnwritable:
    """Return the refusal of a ledger that takes no entry."""
    return LedgerUnwritable(
        f"ledger `{path}` did not take the entry",
        f"{_cause(path, error)}; nothing is done that could not be recorded",
        f"see `ls -l {path}*` and `df -h {path.parent}`, then the same command again",
    )


def _cause(path: Path, error: Exception) -> str:
    """Return what the file system has against it, in its own words where SQLite has none."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return f"{error}"
    told = f"{error}" if code == sqlite3.SQLITE_CANTOPEN else f"{error} ({_name(error)})"
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent) as probe:
            probe.write(bytes(PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as found:
        return f"{found.strerror} on the disk of `{path.parent}`"
    return told


def _name(error: Exception) -> str:
    return getattr(error, "sqlite_errorname", "SQLITE_ERROR")
