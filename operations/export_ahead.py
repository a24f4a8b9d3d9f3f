"""The export of a database at rest, made beside its dump and from its snapshot.

A dump at a distance waits for its server nearly all the time, and so would the export after it.
What was made ahead is nobody's evidence: the task that exports takes it over only where it is
whole, of the same mapping and of the freeze that still holds. Else that task makes it anew.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from handrail.clients.errors import ClientError
from handrail.transfer.read import export as exports
from handrail.transfer.read import files
from handrail.transfer.read.standing import FILE
from handrail.transfer.sql.compile import open_plan


@dataclass(frozen=True)
class Ahead:
    """What is exported ahead; the addresses show in no repr."""

    source: str = field(repr=False)
    destination: str = field(repr=False)
    mapping: str
    folder: Path

    def write(self, snapshot: str) -> None:
        """Export the rows of a snapshot; whatever keeps them from it is for the task itself."""
        discard(self.folder)
        try:
            exports.export(
                open_plan(self.mapping, self.source, self.destination),
                self.source,
                self.destination,
                place(self.folder),
                snapshot=snapshot,
                record=self.folder / FILE,
            )
        except ClientError:
            discard(self.folder)


def place(folder: Path) -> Path:
    """Return where a run's export lies until its task takes it over."""
    return folder / "export.ahead"


def discard(folder: Path) -> None:
    """Remove what was exported ahead: it is a copy that nothing refers to."""
    shutil.rmtree(place(folder), ignore_errors=True)


def made(folder: Path) -> files.Export | None:
    """Return what was exported ahead where it is whole, and of a database at rest."""
    try:
        found = files.check_export(place(folder))
    except files.ExportDamaged:
        return None
    return found if found.mark is not None else None
