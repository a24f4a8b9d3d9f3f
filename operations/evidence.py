"""What a run leaves behind as files: never deleted, and never mistaken for another run's."""

from datetime import UTC, datetime
from pathlib import Path


def move_aside(path: Path) -> None:
    """Give a file or folder a dated name of its own; nothing where it is not there.

    What was made before a rollback must not pass for proof afterwards: the rows it shows are no
    longer the rows that are there.
    """
    if path.exists():
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        path.rename(path.with_name(f"{path.name}.until-{moment}"))
