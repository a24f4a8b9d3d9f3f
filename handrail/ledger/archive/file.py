"""The file that archived entries lie in: what `handrail export` prints, compressed, read-only."""

import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from handrail.ledger.entry import Entry, Event
from handrail.ledger.errors import LedgerDamaged, LedgerUnwritable

MODE = 0o400
BLOCK_BYTES = 1 << 20


def write(path: Path, entries: Iterable[Entry]) -> str:
    """Write entries to a file, whole and synced or not at all; return its SHA-256.

    Raises:
        LedgerUnwritable: the folder does not accept it, or there is such a file.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("xb") as file:
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                for entry in entries:
                    line = json.dumps(entry.as_json(), ensure_ascii=False)
                    packed.write(f"{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(MODE)
        os.link(draft, path)
        _sync(path.parent)
    except OSError as error:
        raise LedgerUnwritable(
            f"archive `{path}` was not written",
            f"{error.strerror}; the ledger is as it was",
            f"see `ls -l {path}` and `df -h {path.parent}`, then the same command again",
        ) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return sha256_of(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def lines(path: Path) -> Iterator[dict[str, Any]]:  # Any: JSON
    """Yield what each line says.

    Raises:
        LedgerDamaged: it is no such file, or is damaged.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)
    except (OSError, EOFError, ValueError) as error:
        raise unreadable(path, f"{error}" or "it ends too early") from None


def read(path: Path) -> Iterator[Entry]:
    """Yield the entries of a file.

    Raises:
        LedgerDamaged: a line of it is no entry.
    """
    for said in lines(path):
        try:
            yield Entry(**said | {"event": Event(said["event"])})
        except (TypeError, KeyError, ValueError) as error:
            raise unreadable(path, f"a line of it is not an entry: {error!r}") from None


def unreadable(path: Path, why: str) -> LedgerDamaged:
    """Return the refusal of a file that is not what was made."""
    what = f"archive `{path}` cannot be read"
    return LedgerDamaged(what, why, f"restore `{path}` from its backup")
