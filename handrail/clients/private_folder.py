"""Folders for what must not leave this machine: rows, backups, password hashes."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IGNORED = "# what lies here holds rows and password hashes: never in git\n*\n"


def make(path: Path) -> None:
    """Make a folder, with those above it, for its owner alone and invisible to git.

    The topmost one that is made gets a ``.gitignore``, so that nothing below it is ever added,
    whatever repository it lies in; one that is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
    if missing:
        (missing[-1] / ".gitignore").write_text(IGNORED, encoding="utf-8")


@contextmanager
def appearing(place: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes its name at the end of the block: whole or not at all.

    Args:
        place: Where it will be; nothing may be there.

    Raises:
        OSError: it cannot be made or renamed.
    """
    partial = place.with_name(f"{place.name}.tmp")
    shutil.rmtree(partial, ignore_errors=True)
    make(partial.parent)
    partial.mkdir(mode=0o700)
    try:
        yield partial
        partial.rename(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write(path: Path, text: str) -> None:
    """Write a file that only its owner reads, and that is there whole or not at all.

    Raises:
        OSError: it cannot be written; what was there before stays.
    """
    make(path.parent)
    draft = path.with_name(f"{path.name}.tmp")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
