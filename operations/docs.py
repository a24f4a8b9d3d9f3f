"""Tasks 14.3 and 15: the app's documents say what is so."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from itertools import filterfalse, product

from handrail.clients.git import Repository
from handrail.clients.git_snapshot import Snapshot
from handrail.engine import FROM_TARGET, Finding, fails, gate, holds


@gate(fix="correct the documents it names, commit, push, then the same command again")
def name_no_legacy(
    *, repository: Repository = FROM_TARGET, paths: list[str], words: list[str], excluded: list[str]
) -> Finding:
    """No document speaks of the legacy backend as if it were there.

    Args:
        repository: The app's repository.
        paths: Documents, or patterns of them: `*.md` is every one, in whatever folder.
        words: What none of them says.
        excluded: Patterns of documents that may: the history of the migration, say.
    """
    snapshot = repository.at()
    allowed = partial(are_fit, patterns=excluded)
    for pattern in paths:
        if wrong := wrong_in(snapshot, pattern, words, allowed):
            return fails(wrong)
    hidden = next(filterfalse(allowed, snapshot.submodules()), "")
    if hidden:
        why = f"`{hidden}` is a submodule, and its documents are kept in another repository"
        return fails(why, "look there, and name it in `excluded` of the runbook")
    return holds()


def wrong_in(
    snapshot: Snapshot, pattern: str, words: list[str], allowed: Callable[[str], bool]
) -> str:
    """Return what is wrong with the documents that a pattern means, or nothing."""
    documents = matching(snapshot, pattern)
    if not documents and not is_pattern(pattern):
        return f"`{pattern}` is not on the remote branch"
    said = (spoken(snapshot, path, words) for path in filterfalse(allowed, documents))
    return next(filter(None, said), "")


def are_fit(path: str, patterns: list[str]) -> bool:
    """Tell whether a path fits one of some patterns."""
    return any(fits(path, each) for each in patterns)


def is_pattern(path: str) -> bool:
    """Tell a pattern from a path; a path must be there."""
    return bool(set("*?[") & set(path))


def matching(snapshot: Snapshot, pattern: str) -> list[str]:
    """Return the files that a path or a pattern means; a path may lead through links."""
    if not is_pattern(pattern):
        return [pattern] if snapshot.find(pattern) else []
    return [path for path in snapshot.list_files() if fits(path, pattern)]


def fits(path: str, pattern: str) -> bool:
    """Tell whether a pattern means a path: the whole of it, or its name in any folder."""
    return fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}")


def spoken(snapshot: Snapshot, path: str, words: list[str]) -> str:
    """Return where a document says one of the words, or nothing."""
    found = snapshot.find(path)
    if found is None or found.is_folder:
        return f"`{path}` is a folder, or a link to no document: name documents, as `{path}/*`"
    text = (snapshot.read_bytes(path) or b"").decode("utf-8", errors="replace")
    for (number, line), word in product(enumerate(text.splitlines(), start=1), words):
        if word in line:
            return f"`{path}` line {number} speaks of `{word}`"
    return ""
