"""Where a ledger lies: found from the project's folder, whatever the current directory."""

from pathlib import Path

from handrail.ledger.errors import LedgerDamaged, RunbookError
from handrail.naming import ticked

LEDGERS = Path("state/ledgers")
SERVERS = ("postgresql://", "postgres://")  # how the address of one begins
_MARKS = (str(LEDGERS), "pyproject.toml", ".git")  # of a project's own folder


def project_of(folder: Path) -> Path:
    """Return the project that a folder belongs to.

    That is the nearest folder, this one or above it, that holds ``state/ledgers``,
    ``pyproject.toml`` or ``.git``; else the folder itself.
    """
    start = folder.absolute()
    marked = (each for each in (start, *start.parents) if any((each / m).exists() for m in _MARKS))
    return next(marked, start)


def path_of(where: str) -> Path:
    """Return the file a ledger's address names: a path, or ``sqlite:///path``.

    Raises:
        RunbookError: it is the address of something else.
    """
    scheme, separator, _ = where.partition("://")
    if separator and scheme != "sqlite":
        raise RunbookError(
            "the ledger was not opened",
            f"its address begins with `{scheme}://`; a ledger is in SQLite or PostgreSQL",
            "give a path, `sqlite:///PATH` (four slashes where PATH is absolute), or "
            "`postgresql://USER@HOST/DATABASE`",
        )
    return Path(where.removeprefix("sqlite:///")).expanduser()


def shown(path: Path) -> str:
    """Return a path as it can be pasted here: short where it lies below the current directory."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def refuse_loss(path: Path, called: str = "") -> None:
    """Raise where a ledger is missing beside what only a ledger leaves there.

    To begin anew would be to forget what was done, and to do it again.

    Args:
        path: Its file, or where that would be.
        called: What an operator calls it, where that is not its file.

    Raises:
        LedgerDamaged: its log, its vault or a part of it is there.
    """
    left = _left_of(path)
    if left and not path.exists():
        names = ticked(map(shown, left), " and ")
        raise LedgerDamaged(
            f"ledger `{called or shown(path)}` was not opened",
            f"it is missing, and {names} of it stands there: it was lost, or another is meant",
            "restore it from its backup, or correct `ledger` in the inventory; where all that was "
            f"done is to be forgotten on purpose, move {names} away first",
        )


def _left_of(path: Path) -> list[Path]:
    """Return what only a ledger leaves beside its file: log, parts, a vault that is not empty."""
    parts = [path.with_name(f"{path.name}-{part}") for part in ("wal", "shm", "beat")]
    left = list(filter(Path.is_file, (path.with_suffix(".log"), *parts)))
    vault = path.with_suffix(".sealed")
    return [*left, vault] if vault.is_dir() and any(vault.iterdir()) else left
