"""Task 5: the frontend's sources use what was written into them."""

from handrail.clients.git import Repository
from handrail.engine import FROM_TARGET, Finding, fails, gate, holds
from handrail.naming import few

from .imports import reached

SHOWN = 5  # calls that cannot be followed


@gate(
    fix="let the application import it, or correct `page` and `files` in the runbook; commit, "
    "push, then the same command again"
)
def uses_the_new_files(
    *, repository: Repository = FROM_TARGET, page: str, files: list[str]
) -> Finding:
    """The page that browsers load leads to each of the files, by what its modules import.

    Args:
        repository: The app's repository.
        page: The frontend's `index.html`, or its first script.
        files: Modules that were written; a file that nothing imports proves nothing.
    """
    snapshot = repository.at()
    if snapshot.find(page) is None:
        return fails(f"`{page}` is not on the remote branch")
    found = reached(snapshot, page)
    used = set(map(snapshot.resolve, found.files))
    idle = [f"`{each}`" for each in files if snapshot.resolve(each) not in used]
    if not idle:
        return holds(modules=len(found.files))
    why = f"nothing that `{page}` leads to imports {', '.join(idle)}"
    if found.unknown:
        why += f"; what {few(found.unknown, SHOWN)} loads is known only as it runs"
    return fails(why)
