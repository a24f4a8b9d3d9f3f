"""A folder of the app's repository as a whole: what identifies it, and who still needs it."""

import posixpath
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from handrail.clients.errors import ClientError
from handrail.clients.git_objects import must
from handrail.clients.git_snapshot import LINK, Snapshot

SOURCE = {".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".vue", ".svelte", ".py", ".html", ".css"}
# Files that may name a folder that is not there: people read them, or they only leave things out.
PROSE = {".md", ".rst", ".txt", ".adoc"}
HARMLESS = re.compile(
    r"(^|/)(\.\w*ignore|\.gitattributes|CODEOWNERS|LICENSE|NOTICE|[\w.-]*lock(\.\w+)?)$"
)
# Words before a folder's bare name that make it a folder: `cd server`, `working-directory: server`.
BEFORE = (
    r"(?:\b(?:cd|pushd|COPY|ADD|ls|rm|cp|mv)|(?<=\s)-[dCwr]|--(?:prefix|cwd|workspace|dir|rootDir)"
    r"|(?:working-directory|directory|context|build|rootDir|root|path|source|cwd)[\"']?\s*:)"
)


def whole(snapshot: Snapshot, path: str) -> str | None:
    """Return what identifies a folder with all its files, or None where it is not there.

    Raises:
        ClientError: a part of it is a submodule, so that its files are not in this repository.
    """
    place = snapshot.resolve(path)
    strange = snapshot.submodules(place)
    if strange:
        raise ClientError(
            f"`{path}` was not taken for kept",
            f"`{strange[0]}` in it is a submodule: its files are kept in another repository",
            "archive that repository by itself and take the submodule out, commit, push, then the "
            "same command again",
        )
    found = snapshot.entries.get(place)
    return found.sha if found else None


def references(snapshot: Snapshot, path: str, texts: dict[str, str]) -> tuple[list[str], list[str]]:
    """Return who names a folder: what would break without it, and what only speaks of it.

    Args:
        snapshot: What is looked through, but for the folder itself.
        path: The folder, from the root.
        texts: Files by path that will read otherwise.

    Returns:
        ``path:line`` of each, or the path of a symbolic link.
    """
    needing: list[str] = []
    speaking: list[str] = []
    for name, number, line in _lines(snapshot, path, texts):
        if "node_modules" not in name.split("/") and names_folder(line, path, name):
            (speaking if _only_speaks(name) else needing).append(f"{name}:{number}")
    return needing + _links_into(snapshot, path), speaking


def _only_speaks(file: str) -> bool:
    return PurePosixPath(file).suffix in PROSE or bool(HARMLESS.search(file))


def _links_into(snapshot: Snapshot, path: str) -> list[str]:
    """Return the symbolic links beside a folder that lead into it."""
    return [
        name
        for name, each in snapshot.entries.items()
        if each.mode == LINK and not _inside(name, path) and _inside(snapshot.resolve(name), path)
    ]


def names_folder(line: str, path: str, file: str) -> bool:
    """Tell whether a line of a file names a folder of the root."""
    name = re.escape(path)
    word = re.compile(rf"{BEFORE}[\s=]*[\"']?(?:\.?/)?{name}(?=$|[\s\"'&;|,)\]])")
    if _names_path(line, path, file) or word.search(line):
        return True
    listed = re.compile(
        rf"^\s*(?:-\s+|\"workspaces\".*)?[\"']{name}(?:/\*)?[\"'](?!\s*:)|^\s*-\s+{name}\s*$"
    )
    return not _is_source(file) and bool(listed.search(line))


def _names_path(line: str, path: str, file: str) -> bool:
    """Tell whether a line names what lies in a folder; in code, as seen from its own file."""
    is_source, name = _is_source(file), re.escape(path)
    start = "" if is_source else "/?"
    for found in re.finditer(rf"(?<![\w./\\-]){start}((?:\.{{1,2}}/)*){name}(?=[/\\])", line):
        there = posixpath.normpath(posixpath.join(posixpath.dirname(file), found[1], path))
        if not is_source or there == path or not found[1]:
            return True
    return False


def _is_source(file: str) -> bool:
    return PurePosixPath(file).suffix in SOURCE


def _lines(snapshot: Snapshot, path: str, texts: dict[str, str]) -> Iterator[tuple[str, int, str]]:
    """Yield the lines that hold a folder's name, with file and number."""
    yield from (each for each in _grepped(snapshot, path) if each[0] and each[0] not in texts)
    for name, text in texts.items():
        yield from ((name, number, line) for number, line in enumerate(text.splitlines(), start=1))


def _grepped(snapshot: Snapshot, path: str) -> Iterator[tuple[str, int, str]]:
    """Yield the lines that hold a folder's name, in all that lies beside it in the repository."""
    beside = _beside(snapshot, path)
    if not beside:
        return
    what = f"what names `{path}` could not be looked for"
    options = ("-I", "-n", "-z", "-F", "-e", path, snapshot.commit, "--", *beside)
    for row in must(snapshot.copy, what, "grep", *options, ok=(0, 1)).split("\n"):
        name, _, rest = row.partition("\0")
        number, _, line = rest.partition("\0")
        yield name.partition(":")[2], int(number or 0), line


def _beside(snapshot: Snapshot, path: str) -> list[str]:
    """Return what lies at the root, but for a folder of it."""
    return sorted(name for name in snapshot.entries if "/" not in name and not _inside(name, path))


def _inside(name: str, path: str) -> bool:
    return f"{name}/".startswith(f"{path}/")
