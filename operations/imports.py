"""What a frontend's sources import, followed from the page that browsers load."""

import posixpath
import re
from dataclasses import dataclass, field
from itertools import islice

from handrail.clients.git_snapshot import Snapshot

from .import_names import HOLE, Load, loads

KINDS = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".vue", ".svelte")
ENDINGS = ("", *KINDS, *(f"/index{each}" for each in KINDS))
ALIAS = re.compile(
    r"['\"]([@~][\w-]*)(?:/\*)?['\"]\s*(?::|,\s*replacement\s*:)\s*"  # "@/*":
    r"\[?[^'\"]*['\"](?:\./|/)?([\w./-]+?)(?:/\*)?['\"]"  # ["./src/*"], or a call that ends so
)
CONFIGS = ("vite.config.js", "vite.config.ts", "vite.config.mjs", "tsconfig.json", "jsconfig.json")
BEGINNINGS = (*CONFIGS, "package.json", "index.html")
# What a glob says, and the regular expression of it.
GLOB = re.compile(r"\*\*/|\*\*|\[!?[^\]/]+\]|.", re.DOTALL)
MEANINGS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
MEANINGS |= {"{": "(?:", "}": ")", ",": "|"}
NOT_SOURCE = re.compile(r"(?:^|/)(?:node_modules|\.[^/]*)(?:/|$)")


@dataclass
class Reached:
    """What a page leads to.

    Args:
        files: Every file.
        unknown: What could not be followed: the module, and what it loads.
    """

    files: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)


def reached(snapshot: Snapshot, page: str) -> Reached:
    """Return every file that a page leads to.

    Where a part of a name is known only as the module runs, it stands for one name between two
    slashes, as it does in Vite's builds.

    Args:
        snapshot: The repository.
        page: The `index.html` of the frontend, or its first script.

    Source: https://vite.dev/guide/features.html#dynamic-import
    """
    root = root_of(snapshot, page)
    aliases = aliases_of(snapshot, root)
    found, waiting = Reached({page}), [page]
    while waiting:
        here = waiting.pop()
        text = (snapshot.read_bytes(here) or b"").decode("utf-8", errors="replace")
        for load in loads(here, text):
            if load.is_unknown:
                found.unknown.append(f"`{load.written}` in `{here}`")
                continue
            new = set(located(snapshot, here, load, root, aliases)) - found.files
            found.files |= new
            waiting += sorted(new)
    return found


def located(
    snapshot: Snapshot, here: str, load: Load, root: str, aliases: dict[str, str]
) -> list[str]:
    """Return the files of the repository that are meant; none where it is a package."""
    if load.globs:
        return globbed(snapshot, here, load, root, aliases)
    place = place_of(here, "", re.split(r"[?#]", load.name)[0], root, aliases)
    if place is None:
        return []
    if HOLE in place:
        ends = "|".join(map(re.escape, ENDINGS))
        return files_like(snapshot, f"{re.escape(place).replace(HOLE, '[^/]*')}(?:{ends})")
    return _first_file(snapshot, place)


def _first_file(snapshot: Snapshot, place: str) -> list[str]:
    """Return the file that a name without its ending means, as bundlers look for it; or none."""
    if place.startswith(".."):
        return []
    files = (place + ending for ending in ENDINGS if is_file(snapshot, place + ending))
    return list(islice(files, 1))


def is_file(snapshot: Snapshot, path: str) -> bool:
    """Tell whether a file lies at a path, not a folder."""
    entry = snapshot.entries.get(path)
    return entry is not None and not entry.is_folder


def globbed(
    snapshot: Snapshot, here: str, load: Load, root: str, aliases: dict[str, str]
) -> list[str]:
    """Return the files that a pattern fits, but for those it leaves out."""
    wanted, *without = (
        place_of(here, load.base, each, root, aliases) for each in (load.name, *load.without)
    )
    if not wanted:
        return []
    left_out = set[str]().union(*(_fitting(snapshot, each) for each in without))
    return [path for path in _fitting(snapshot, wanted) if path not in left_out]


def _fitting(snapshot: Snapshot, glob: str | None) -> list[str]:
    return files_like(snapshot, pattern_of(glob)) if glob else []


def place_of(here: str, base: str, name: str, root: str, aliases: dict[str, str]) -> str | None:
    """Return where a name leads, as a path of the repository; None where it is a package."""
    first, _, rest = name.partition("/")
    if name.startswith("."):
        place = posixpath.join(_beside(here, base, root), name)
    elif name.startswith("/") or first in aliases:
        place = posixpath.join(root, aliases.get(first, ""), rest)
    elif name.startswith("**"):
        place = posixpath.join(root, name)
    elif here.endswith(".html"):
        place = posixpath.join(_beside(here, base, root), name)
    else:
        return None
    return posixpath.normpath(place)


def _beside(here: str, base: str, root: str) -> str:
    """Return the folder that names of a module begin at: its own, or what a glob names as such."""
    if base.startswith("/"):
        return posixpath.join(root, base.lstrip("/"))
    return posixpath.join(posixpath.dirname(here), base) if base else posixpath.dirname(here)


def files_like(snapshot: Snapshot, pattern: str) -> list[str]:
    """Return the files whose path fits, but for packages and what is hidden."""
    fits = re.compile(pattern).fullmatch
    return [path for path in filter(fits, snapshot.list_files()) if not NOT_SOURCE.search(path)]


def pattern_of(glob: str) -> str:
    """Return the regular expression of a glob of files."""
    parts = GLOB.findall(glob)
    return "".join(MEANINGS.get(each) or range_of(each) for each in parts)


def range_of(part: str) -> str:
    """Return the regular expression of a range of letters, or of a letter."""
    return part.replace("[!", "[^") if len(part) > 1 else re.escape(part)


def root_of(snapshot: Snapshot, page: str) -> str:
    """Return the frontend's folder: the nearest around its page that a build could begin in."""
    folder = here = posixpath.dirname(page)
    while not any(posixpath.join(here, each) in snapshot.entries for each in BEGINNINGS):
        if not here:
            return folder
        here = posixpath.dirname(here)
    return here


def aliases_of(snapshot: Snapshot, root: str) -> dict[str, str]:
    """Return the short names of folders that the build's configuration gives: `@` for `src`."""
    found: dict[str, str] = {}
    for name in CONFIGS:
        text = (snapshot.read_bytes(posixpath.join(root, name)) or b"").decode(errors="replace")
        found |= dict(ALIAS.findall(text))
    return found
