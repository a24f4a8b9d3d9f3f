"""What a repository holds at one commit, read without a work tree: links are followed here."""

import posixpath
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

from handrail.clients.errors import ClientError
from handrail.clients.git_objects import must, must_bytes

LINK, SUBMODULE = "120000", "160000"
MOST_LINKS = 40  # as the kernel follows them
LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Entry:
    """One line of a tree: mode in octal digits, object id."""

    mode: str
    sha: str

    @property
    def is_folder(self) -> bool:
        """Tell whether it is a tree."""
        return self.mode == "040000"


@dataclass(frozen=True)
class Snapshot:
    """The files of one commit.

    Args:
        copy: The bare copy that holds it.
        commit: Its sha, in full.
        clone: The operator's own clone, whose attributes say more than what is committed.
    """

    copy: Path
    commit: str
    clone: Path | None = None

    @cached_property
    def tree(self) -> str:
        """Return the id of the whole tree."""
        what = f"commit `{self.commit[:12]}` could not be read"
        return must(self.copy, what, "rev-parse", "--verify", f"{self.commit}^{{tree}}").strip()

    @property
    def entries(self) -> dict[str, Entry]:
        """Return every file, folder, link and submodule by its path."""
        return _entries(self.copy, self.commit)

    def resolve(self, path: str) -> str:
        """Return where a path really lies, each link on its way followed; it may be absent there.

        Raises:
            ClientError: it leaves the repository, goes round in links, or lies in a submodule.
        """
        wanted, place, followed = checked(path).split("/"), "", 0
        while wanted:
            place = posixpath.join(place, wanted.pop(0))
            found = self.entries.get(place)
            if found is None:
                return posixpath.join(place, *wanted)
            if found.mode == SUBMODULE:
                raise _not_ours(
                    path,
                    f"`{place}` is a submodule: its files are kept in another repository",
                    f"name a file of this one; see `git submodule status {place}`",
                )
            if found.mode == LINK:
                followed += 1
                wanted[:0] = self._followed(path, place, found, followed)
                place = ""
        return place

    def _followed(self, path: str, place: str, link: Entry, followed: int) -> list[str]:
        """Return where a symbolic link leads to, as the parts of a path from the root.

        Raises:
            ClientError: out of the repository, or too many links were followed.
        """
        target = self._blob(link.sha).decode("utf-8", errors="surrogateescape")
        if followed > MOST_LINKS:
            raise _astray(path, place, target, "goes round in circles")
        there = posixpath.normpath(posixpath.join(posixpath.dirname(place), target)).split("/")
        if target.startswith("/") or there[0].casefold() in ("..", ".git"):
            raise _astray(path, place, target, "leaves it")
        return [] if there == ["."] else there

    def find(self, path: str) -> Entry | None:
        """Return what a path leads to, or None where it leads to nothing.

        Raises:
            ClientError: as `resolve`.
        """
        return self.entries.get(self.resolve(path))

    def file_at(self, place: str) -> Entry | None:
        """Return what lies at a place, no link followed, unless it is a folder."""
        found = self.entries.get(place)
        return None if found and found.is_folder else found

    def has_folder(self, place: str) -> bool:
        """Tell whether a folder lies at a place, no link followed."""
        return place in self.entries and self.entries[place].is_folder

    def read_bytes(self, path: str) -> bytes | None:
        """Return a file's content, or None where there is none.

        Raises:
            ClientError: it is a folder, or as `resolve`.
        """
        found = self.find(path)
        if found is None:
            return None
        if found.is_folder:
            raise self._unreadable(path, "it is a directory")
        return self._blob(found.sha)

    def read(self, path: str) -> str | None:
        """Return a file's text, or None where there is none.

        Raises:
            ClientError: it is not UTF-8 text, is kept by Git LFS, or as `read_bytes`.
        """
        content = self.read_bytes(path)
        if content is None:
            return None
        if content.startswith(LFS_POINTER):
            raise self._unreadable(path, "Git LFS keeps it, and only its pointer is committed")
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise self._unreadable(path, "it is not UTF-8 text") from None

    def list_files(self, path: str = "") -> list[str]:
        """Return the files, links and submodules below a path, sorted; none where there are none.

        Raises:
            ClientError: as `resolve`.
        """
        below = f"{self.resolve(path)}/" if path else ""
        return sorted(
            name
            for name, found in self.entries.items()
            if name.startswith(below) and not found.is_folder
        )

    def submodules(self, path: str = "") -> list[str]:
        """Return the submodules below a path, or at it; their files are not in this repository."""
        return [
            name
            for name, found in self.entries.items()
            if found.mode == SUBMODULE and (not path or f"{name}/".startswith(f"{path}/"))
        ]

    def alike(self, path: str) -> str | None:
        """Return a path that differs from one in case or accents only, or None.

        Two such are one file on macOS and Windows.
        """
        parts = PurePosixPath(path).parts
        for length in range(1, len(parts) + 1):
            part = "/".join(parts[:length])
            found = self._folded.get(folded(part), part)
            if found != part:
                return found
        return None

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {folded(path): path for path in self.entries}

    def _blob(self, sha: str) -> bytes:
        return must_bytes(self.copy, "a file could not be read", "cat-file", "blob", sha)

    def _unreadable(self, path: str, why: str) -> ClientError:
        what = f"`{path}` could not be read at `{self.commit[:12]}`"
        return ClientError(what, why, f"see `git ls-tree {self.commit[:12]} {path}`")


def folded(path: str) -> str:
    """Return a path as a file system that knows neither case nor ways to write accents."""
    return unicodedata.normalize("NFC", path).casefold()


def checked(path: str) -> str:
    """Return a path inside the repository as git writes it.

    Raises:
        ClientError: it leaves the repository, or enters git's own directory.
    """
    parts = PurePosixPath(path)
    strange = {"..", ".git"} & {part.casefold() for part in parts.parts}
    if strange or parts.is_absolute() or str(parts) == "." or "\0" in path:
        raise ClientError(
            f"`{path}` was not accepted as a file of the repository",
            "it is not a relative path below the repository",
            "correct the path in the runbook",
        )
    return str(parts)


@lru_cache(maxsize=16)
def _entries(copy: Path, commit: str) -> dict[str, Entry]:
    """Return what a commit holds, folders too; a commit never changes."""
    what = f"files of commit `{commit[:12]}` could not be listed"
    listed = must(copy, what, "ls-tree", "-r", "-t", "-z", "--full-tree", commit)
    rows = (row.partition("\t") for row in filter(None, listed.split("\0")))
    return {path: Entry(*head.split()[::2]) for head, _, path in rows}


def _astray(path: str, place: str, target: str, way: str) -> ClientError:
    return _not_ours(
        path,
        f"`{place}` is a symbolic link to `{target}`, which {way}",
        f"put a file in place of the link `{place}`, commit, push",
    )


def _not_ours(path: str, why: str, fix: str) -> ClientError:
    return ClientError(f"`{path}` was not accepted as a file of the repository", why, fix)
