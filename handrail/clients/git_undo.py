"""The tree of a branch with an earlier commit taken back, made from blobs alone."""

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
    removed = {path for path, each in wanted.items() if each is None}
    clashing += [path for path, each in wanted.items() if each and in_the_way(tip, path, removed)]
    if clashing:
        raise ClientError(
            f"commit `{made.commit[:12]}` could not be reverted",
            f"later commits changed the same lines of {ticked(clashing[:5])}",
            f"`git -C {seen_at} revert {made.commit[:12]}` on a fresh pull, resolve it, and push",
        )
    gone = [f"0 {'0' * len(tip.commit)}\t{path}\0" for path in removed]
    put = [f"{each.mode} {each.sha}\t{path}\0" for path, each in wanted.items() if each]
    return tree_of(tip, gone + put)


def taken_back(
    tip: Snapshot, made: Snapshot, before: Snapshot
) -> tuple[dict[str, Entry | None], list[str]]:
    """Return what the paths of a commit become without it, and those that it clashes at.

    None stands for a path that goes, and for one that cannot be merged.
    """
    wanted: dict[str, Entry | None] = {}
    clashing = []
    for path in sorted(made.entries.keys() | before.entries.keys()):
        now, was, had = (file_at(each, path) for each in (tip, made, before))
        if had in (was, now):
            continue
        wanted[path] = had if now == was else merged(tip.copy, now, was, had)
        if now != was and wanted[path] is None:
            clashing.append(path)
    return wanted, clashing


def file_at(snapshot: Snapshot, path: str) -> Entry | None:
    """Return what lies at a path, unless it is a folder."""
    found = snapshot.entries.get(path)
    return None if found and found.is_folder else found


def in_the_way(tip: Snapshot, path: str, removed: set[str]) -> bool:
    """Tell whether a file has come where a folder is wanted, or the other way round."""
    above = [str(each) for each in PurePosixPath(path).parents]
    below = tip.list_files(path) if path in tip.entries and file_at(tip, path) is None else []
    files = [each for each in above if file_at(tip, each)]
    return not {*files, *below} <= removed


def merged(copy: Path, now: Entry | None, was: Entry | None, had: Entry | None) -> Entry | None:
    """Return a file without the change from `had` to `was`; None where it cannot be done."""
    if not (now and was and had) or now.mode != was.mode or now.mode == LINK:
        return None
    with scratch(copy) as place:
        names = []
        for name, each in (("now", now), ("was", was), ("had", had)):
            text = must(copy, "a file could not be read", "cat-file", "blob", each.sha)
            (place / name).write_bytes(text.encode("utf-8", errors="surrogateescape"))
            names.append(str(place / name))
        found = git(copy, "merge-file", "-p", *names)
        if found.code != 0:
            return None
        given = found.text.encode("utf-8", errors="surrogateescape")
        what = "the change could not be prepared"
        sha = must(copy, what, "hash-object", "-w", "--stdin", given=given).strip()
    return Entry(had.mode, sha)
