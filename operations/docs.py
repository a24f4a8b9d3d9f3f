"""Tasks 14.3 and 15: the app's documents say what is so."""

from handrail.clients.git import Repository
from handrail.engine import Finding, fails, gate, holds

from .commits import tip


@gate(fix="correct the documents it names, commit, push, then the same command again")
def name_no_legacy(repository: Repository, paths: list[str], words: list[str]) -> Finding:
    """No document speaks of the legacy backend as if it were there."""
    published_at = tip(repository)
    for path in paths:
        text = repository.read(path, commit=published_at)
        if text is None:
            return fails(f"`{path}` is not on the remote branch")
        for number, line in enumerate(text.splitlines(), start=1):
            for word in words:
                if word in line:
                    return fails(f"`{path}` line {number} speaks of `{word}`")
    return holds()
