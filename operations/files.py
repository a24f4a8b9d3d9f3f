"""Tasks 5, 13, 14.3 and 15: whole files of the app's repository, written from sources here."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from string import Template
from typing import Annotated, Self

from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.clients.git_snapshot import Snapshot
from handrail.engine import FROM_RUN, FROM_TARGET, Commands, Finding, call, step
from handrail.engine.published import as_published, document, reads_like

from .commits import branch_is_there, published, revert_commit, trailers
from .dotenv import is_dotenv, variables_of, with_variables

DOCUMENTS = {"completion_document": "completion", "rollback_document": "rollback"}


class Sources(dict[str, str]):
    """Source files beside this runbook, by the path that each is written to."""

    @classmethod
    def from_inventory(cls, plain: object) -> Self:
        """Read a dictionary of paths.

        Raises:
            ClientError: it is none.
        """
        if isinstance(plain, Mapping):
            return cls({str(path): str(source) for path, source in plain.items()})
        raise ClientError("files were not read", "they are no dictionary", "correct the runbook")

    def texts(self) -> list[str]:
        """Return what the sources say now; an edited one is written again."""
        return [read(source) for source in self.values()]


def blobs(repository: Repository, files: Sources) -> dict[str, str | None]:
    """Return the git object ids of the files on the branch; None where one is absent."""
    snapshot = repository.at()
    found = {path: snapshot.find(path) for path in files}
    return {path: each.sha if each else None for path, each in found.items()}


class Told(dict[str, str]):
    """Facts for the `$names` of sources, and the documents of the run, made where one is named.

    Args:
        facts: The facts.
        run: The run.
        task: The task of the step that publishes them.
    """

    def __init__(self, facts: Mapping[str, str], run: str, task: str) -> None:
        super().__init__(facts)
        self._run, self._task = run, task

    def __missing__(self, name: str) -> str:
        """Return a document of the run, its times marked.

        Raises:
            KeyError: it is none.
        """
        if name not in DOCUMENTS:
            raise KeyError(name)
        return document(DOCUMENTS[name], self._run, self._task)


def files_are_published(
    repository: Repository, files: Sources, facts: dict[str, str], run: str, task: str
) -> Finding:
    """The files on the remote branch read as their sources say."""
    return published(repository, edited(repository.at(), files, Told(facts, run, task)))


def what_changes(
    repository: Repository, files: Sources, facts: dict[str, str], run: str, task: str
) -> str:
    """Return the lines that would change."""
    return repository.difference(partial(edited, files=files, facts=Told(facts, run, task)))


@step(
    requires=[branch_is_there],
    captures=blobs,
    ensures=files_are_published,
    rollback=revert_commit,
    rollback_name="Take back the commit of these files",
    idempotent=True,
    preview=what_changes,
)
def put(
    *,
    repository: Repository = FROM_TARGET,
    files: Annotated[Mapping[str, str], Sources],
    facts: dict[str, str] = FROM_TARGET,
    task: str = FROM_RUN,
    run: str = FROM_RUN,
) -> Commands:
    """Create or replace files of the app, whole, in one commit.

    A `.env` file that is there is edited by key: only the variables of its source change.
    `$completion_document` and `$rollback_document` stand for what contracts, inventory and ledger
    say when the step is about to act; of these, how long things take may have changed since.

    Args:
        repository: The app's repository.
        files: Source file beside this runbook, by path in the repository.
        facts: Values for the `$names` in the sources.
        task: Plan task, for the commit.
        run: Run, for the commit.

    Raises:
        ClientError: a source is missing or names a fact that is not given, or git refused.
    """
    message = f"Write {', '.join(Path(path).name for path in files)}"
    edit = partial(edited, files=files, facts=Told(facts, run, task))
    yield call(repository.commit_files, edit, message, trailers(task, run))


def edited(snapshot: Snapshot, files: Mapping[str, str], facts: Told) -> dict[str, str]:
    """Return the files as they would be written."""
    return {path: written(snapshot, path, filled(each, facts)) for path, each in files.items()}


def written(snapshot: Snapshot, path: str, text: str) -> str:
    """Return a file as it would be written: as it is, where only times were measured anew."""
    if is_dotenv(path):
        there = snapshot.read(path)
        return text if there is None else with_variables(there, variables_of(text))
    plain = as_published(text)
    if plain == text:
        return text
    there = snapshot.read(path)
    return there if there is not None and reads_like(there, text) else plain


def filled(source: str, facts: Mapping[str, str]) -> str:
    """Return a source file with its `$names` replaced.

    Raises:
        ClientError: no such source, or a name without a fact.
    """
    try:
        return Template(read(source)).substitute(facts)
    except KeyError as error:
        raise ClientError(
            f"`{source}` was not filled in",
            f"it names `${error.args[0]}`, and no such fact is given",
            "add it to `facts` in the inventory, or take it out of the file",
        ) from None
    except ValueError as error:
        raise ClientError(
            f"`{source}` was not filled in", str(error), "write a dollar sign as `$$`"
        ) from None


def read(source: str) -> str:
    """Return the text of a source file.

    Raises:
        ClientError: it is not there, or not UTF-8.
    """
    try:
        return Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        fix = "correct the path in the runbook; it starts where pyinfra is run"
        raise ClientError(f"`{source}` was not read", str(why), fix) from None
