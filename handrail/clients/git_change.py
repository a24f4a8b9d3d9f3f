"""A change made into a tree and a commit of a copy; nothing that can be seen moves."""

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path, PurePosixPath

from handrail.clients.errors import ClientError
from handrail.clients.git_copy import scratch
from handrail.clients.git_objects import must
from handrail.clients.git_process import git
from handrail.clients.git_snapshot import LINK, Entry, Snapshot, checked, folded

OUR_TRAILER = "Runbook-Task"
"""Every commit of ours carries it."""
REGULAR_FILE, PROGRAM = "100644", "100755"
ATTRIBUTES = ("filter", "text", "eol", "ident")
TEXT_BY_EOL = {("unspecified", "lf"), ("unspecified", "crlf")}  # `text` and `eol` of a file
SHOWN, SHOWN_GONE = 200, 5  # lines of a difference, and files that go
IDENT = re.compile(rb"\$Id:[^$\n]*\$")

Files = Mapping[str, str | bytes | None]
"""Contents by path; None removes the file."""
Attributes = Mapping[tuple[str, str], str]
"""What git's attributes say, by path and name of the attribute."""


def tree_with(base: Snapshot, files: Files) -> str:
    """Return the id of the tree of a commit with some files written, or removed by None.

    A link is followed and the file it leads to is written; modes stay. A new file that begins
    with ``#!`` is executable.

    Raises:
        ClientError: a path lies below a file, in a submodule, outside, or under a filter such as
            git-crypt's; or another one differs from it in case only.
    """
    written, removed = placed(base, files)
    stored = contents(base, written)
    put = {path: stored_as(base, path, content) for path, content in stored.items()}
    return tree_of(base, put, removed)


def stored_as(base: Snapshot, path: str, content: bytes) -> Entry:
    """Keep a content as a blob, and return what a tree says of it: its own mode, or a new one's."""
    what = "the change could not be prepared"
    sha = must(base.copy, what, "hash-object", "-w", "--stdin", given=content).strip()
    return Entry(mode_of(base.file_at(path), content), sha)


def tree_of(base: Snapshot, put: Mapping[str, Entry], removed: Iterable[str]) -> str:
    """Return the id of the tree of a commit with files put in, and others removed."""
    what, nothing = "the change could not be prepared", f"0 {'0' * len(base.commit)}"
    lines = [f"{nothing}\t{path}\0" for path in removed]
    lines += [f"{each.mode} {each.sha}\t{path}\0" for path, each in put.items()]
    with scratch(base.copy) as place:
        index = {"GIT_INDEX_FILE": str(place / "index")}
        must(base.copy, what, "read-tree", base.commit, extra=index)
        given = "".join(lines).encode("utf-8", errors="surrogateescape")
        must(base.copy, what, "update-index", "-z", "--index-info", given=given, extra=index)
        return must(base.copy, what, "write-tree", extra=index).strip()


def placed(base: Snapshot, files: Files) -> tuple[dict[str, bytes], set[str]]:
    """Return what is written and what is removed, by where it really lies.

    Raises:
        ClientError: a file cannot lie there.
    """
    removed = {removal(base, path) for path, content in files.items() if content is None}
    written: dict[str, bytes] = {}
    for path, content in files.items():
        if content is not None:
            place = free_place(base, path, written, removed)
            put_once(path, place, content, written)
    return written, removed


def put_once(path: str, place: str, content: str | bytes, written: dict[str, bytes]) -> None:
    """Note what is written at a place; raise where another path has put something else there."""
    plain = content.encode("utf-8") if isinstance(content, str) else content
    if written.setdefault(place, plain) != plain:
        why = f"another file of the change leads to `{place}` as well, and reads otherwise"
        raise refused(path, why, "name one of the two")


def free_place(base: Snapshot, path: str, written: Iterable[str], removed: set[str]) -> str:
    """Return where a file really lies.

    Raises:
        ClientError: it cannot lie there.
    """
    place = base.resolve(path)
    refuse_folder(base, path, place, removed)
    refuse_below_file(base, path, place, removed)
    if twin := twins_of(base, place, written, removed):
        why = f"`{min(twin)}` is there, and differs in case or accents only"
        raise refused(path, why, "use that name, or rename that file")
    return place


def twins_of(base: Snapshot, place: str, written: Iterable[str], removed: set[str]) -> set[str]:
    """Return the paths, there or about to be, that differ from one in case or accents only."""
    near = base.alike(place)
    there = {near} - removed if near else set()
    return there | ({each for each in written if folded(each) == folded(place)} - {place})


def removal(base: Snapshot, path: str) -> str:
    """Return where a file that is to go really lies; a link goes itself."""
    folder, _, name = checked(path).rpartition("/")
    return f"{base.resolve(folder)}/{name}" if folder else name


def refuse_folder(base: Snapshot, path: str, place: str, removed: set[str]) -> None:
    """Raise where a folder has the name, and something in it stays."""
    if base.has_folder(place) and not removed.issuperset(base.list_files(place)):
        raise refused(path, "it is a directory", "name a file in the runbook")


def refuse_below_file(base: Snapshot, path: str, place: str, removed: set[str]) -> None:
    """Raise where a file stands on the way, and stays."""
    for above in map(str, PurePosixPath(place).parents):
        if base.file_at(above) and above not in removed:
            raise refused(path, f"`{above}` is a file, not a folder", "correct the path")


