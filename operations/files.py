"""Tasks 5, 13, 14.3 and 15: whole files of the app's repository, written from sources here."""

from pathlib import Path
from string import Template

from operations.checks import clone_is_ready, published, revert_commit, trailers
from operations.clients.errors import ClientError
from operations.clients.git import Repository
from operations.engine import Commands, Finding, call, step


def blobs(repository: Repository, files: dict[str, str]) -> dict[str, str | None]:
    """Return the git object ids of the files at the tip; None where one is absent."""
    return {path: repository.tree_id(repository.head(), path) for path in files}


def files_are_published(
    repository: Repository, files: dict[str, str], facts: dict[str, str]
) -> Finding:
    """The files on the remote branch read as their sources say."""
    return published(repository, {path: filled(source, facts) for path, source in files.items()})


@step(
    requires=[clone_is_ready],
    captures=blobs,
    ensures=files_are_published,
    rollback=revert_commit,
    idempotent=True,
)
def put(
    repository: Repository,
    files: dict[str, str],
    facts: dict[str, str],
    task: str,
    run: str,
) -> Commands:
    """Create or replace files of the app, whole, in one commit.

    Args:
        repository: Working clone of the app.
        files: Source file beside this runbook, by path in the repository.
        facts: Values for the `$names` in the sources.
        task: Plan task, for the commit.
        run: Run, for the commit.

    Raises:
        ClientError: a source is missing or names a fact that is not given, or git refused.
    """
    texts = {path: filled(source, facts) for path, source in files.items()}
    message = f"Write {', '.join(Path(path).name for path in files)}"
    yield call(repository.commit_files, texts, message, trailers(task, run))


def filled(source: str, facts: dict[str, str]) -> str:
    """Return a source file with its `$names` replaced.

    Raises:
        ClientError: no such source, or a name without a fact.
    """
    try:
        return Template(Path(source).read_text(encoding="utf-8")).substitute(facts)
    except (OSError, KeyError, ValueError) as error:
        raise ClientError(
            f"`{source}` was not filled in", str(error), "correct the file or the runbook's facts"
        ) from None
