"""Tasks 14.3 and 15: the app's documents say what is so."""

from fnmatch import fnmatchcase

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

    def is_excluded(path: str) -> bool:
        return any(fits(path, each) for each in excluded)

    for pattern in paths:
        documents = matching(snapshot, pattern)
        if not documents and not is_pattern(pattern):
            return fails(f"`{pattern}` is not on the remote branch")
        said = (spoken(snapshot, path, words) for path in documents if not is_excluded(path))
        found = next(filter(None, said), "")
        if found:
            return fails(found)
    hidden = [each for each in snapshot.submodules() if not is_excluded(each)]
    if hidden:
        why = f"`{hidden[0]}` is a submodule, and its documents are kept in another repository"
        return fails(why, "look there, and name it in `excluded` of the runbook")
    return holds()


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
    for number, line in enumerate(text.splitlines(), start=1):
        for word in words:
            if word in line:
                return f"`{path}` line {number} speaks of `{word}`"
    return ""
