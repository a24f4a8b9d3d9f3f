"""A change on its way into a work tree: noted first, so that a killed one is known as ours."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from handrail.clients.errors import ClientError
from handrail.clients.git_objects import entry, must
from handrail.clients.git_process import git

FILE_NAME = "runbook-pending.json"


@dataclass(frozen=True)
class Pending:
    """A commit whose files are being brought into the work tree.

    Args:
        base: Commit before it.
        commit: The commit.
        paths: Files that differ between the two.
    """

    base: str
    commit: str
    paths: tuple[str, ...]

    @classmethod
    def load(cls, git_directory: Path) -> Self | None:
        """Return the note a killed change left, or None.

        Raises:
            ClientError: it cannot be read.
        """
        place = git_directory / FILE_NAME
        try:
            data = json.loads(place.read_text(encoding="utf-8"))
            return cls(data["base"], data["commit"], tuple(data["paths"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            raise ClientError(
                "the note of an unfinished change could not be read",
                f"`{place}` is not what was written there",
                f"bring the work tree in order by hand, then `rm {place}`",
            ) from None

    def save(self, git_directory: Path) -> None:
        """Write the note so that a power cut leaves all of it or none."""
        place = git_directory / FILE_NAME
        fresh = place.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(place)

    def is_ours(self, directory: Path, path: str) -> bool:
        """Whether a file is as it was before, as it is to be, or half written on the way."""
        if path not in self.paths:
            return False
        place = directory / path
        blobs = [entry(directory, commit, path) for commit in (self.base, self.commit)]
        if not place.exists():
            return True
        if not place.is_file():
            return False
        content = place.read_bytes()
        for blob in blobs:
            if blob is None:
                continue
            text = must(directory, f"`{path}` could not be read", "cat-file", "blob", blob[2])
            if text.encode("utf-8", errors="surrogateescape").startswith(content):
                return True
        return False

    def finish(self, directory: Path, git_directory: Path) -> None:
        """Make the files as the branch has them, and drop the note.

        Raises:
            ClientError: git could not write them.
        """
        what = "the files of a commit could not be brought into the work tree"
        present = [path for path in self.paths if entry(directory, "HEAD", path)]
        absent = [path for path in self.paths if path not in present]
        # Removed first: a file may make way for a directory of its name.
        if absent:
            must(directory, what, "rm", "-f", "-q", "--ignore-unmatch", "--", *absent)
            for path in absent:
                (directory / path).unlink(missing_ok=True)
        if present:
            must(directory, what, "checkout", "-q", "-f", "HEAD", "--", *present)
        git(directory, "update-index", "-q", "--refresh")
        (git_directory / FILE_NAME).unlink(missing_ok=True)
