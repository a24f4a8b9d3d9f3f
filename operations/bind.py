"""Tasks 1.1 and 1.2: both servers listen on 0.0.0.0:$PORT."""

import ast
import re
import subprocess
import tempfile
from itertools import pairwise, takewhile
from pathlib import Path

from handrail.clients import gunicorn as server
from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.engine import Commands, Finding, call, fails, holds, step

from .commits import blob, clone_is_ready, revert_commit, tip, trailers

PORT = "31337"  # any port that nothing else would name by chance
SCRIPT_TIMEOUT_SECONDS = 10
LINE_END = re.compile(r"\r\n|\r|\n")  # as Python counts lines; `splitlines` knows more ends


def gunicorn_binds_port(
    repository: Repository, path: str, workers: int, timeout_seconds: int
) -> Finding:
    """Gunicorn says that it binds 0.0.0.0:$PORT, preloads, and has the workers and timeout."""
    text = repository.read(path, commit=tip(repository))
    if text is None:
        return fails(f"`{path}` is not on the remote branch")
    for port, bind in ((PORT, f"0.0.0.0:{PORT}"), (None, "0.0.0.0:8000")):
        wanted = {
            "bind": [bind],
            "workers": workers,
            "timeout": timeout_seconds,
            "preload_app": True,
        }
        found = server.settings(text, port)
        for name, value in wanted.items():
            if found.get(name) != value:
                at = f"with PORT={port}" if port else "without PORT"
                return fails(f"{at}, gunicorn has {name} = {found.get(name)}, not {value}")
    return holds()


@step(
    requires=[clone_is_ready],
    captures=blob,
    ensures=gunicorn_binds_port,
    rollback=revert_commit,
    idempotent=True,
)
def gunicorn(
    repository: Repository, path: str, workers: int, timeout_seconds: int, task: str, run: str
) -> Commands:
    """Set bind, workers, timeout and preload in gunicorn's configuration file.

    Other settings of the file stay. Render's own `GUNICORN_CMD_ARGS` ranks above the file, so the
    start command in render.yaml names the bind address once more.

    Args:
        repository: Working clone of the app.
        path: The file, from the root of the repository.
        workers: Worker processes.
        timeout_seconds: Silence after which a worker is replaced.
        task: Plan task, for the commit.
        run: Run, for the commit.

    Raises:
        ClientError: gunicorn or git refused.

    Source: https://docs.gunicorn.org/en/stable/configure.html
    """
    text = with_assignments(
        repository.read(path) or "",
        {
            "bind": "f\"0.0.0.0:{os.environ.get('PORT', '8000')}\"",
            "workers": str(workers),
            "timeout": str(timeout_seconds),
            "preload_app": "True",
        },
    )
    message = "Bind gunicorn to 0.0.0.0:$PORT"
    yield call(repository.commit_files, {path: text}, message, trailers(task, run))


def with_assignments(text: str, values: dict[str, str]) -> str:
    """Return Python source in which top-level names are assigned these expressions.

    An assignment is replaced where it stands, so that what follows may use it; a name that is not
    assigned, or that something else may change afterwards, is assigned at the end.

    Raises:
        ClientError: it is not Python.
    """
    try:
        nodes = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        what = "a Python file was not changed"
        fix = "correct it, commit, push, then the same command again"
        raise ClientError(what, f"it is not Python: {error}", fix) from None
    lines = LINE_END.split(text)
    settled: dict[str, bool] = {}
    for node in reversed(nodes):
        name = assigned_name(node)
        replaced = name in values and stands_alone(node, nodes)
        for each in values:
            if binds(node, each):
                settled.setdefault(each, replaced)  # the last one counts
        if replaced:
            lines[node.lineno - 1 : node.end_lineno] = [f"{name} = {values[name]}"]
    before = list(takewhile(lambda node: not any(binds(node, each) for each in values), nodes))
    if not any(binds(node, "os") for node in before):
        leading = list(takewhile(comes_first, nodes))
        place = leading[-1].end_lineno or 0 if leading else 0
        lines[place:place] = ["import os"]
    while lines and not lines[-1].strip():
        lines.pop()
    lines += [f"{name} = {value}" for name, value in values.items() if not settled.get(name)]
    return "\n".join(lines) + "\n"


def assigned_name(node: ast.stmt) -> str:
    """Return the one name that a statement assigns, and nothing else; empty for any other."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    elif isinstance(node, ast.AnnAssign):
        target = node.target
    else:
        return ""
    return target.id if isinstance(target, ast.Name) else ""


def stands_alone(node: ast.stmt, nodes: list[ast.stmt]) -> bool:
    """Tell whether no other statement shares a line with this one."""
    end = node.end_lineno or node.lineno
    return not any(
        each is not node and each.lineno <= end and (each.end_lineno or 0) >= node.lineno
        for each in nodes
    )


def binds(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement, or one inside of it, may give a name another value."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.alias) and (node.asname or node.name) in (name, "*"):
            return True
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return True
    return False


def comes_first(node: ast.stmt) -> bool:
    """Tell a docstring and imports from the future, which nothing may precede."""
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or (isinstance(node, ast.ImportFrom) and node.module == "__future__")


def daphne_binds_port(repository: Repository, path: str, websocket_timeout_seconds: int) -> Finding:
    """Run with PORT set, the start script gives daphne that port on all interfaces."""
    text = repository.read(path, commit=tip(repository))
    if text is None:
        return fails(f"`{path}` is not on the remote branch")
    given = arguments_of(text, "daphne")
    wanted = [("-b", "0.0.0.0"), ("-p", PORT)]  # noqa: S104  all interfaces
    wanted.append(("--websocket_timeout", str(websocket_timeout_seconds)))
    if not set(wanted) <= set(pairwise(given)):
        return fails(f"daphne is started with `{' '.join(given)}`")
    return holds()


@step(
    requires=[clone_is_ready],
    captures=blob,
    ensures=daphne_binds_port,
    rollback=revert_commit,
    idempotent=True,
)
def daphne(
    repository: Repository, path: str, websocket_timeout_seconds: int, task: str, run: str
) -> Commands:
    """Write the script that starts daphne on 0.0.0.0:$PORT.

    Daphne reads no configuration file; what counts is its command line.

    Args:
        repository: Working clone of the app.
        path: The script, from the root of the repository.
        websocket_timeout_seconds: Longest life of a WebSocket; -1 sets no end.
        task: Plan task, for the commit.
        run: Run, for the commit.

    Raises:
        ClientError: git refused.

    Source: https://github.com/django/daphne#readme
    """
    script = (
        "#!/bin/sh\n"
        "# Daphne reads no configuration file: what counts stands on its command line.\n"
        'exec daphne -b 0.0.0.0 -p "${PORT:-8001}" '
        f"--websocket_timeout {websocket_timeout_seconds} --proxy-headers config.asgi:application\n"
    )
    message = "Start daphne on 0.0.0.0:$PORT"
    yield call(repository.commit_files, {path: script}, message, trailers(task, run))


def arguments_of(script: str, program: str) -> list[str]:
    """Run a shell script with a program replaced by one that prints its arguments."""
    with tempfile.TemporaryDirectory() as directory:
        stand_in = Path(directory, program)
        stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
        stand_in.chmod(0o700)
        try:
            answer = subprocess.run(
                ["/bin/sh", "-c", script],
                env={"PATH": f"{directory}:/usr/bin:/bin", "PORT": PORT},
                cwd=directory,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SCRIPT_TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return [f"nothing within {SCRIPT_TIMEOUT_SECONDS} s"]
    return answer.stdout.splitlines()
