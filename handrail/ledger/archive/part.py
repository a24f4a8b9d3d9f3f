"""Which entries lie in files of their own; the ledger's own chain says so."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from handrail.ledger.chain import Head
from handrail.ledger.entry import ARCHIVE

if TYPE_CHECKING:
    from handrail.ledger.runs import History


@dataclass(frozen=True)
class Part:
    """A row of entries that were taken out of the ledger.

    ``file`` is relative to the ledger's folder where it lies below it; ``prev`` and ``head`` are
    the digests between which they stand in the chain; ``sha256`` is that of the file.
    """

    file: str
    first: int
    last: int
    prev: str
    head: str
    sha256: str
    runs: tuple[str, ...]

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:  # Any: JSON
        """Read what an entry says of one."""
        return cls(**{**said, "runs": tuple(said["runs"])})

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return it as an entry says it."""
        return asdict(self) | {"runs": list(self.runs)}

    def path(self, folder: Path) -> Path:
        """Return where it lies: where it was put, else beside the ledger."""
        put = folder / self.file
        return put if put.exists() else folder / put.name


def parts(history: "History") -> list[Part]:
    """Return what is archived now, oldest first, as the newest entry about it says."""
    said = history.of_runs([ARCHIVE])
    return [Part.from_json(each) for each in said[-1].body["parts"]] if said else []


def end_of(history: "History") -> Head:
    """Return the last entry that is archived; the ledger goes on after it."""
    found = parts(history)
    return Head(found[-1].last, found[-1].head) if found else Head()


def archived_in(history: "History", run: str) -> str:
    """Return the file that a run was archived in; empty where it was not."""
    return next((each.file for each in parts(history) if run in each.runs), "")
