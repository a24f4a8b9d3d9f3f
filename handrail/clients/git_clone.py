"""What an operator's clone says: where its remotes are, how to reach them, who commits."""

import os
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from handrail.clients.errors import ClientError
from handrail.clients.git_process import git

# The rest of its configuration is of its work tree and concerns nobody here.
REACHING = re.compile(r"(credential|http|https|url|ssh)\..*|core\.(sshcommand|gitproxy)")
FALLBACK_IDENTITY = ("Cutover runbook", "runbook@localhost")


@dataclass(frozen=True)
class Clone:
    """An operator's clone, or any folder where git has settings of the machine only."""

    path: Path

    @cached_property
    def settings(self) -> tuple[tuple[str, str, str], ...]:
        """Return git's settings there: scope, key and value, the strongest last."""
        listed = git(self.path, "config", "--list", "--null", "--show-scope").text.split("\0")
        pairs = zip(listed[::2], listed[1::2], strict=False)
        return tuple((scope, *pair.partition("\n")[::2]) for scope, pair in pairs)

    @cached_property
    def fit(self) -> "Clone":
        """Return it, once it is seen to be a clone; its files may be however they are.

        Raises:
            ClientError: it is none, with the command that puts it right.
        """
        what = f"`{self.path}` is not ready"
        found = git(self.path, "rev-parse", "--show-toplevel")
        if "dubious ownership" in found.error:
            fix = f"git config --global --add safe.directory {self.path}"
            raise ClientError(what, "it belongs to another user, so git does not touch it", fix)
        if found.code != 0:
            fix = f"`git clone URL {self.path}`, or correct `path` in the inventory"
            raise ClientError(what, "it is not a git repository", fix)
        top = Path(found.text.rstrip("\n"))
        if top.resolve() != self.path.resolve():
            fix = f"write `{top}` as `path` in the inventory, if that is the one"
            raise ClientError(what, "it lies inside a repository and is not its top", fix)
        return self

    def value(self, key: str) -> str:
        """Return the strongest value of a key, or nothing where it has none."""
        return next((value for _, name, value in reversed(self.settings) if name == key), "")

    def reaching(self) -> list[tuple[str, str]]:
        """Return how the clone itself, not its machine, is told to reach its remotes."""
        return [
            (key, value)
            for scope, key, value in self.settings
            if scope == "local" and REACHING.fullmatch(key)
        ]

    def author(self) -> dict[str, str]:
        """Return the variables of a commit's author: as configured, else the runbook's own."""
        return {
            f"GIT_{role}_{part}": self.value(f"user.{part.lower()}") or fallback
            for part, fallback in zip(("NAME", "EMAIL"), FALLBACK_IDENTITY, strict=True)
            for role in ("AUTHOR", "COMMITTER")
            if not os.environ.get(f"GIT_{role}_{part}")
        }


def clone_at(path: Path) -> Clone:
    """Return the clone at a path, asked anew only where its configuration was written since."""
    try:
        written = (path / ".git" / "config").stat()
    except OSError:
        return Clone(path)
    return _read(path, (written.st_ino, written.st_mtime_ns, written.st_size))


@lru_cache(maxsize=8)
def _read(path: Path, written: tuple[int, int, int]) -> Clone:
    del written  # part of what the cache goes by
    return Clone(path)