def contents(base: Snapshot, written: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return contents as git stores them: line ends and idents levelled where attributes say so.

    Source: https://git-scm.com/docs/gitattributes, text, eol and ident

    Raises:
        ClientError: a path is under a filter, which only its owner's machine can apply.
    """
    said = attributes(base, list(written))
    refuse_filtered(base, said)
    return {path: levelled(base, path, content, said) for path, content in written.items()}


def levelled(base: Snapshot, path: str, content: bytes, said: Attributes) -> bytes:
    """Return a content with its line ends and idents levelled as its attributes say."""
    plain = content.replace(b"\r\n", b"\n") if is_text(base, path, content, said) else content
    return IDENT.sub(b"$Id$", plain) if said[path, "ident"] == "set" else plain


def is_text(base: Snapshot, path: str, content: bytes, said: Attributes) -> bool:
    """Tell whether the attributes of a file have its line ends levelled."""
    kind = said[path, "text"]
    if kind == "auto":
        return b"\0" not in content and b"\r\n" not in (content_at(base, path) or b"")
    return kind == "set" or (kind, said[path, "eol"]) in TEXT_BY_EOL


def refuse_filtered(base: Snapshot, committed: Attributes) -> None:
    """Raise where a file lies under a filter, by what is committed or by the operator's clone."""
    paths = list(dict.fromkeys(path for path, _ in committed))
    own = attributes(base, paths, base.clone) if base.clone else {}
    sources = ((committed, "`.gitattributes`"), (own, f"`{base.clone}` itself"))
    for path, (said, where) in product(paths, sources):
        name = said.get((path, "filter"), "unset")
        if name not in ("unspecified", "unset"):
            raise refused(
                path,
                f"{where} puts it under the filter `{name}`, and a file written past it would "
                "be stored in clear",
                "write it in a clone that has the filter, commit, push, then the same command",
            )


def attributes(base: Snapshot, paths: list[str], clone: Path | None = None) -> Attributes:
    """Return what the committed `.gitattributes` say of paths, by path and attribute.

    With a clone, what its own `info/attributes` and its user's `core.attributesFile` say as well.
    """
    what = "the attributes of files could not be read"
    if not any(each.endswith(".gitattributes") for each in base.entries):
        return dict.fromkeys(product(paths, ATTRIBUTES), "unspecified")
    with scratch(base.copy) as place:
        index = {"GIT_INDEX_FILE": str(place / "index"), "GIT_ATTR_NOSYSTEM": "1"}
        must(base.copy, what, "read-tree", base.commit, extra=index)
        arguments = ["check-attr", "--cached", "-z", "--stdin", *ATTRIBUTES]
        if clone:
            index["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = str(base.copy / "objects")
            arguments = [*personal(clone), *arguments]
        given = "\0".join([*paths, ""])
        told = must(clone or base.copy, what, *arguments, given=given, extra=index).split("\0")
    return dict(zip(zip(told[::3], told[1::3], strict=False), told[2::3], strict=False))


def personal(clone: Path) -> list[str]:
    """Return git's own option for the attributes that the user of a clone has for every clone."""
    key = "core.attributesFile"
    # the last is ours: commits of ours are made without them
    *told, _ours = git(clone, "config", "--type=path", "--get-all", key).text.splitlines()
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return ["-c", f"{key}={told[-1] if told else Path(home, 'git/attributes')}"]


def mode_of(there: Entry | None, content: bytes) -> str:
    """Return the mode of a file that is written: its own, or a new one's; a link's is no file's."""
    if there and there.mode != LINK:
        return there.mode
    return PROGRAM if content.startswith(b"#!") else REGULAR_FILE


def commit_tree(
    base: Snapshot,
    tree: str,
    message: str,
    trailers: Mapping[str, str],
    author: dict[str, str],
) -> str:
    """Return the id of a new commit on top of another; no branch holds it yet.

    Raises:
        ValueError: the trailers lack ours, or are not one line each.
        ClientError: git could not write it.
    """
    lines = trailer_lines(trailers)
    if OUR_TRAILER not in trailers or "\n" in "".join(lines):
        raise ValueError(f"a commit of a runbook carries `{OUR_TRAILER}`, and trailers of one line")
    text = f"{message.strip()}\n\n" + "\n".join(lines) + "\n"
    what = "the commit could not be written"
    arguments = ("commit-tree", tree, "-p", base.commit, "-F", "-")
    return must(base.copy, what, *arguments, given=text, extra=author).strip()


def trailer_lines(trailers: Mapping[str, str]) -> list[str]:
    """Return trailers as a commit's message has them."""
    return [f"{key}: {value}" for key, value in trailers.items()]


def difference(base: Snapshot, files: Files) -> str:
    """Return what a change would alter, as a person reads it; at most some 200 lines.

    Raises:
        ClientError: as `tree_with`.
    """
    written, removed = placed(base, files)
    changed = [
        line
        for path, new in contents(base, written).items()
        for line in _altered(path, content_at(base, path), new)
    ]
    gone = [f"deleted: `{path}`" for path in sorted(removed)]
    return "\n".join([*_first(changed, SHOWN, "lines"), *_first(gone, SHOWN_GONE, "files")])


def _first(lines: list[str], shown: int, noun: str) -> list[str]:
    """Return the first of some lines, and how many more there are."""
    more = len(lines) - shown
    return lines if more <= 0 else [*lines[:shown], f"… and {more} {noun} more"]


def content_at(base: Snapshot, path: str) -> bytes | None:
    """Return what a file reads now; None where there is none, or a folder."""
    return base.read_bytes(path) if base.file_at(path) else None


def _altered(path: str, old: bytes | None, new: bytes) -> Iterator[str]:
    before, after = (
        (each or b"").decode("utf-8", errors="replace").splitlines() for each in (old, new)
    )
    start = "/dev/null" if old is None else path
    yield from difflib.unified_diff(before, after, start, path, lineterm="", n=2)


def refused(path: str, why: str, fix: str) -> ClientError:
    """Return the refusal to write a file."""
    return ClientError(f"`{path}` was not written", why, fix)
