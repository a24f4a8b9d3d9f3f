"""Tasks 1.1 and 1.2: both servers listen on 0.0.0.0:$PORT."""

from collections.abc import Mapping
from functools import partial

from handrail.clients import gunicorn as server
from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.clients.git_snapshot import Snapshot
from handrail.engine import (
    FROM_RUN,
    FROM_TARGET,
    Commands,
    Finding,
    call,
    check,
    fails,
    holds,
    holds_if,
    step,
)
from handrail.naming import ticked

from .commits import blob, branch_is_there, revert_commit, trailers
from .gunicorn_file import told, with_settings
from .start_script import daphne_options, listening, started, with_options

PORT = "31337"  # any port that nothing else would name by chance
# Variables that gunicorn may find, and what it is to bind then.
ENVIRONMENTS = (({"PORT": PORT}, f"0.0.0.0:{PORT}"), (dict[str, str](), "0.0.0.0:8000"))


def gunicorn_binds_port(
    repository: Repository, path: str, workers: int, timeout_seconds: int
) -> Finding:
    """The file binds 0.0.0.0:$PORT, preloads, and has the workers and timeout."""
    text = repository.at().read(path)
    if text is None:
        return fails(f"`{path}` is not on the remote branch")
    for port, bind in ENVIRONMENTS:
        found = told(text, port)
        for name, value in unlike(found, expected(bind, workers, timeout_seconds)):
            if name not in found:
                return fails(f"`{path}` does not say for certain what `{name}` is")
            at = f"with PORT={PORT}" if port else "without PORT"
            return fails(f"{at}, gunicorn has {name} = {found[name]!r}, not {value!r}")
    return holds()


@check(fix="correct the file, commit, push, then the same command again")
def file_can_be_edited(
    repository: Repository, path: str, workers: int, timeout_seconds: int
) -> Finding:
    """The file can be edited so that it binds the port for certain."""
    configured(repository.at(), path, workers, timeout_seconds)
    return holds()


def what_changes_for_gunicorn(
    repository: Repository, path: str, workers: int, timeout_seconds: int
) -> str:
    """Return the lines of the configuration file that would change."""
    return repository.difference(
        partial(configured, path=path, workers=workers, timeout_seconds=timeout_seconds)
    )


@step(
    requires=[branch_is_there, file_can_be_edited],
    captures=blob,
    ensures=gunicorn_binds_port,
    rollback=revert_commit,
    rollback_name="Take back the commit of gunicorn's configuration",
    idempotent=True,
    preview=what_changes_for_gunicorn,
)
def gunicorn(
    *,
    repository: Repository = FROM_TARGET,
    path: str = FROM_TARGET["gunicorn.path"],
    workers: int = FROM_TARGET["gunicorn.workers"],
    timeout_seconds: int = FROM_TARGET["gunicorn.timeout_seconds"],
    task: str = FROM_RUN,
    run: str = FROM_RUN,
) -> Commands:
    """Set bind, workers, timeout and preload in gunicorn's configuration file.

    Other settings of the file stay. The file is judged by its text; before it is pushed, gunicorn
    itself is asked in a sandbox. Render's own `GUNICORN_CMD_ARGS` ranks above the file, so the
    start command in render.yaml names the bind address once more.

    Args:
        repository: The app's repository.
        path: The file, from the root of the repository.
        workers: Worker processes.
        timeout_seconds: Silence after which a worker is replaced.
        task: Plan task, for the commit.
        run: Run, for the commit.

    Raises:
        ClientError: gunicorn or git refused.

    Source: https://docs.gunicorn.org/en/stable/configure.html
    """
    yield call(refuse_dying, repository, path, workers, timeout_seconds)
    edit = partial(configured, path=path, workers=workers, timeout_seconds=timeout_seconds)
    message = "Bind gunicorn to 0.0.0.0:$PORT"
    yield call(repository.commit_files, edit, message, trailers(task, run))


def expected(bind: str, workers: int, timeout_seconds: int) -> dict[str, object]:
    """Return what the file must leave behind."""
    return {"bind": bind, "workers": workers, "timeout": timeout_seconds, "preload_app": True}


def unlike(found: Mapping[str, object], wanted: Mapping[str, object]) -> list[tuple[str, object]]:
    """Return the settings that are not as they must be, and how they must be."""
    return [
        (name, value) for name, value in wanted.items() if not fits(name, found.get(name), value)
    ]


def fits(name: str, found: object, value: object) -> bool:
    """Tell whether a setting is as it must be; gunicorn takes one address or a list of them."""
    same = type(found) is type(value) and found == value
    return same or (name == "bind" and found == [value])


def configured(snapshot: Snapshot, path: str, workers: int, timeout_seconds: int) -> dict[str, str]:
    """Return the configuration file as it would be written.

    Raises:
        ClientError: it is not Python, or what it would do cannot be told.
    """
    text = with_settings(
        snapshot.read(path) or "",
        {
            "bind": "f\"0.0.0.0:{os.environ.get('PORT', '8000')}\"",
            "workers": str(workers),
            "timeout": str(timeout_seconds),
            "preload_app": "True",
        },
    )
    for port, bind in ENVIRONMENTS:
        unsure = dict(unlike(told(text, port), expected(bind, workers, timeout_seconds)))
        if unsure:
            raise ClientError(
                f"`{path}` was not changed",
                f"what `{next(iter(unsure))}` would be cannot be told from its text",
                f"assign {ticked(unsure)} at the end of the file, "
                "commit, push, then the same command again",
            )
    return {path: text}


