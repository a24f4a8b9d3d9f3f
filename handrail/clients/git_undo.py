"""The tree of a branch with an earlier commit taken back, made from blobs alone."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from handrail.clients.errors import ClientError
from handrail.clients.git_change import tree_of
from handrail.clients.git_copy import scratch
from handrail.clients.git_objects import must
from handrail.clients.git_process import git
from handrail.clients.git_snapshot import LINK, Entry, Snapshot
from handrail.naming import ticked


def tree_without(tip: Snapshot, made: Snapshot, before: Snapshot, seen_at: str) -> str:
    """Return the id of the tree of a commit with an earlier one taken back.

    Only the paths of that commit are touched, each on its blob: no filter runs, and a file that
    Git LFS keeps is put back by its pointer.

    Args:
        tip: What the branch holds now.
        made: The commit to take back.
        before: Its parent.
        seen_at: Where a person would look at the commits.

    Raises:
        ClientError: later commits changed the same lines.
    """
    wanted, clashing = taken_back(tip, made, before)
    put = {path: each for path, each in wanted.items() if each}
    removed = wanted.keys() - put.keys()
    clashing += [path for path in put if in_the_way(tip, path, removed)]
    if clashing:
        raise ClientError(
            f"commit `{made.commit[:12]}` could not be reverted",
            f"later commits changed the same lines of {ticked(clashing[:5])}",
            f"`git -C {seen_at} revert {made.commit[:12]}` on a fresh pull, resolve it, and push",
        )
    return tree_of(tip, put, removed)


def taken_back(
    tip: Snapshot, made: Snapshot, before: Snapshot
) -> tuple[dict[str, Entry | None], list[str]]:
    """Return what the paths of a commit become without it, and those that it clashes at.

    None stands for a path that goes, and for one that cannot be merged.
    """
    wanted: dict[str, Entry | None] = {}
    clashing = []
    for path, now, was, had in differing(tip, made, before):
        wanted[path] = had if now == was else merged(tip.copy, now, was, had)
        if now != was and wanted[path] is None:
            clashing.append(path)
    return wanted, clashing


def differing(
    tip: Snapshot, made: Snapshot, before: Snapshot
) -> Iterator[tuple[str, Entry | None, Entry | None, Entry | None]]:
    """Yield each path that a commit has changed, and not in vain: its file now, then and before."""
    for path in sorted(made.entries.keys() | before.entries.keys()):
        now, was, had = (each.file_at(path) for each in (tip, made, before))
        if had not in (was, now):
            yield path, now, was, had


def in_the_way(tip: Snapshot, path: str, removed: set[str]) -> bool:
    """Tell whether a file has come where a folder is wanted, or the other way round."""
    above = filter(tip.file_at, map(str, PurePosixPath(path).parents))
    below = tip.list_files(path) if tip.has_folder(path) else []
    return not {*above, *below} <= removed


def merged(copy: Path, now: Entry | None, was: Entry | None, had: Entry | None) -> Entry | None:
    """Return a file without the change from `had` to `was`; None where it cannot be done."""
    if not (now and was and had and now.mode == was.mode != LINK):
        return None
    sha = merged_blob(copy, {"now": now, "was": was, "had": had})
    return Entry(had.mode, sha) if sha else None


def merged_blob(copy: Path, files: Mapping[str, Entry]) -> str:
    """Return the id of the blob that three files merge into; empty where they do not."""
    with scratch(copy) as place:
        for name, each in files.items():
            text = must(copy, "a file could not be read", "cat-file", "blob", each.sha)
            (place / name).write_bytes(text.encode("utf-8", errors="surrogateescape"))
        found = git(copy, "merge-file", "-p", *(str(place / name) for name in files))
        if found.code != 0:
            return ""
        given = found.text.encode("utf-8", errors="surrogateescape")
        what = "the change could not be prepared"
        return must(copy, what, "hash-object", "-w", "--stdin", given=given).strip()
