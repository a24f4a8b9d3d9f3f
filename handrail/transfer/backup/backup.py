"""Take a backup of a database, prove it by restoring it, and put a database back from it."""

import json
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from handrail.transfer.backup.dump import (
    JOBS,
    Backup,
    BackupFailed,
    BackupFile,
    BackupTable,
    changed_since,
    check,
    fingerprint,
    now,
    take,
)
from handrail.transfer.backup.restore import Restored, restore, restore_into

PROOF = "proof.json"


@dataclass(frozen=True)
class Proof:
    """A restore that was made and compared.

    `seconds` is how long the restore itself took, `way_back_seconds` the whole of it with the
    comparison: what `restore` needs as well, whose swap at the end takes a moment. `not_carried`
    are statements that this role may not make at a way back: a superuser would have to.
    """

    proven_at: str
    tables: int
    rows: int
    seconds: float
    way_back_seconds: float
    not_carried: tuple[str, ...] = ()


def prove(url: str, directory: str | Path, *, jobs: int = JOBS) -> Proof:
    """Restore a backup into a scratch database, compare every table, and drop it again.

    Args:
        url: URL of a database on the server to restore on; it is not touched.
        directory: The backup.
        jobs: Parallel restores.

    Raises:
        BackupFailed: the restored rows are not those of the manifest.
        ProgramFailed: pg_restore failed.
    """
    made = check(directory)
    scratch = f"cutover_proof_{secrets.token_hex(6)}"
    began = time.monotonic()
    done = restore_into(url, scratch, Path(directory), made, jobs, keep=False)
    whole = round(time.monotonic() - began, 3)
    not_carried = tuple(each.replace(scratch, made.database) for each in done.not_carried)
    proof = Proof(now(), len(made.tables), made.rows, done.seconds, whole, not_carried)
    (Path(directory) / PROOF).write_text(json.dumps(asdict(proof)) + "\n", encoding="utf-8")
    return proof


def proof(directory: str | Path) -> Proof | None:
    """Return the proof of a backup, if it was proven and its files are still the same."""
    try:
        stored = json.loads((Path(directory) / PROOF).read_text(encoding="utf-8"))
        check(directory)
        return Proof(**stored | {"not_carried": tuple(stored.get("not_carried", ()))})
    except (OSError, ValueError, TypeError, BackupFailed):
        return None


__all__ = [
    "PROOF",
    "Backup",
    "BackupFailed",
    "BackupFile",
    "BackupTable",
    "Proof",
    "Restored",
    "changed_since",
    "check",
    "fingerprint",
    "proof",
    "prove",
    "restore",
    "take",
]
