"""The sign of life of a ledger's writer: a file beside it, dated by the file system.

The clock of the file system is the one clock that all who share a ledger file share. A writer
touches the file; whoever asks touches one of its own and compares the two dates. So it does not
matter whose own clock is ahead.
"""

import os
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path


def beat_file(ledger: Path) -> Path:
    """Return the file that the writer of a ledger touches."""
    return ledger.with_name(f"{ledger.name}-beat")


def touch(ledger: Path, token: int) -> None:
    """Say that the holder of a token is alive; whatever goes wrong is met by its next entry."""
    with suppress(OSError):
        descriptor = os.open(beat_file(ledger), os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.pwrite(descriptor, f"{token}\n".encode(), 0)
        finally:
            os.close(descriptor)


def clear(ledger: Path) -> None:
    """Take the sign away: nobody writes any more."""
    with suppress(OSError):
        beat_file(ledger).unlink(missing_ok=True)


def clock(ledger: Path) -> datetime:
    """Return the time of day of the file system that holds a ledger.

    Raises:
        OSError: it takes no file.
    """
    with tempfile.NamedTemporaryFile(dir=ledger.parent, prefix=".clock-") as probe:
        probe.write(b"\n")
        probe.flush()
        return _date(Path(probe.name))


def _date(file: Path) -> datetime:
    """Return when a file was touched; asked in one way, so that all dates are of one clock."""
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def silence(ledger: Path, taken_at: str) -> timedelta:
    """Return for how long a writer was not heard of.

    Args:
        ledger: The ledger's file.
        taken_at: When it became the writer; counts where it has left no sign.

    Raises:
        OSError: the folder takes no file, so its clock cannot be read.
        ValueError: `taken_at` is no time.
    """
    heard = datetime.fromisoformat(taken_at)
    with suppress(FileNotFoundError):
        heard = _date(beat_file(ledger))
    return max(clock(ledger) - heard, timedelta(0))
