"""What a frontend's sources import, followed from the page that browsers load."""

import posixpath
import re
from collections.abc import Iterator

from handrail.clients.git_snapshot import Snapshot

# A comment, a text, or an import: taken in turn, so that none is looked for inside another.
TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r"|\b(?:import|export)\b(?P<what>[^'\"`;()]*?)\bfrom\s*(?P<q>['\"])(?P<from>[^'\"\n]+)(?P=q)"
    r"|\bimport\s*(?:\(\s*)?(?P<r>['\"])(?P<bare>[^'\"\n]+)(?P=r)"
    r"|\brequire\(\s*(?P<s>['\"])(?P<required>[^'\"\n]+)(?P=s)"
    r"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|`(?:\\.|[^`\\])*`",
    re.DOTALL,
)
SCRIPT = re.compile(r"<script\b[^>]*\bsrc\s*=\s*[\"']([^\"']+)[\"']", re.IGNORECASE)
HIDDEN = re.compile(r"<!--.*?-->", re.DOTALL)
KINDS = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".vue", ".svelte")
ENDINGS = ("", *KINDS, *(f"/index{each}" for each in KINDS))
ALIAS = re.compile(
    r"['\"]([@~][\w-]*)(?:/\*)?['\"]\s*:\s*"  # "@/*":
    r"\[?[^'\"]*['\"](?:\./|/)?([\w./-]+?)(?:/\*)?['\"]"  # ["./src/*"], or a call that ends so
)
CONFIGS = ("vite.config.js", "vite.config.ts", "vite.config.mjs", "tsconfig.json", "jsconfig.json")


def reached(snapshot: Snapshot, page: str) -> dict[str, str]:
    """Return every file that a page leads to, with the one that leads there.

    Args:
        snapshot: The repository.
        page: The `index.html` of the frontend, or its first script.
    """
    root = posixpath.dirname(page)
    aliases = aliases_of(snapshot, root)
    found, waiting = {page: ""}, [page]
    while waiting:
        here = waiting.pop()
        text = (snapshot.read_bytes(here) or b"").decode("utf-8", errors="replace")
        for name in names_in(here, text):
            there = located(snapshot, here, name, root, aliases)
            if there and there not in found:
                found[there] = here
                waiting.append(there)
    return found


def names_in(path: str, text: str) -> Iterator[str]:
    """Yield what a page or a module loads, as it is written there."""
    if path.endswith((".html", ".htm")):
        yield from SCRIPT.findall(HIDDEN.sub("", text))
        return
    for token in TOKEN.finditer(text):
        name = token["from"] or token["bare"] or token["required"]
        if name and not re.match(r"\s*type\b(?!\s*,)", token["what"] or ""):
            yield name


def located(
    snapshot: Snapshot, here: str, name: str, root: str, aliases: dict[str, str]
) -> str | None:
    """Return the file of the repository that a name means, or None where it is a package."""
    name = re.split(r"[?#]", name)[0]
    first, _, rest = name.partition("/")
    if name.startswith("."):
        place = posixpath.join(posixpath.dirname(here), name)
    elif name.startswith("/") or first in aliases:
        place = posixpath.join(root, aliases.get(first, ""), rest)
    elif here.endswith(".html"):
        place = posixpath.join(posixpath.dirname(here), name)
    else:
        return None
    for ending in ENDINGS:
        path = posixpath.normpath(place) + ending
        found = None if path.startswith("..") else snapshot.entries.get(path)
        if found and not found.is_folder:
            return path
    return None


def aliases_of(snapshot: Snapshot, root: str) -> dict[str, str]:
    """Return the short names of folders that the build's configuration gives: `@` for `src`."""
    found: dict[str, str] = {}
    for name in CONFIGS:
        text = (snapshot.read_bytes(posixpath.join(root, name)) or b"").decode(errors="replace")
        found |= dict(ALIAS.findall(text))
    return found