def refuse_dying(repository: Repository, path: str, workers: int, timeout_seconds: int) -> None:
    """Raise where gunicorn reads the file as it is, and would not as it would be written.

    A file that needs what only the service has cannot be tried here either way.

    Raises:
        ClientError: with what gunicorn said.
    """
    snapshot = repository.at()
    old = snapshot.read(path) or ""
    new = configured(snapshot, path, workers, timeout_seconds)[path]
    for port, bind in ENVIRONMENTS:
        try:
            server.settings(old, port.get("PORT"))
        except ClientError:
            continue
        found = server.settings(new, port.get("PORT"))
        refuse_other(path, found, expected(bind, workers, timeout_seconds) | {"bind": [bind]})


def refuse_other(path: str, found: dict[str, object], wanted: dict[str, object]) -> None:
    """Raise where gunicorn makes something else of a file than is wanted."""
    wrong = [name for name, value in wanted.items() if found.get(name) != value]
    if wrong:
        raise ClientError(
            f"`{path}` was not changed",
            f"gunicorn would have {wrong[0]} = {found.get(wrong[0])}",
            f"assign `{wrong[0]}` at the end of the file, commit, push, then the same command",
        )


def daphne_binds_port(repository: Repository, path: str, websocket_timeout_seconds: int) -> Finding:
    """With PORT set, the start script gives daphne that port on all interfaces."""
    text = repository.at().read(path)
    if text is None:
        return fails(f"`{path}` is not on the remote branch")
    return judged(text, path, websocket_timeout_seconds)


def judged(text: str, path: str, websocket_timeout_seconds: int) -> Finding:
    """Tell whether a script starts daphne as it must, by its text alone."""
    found = started(text, "daphne", {"PORT": PORT})
    if found is None or found.values is None:
        return fails(f"`{path}` does not say for certain how daphne is started")
    options = daphne_options(found.values)
    said = options and (listening(options), options.websocket_timeout)
    wanted = ([f"0.0.0.0:{PORT}"], websocket_timeout_seconds)
    return holds_if(said == wanted, f"daphne is started with `{' '.join(found.values)}`")


@check(fix="name another path in the runbook, or correct the script, commit, push, then the same")
def script_can_be_edited(
    repository: Repository, path: str, websocket_timeout_seconds: int
) -> Finding:
    """The script can be edited so that it starts daphne on the port for certain."""
    starting(repository.at(), path, websocket_timeout_seconds)
    return holds()


def what_changes_for_daphne(
    repository: Repository, path: str, websocket_timeout_seconds: int
) -> str:
    """Return the lines of the script that would change."""
    return repository.difference(
        partial(starting, path=path, websocket_timeout_seconds=websocket_timeout_seconds)
    )


@step(
    requires=[branch_is_there, script_can_be_edited],
    captures=blob,
    ensures=daphne_binds_port,
    rollback=revert_commit,
    rollback_name="Take back the commit of daphne's start script",
    idempotent=True,
    preview=what_changes_for_daphne,
)
def daphne(
    *,
    repository: Repository = FROM_TARGET,
    path: str = FROM_TARGET["daphne.path"],
    websocket_timeout_seconds: int = FROM_TARGET["daphne.websocket_timeout_seconds"],
    task: str = FROM_RUN,
    run: str = FROM_RUN,
) -> Commands:
    """Write the script that starts daphne on 0.0.0.0:$PORT.

    Daphne reads no configuration file; what counts is its command line. In a script that is there,
    only the options of that line change.

    Args:
        repository: The app's repository.
        path: The script, from the root of the repository.
        websocket_timeout_seconds: Longest life of a WebSocket; -1 sets no end.
        task: Plan task, for the commit.
        run: Run, for the commit.

    Raises:
        ClientError: git refused.

    Source: https://github.com/django/daphne#readme
    """
    edit = partial(starting, path=path, websocket_timeout_seconds=websocket_timeout_seconds)
    message = "Start daphne on 0.0.0.0:$PORT"
    yield call(repository.commit_files, edit, message, trailers(task, run))


def starting(snapshot: Snapshot, path: str, websocket_timeout_seconds: int) -> dict[str, str]:
    """Return the script as it would be written.

    Raises:
        ClientError: the one that is there starts no daphne that could be told from its text.
    """
    ours = f'-b 0.0.0.0 -p "${{PORT:-8001}}" --websocket_timeout {websocket_timeout_seconds}'
    text = snapshot.read(path)
    if text is None:
        return {
            path: "#!/bin/sh\n"
            "# Daphne reads no configuration file: what counts stands on its command line.\n"
            f"exec daphne {ours} --proxy-headers config.asgi:application\n"
        }
    found = started(text, "daphne", {"PORT": PORT})
    made = with_options(text, found, ours) if found else ""
    if not judged(made, path, websocket_timeout_seconds).passed:
        why = "it is there, and how it starts daphne cannot be told from its text"
        fix = "name another path in the runbook, or let it hold one plain line that starts daphne"
        raise ClientError(f"`{path}` was not changed", why, fix)
    return {path: made}
