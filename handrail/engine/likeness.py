"""What makes two runs the same plan: the code that ran, and the shape of the inventory's data."""

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from handrail.engine.needs import ENGINE_KEYS, ROLLBACK
from handrail.ledger.location import project_of

LIBRARY = Path(__file__).parents[1]
_OUTSIDE = {"site-packages", "dist-packages", ".venv", ".tox", "node_modules"}


@cache
def code_of(runbook: Path) -> dict[str, str]:
    """Return what a runbook is made of.

    Args:
        runbook: Its file, already read: what it imports is among Python's modules.

    Returns:
        By the path of each file, from the project's folder, a digest of its syntax tree: comments
        and white space do not count. Whole packages are taken, for a step may be imported late.
        The library counts as one, under ``handrail``, by the bytes of its files.
    """
    project = project_of(runbook.resolve().parent)
    files = {runbook.resolve(), *_imported(project)}
    found = {str(each.relative_to(project)): _meaning(each) for each in sorted(files)}
    return found | {"handrail": _bytes(LIBRARY)}


def digests_of(data: Mapping[str, Any]) -> dict[str, str]:  # Any: what an inventory holds
    """Return a digest of each datum of a target; a secret is a reference there."""
    return {
        key: hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
        for key, value in data.items()
        if key not in ROLLBACK  # what a command says is no part of the inventory
    }


def _imported(project: Path) -> Iterator[Path]:
    """Yield every Python file of the packages and modules imported from a project's folder."""
    for name, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or "/")
        if "." in name or file.suffix != ".py" or not _is_of(file, project):
            continue
        yield from sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]


def _is_of(file: Path, project: Path) -> bool:
    inside = file.is_relative_to(project) and not _OUTSIDE & {*file.relative_to(project).parts}
    return inside and not file.is_relative_to(LIBRARY)


def _meaning(file: Path) -> str:
    """Return a digest of what a file says to Python; of its bytes, where Python cannot read it."""
    content = file.read_bytes()
    try:
        content = ast.dump(ast.parse(content)).encode("utf-8", "surrogatepass")
    except (SyntaxError, ValueError):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(content).hexdigest()


def _bytes(folder: Path) -> str:
    """Return one digest of every Python file below a folder, names included."""
    whole = hashlib.sha256()
    for each in sorted(folder.rglob("*.py")):
        content = hashlib.sha256(each.read_bytes()).hexdigest()
        whole.update(f"{each.relative_to(folder)} {content}\n".encode())
    return whole.hexdigest()


def shape_of(targets: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:  # Any: nested
    """Return the shape of an inventory's data, and none of its values.

    Args:
        targets: Of each target, its name and all its data.

    Returns:
        By target and key: ``text``, ``number``, ``flag`` or ``nothing``; of a mapping the same by
        its keys; of a list the shapes that stand in it. What the engine reads for itself, such as
        the environment's name, is left out.
    """
    return {
        name: {key: _shape(value) for key, value in sorted(data.items()) if key not in ENGINE_KEYS}
        for name, data in targets
    }


def _shape(value: object) -> Any:  # Any: nested
    match value:
        case None:
            return "nothing"
        case bool():
            return "flag"
        case int() | float():
            return "number"
        case Mapping():
            return {str(key): _shape(each) for key, each in sorted(value.items(), key=str)}
        case list() | tuple() | set():
            return sorted({repr(_shape(each)) for each in value})
        case _:
            return "text"


def moved(was: Mapping[str, Any], now: Mapping[str, Any], inside: str = "") -> Iterator[str]:
    """Yield the path of each entry that two nested mappings do not share: ``production.alerts``."""
    for key in sorted({*was, *now}):
        before, after = was.get(key), now.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from moved(before, after, f"{inside}{key}.")
        elif before != after:
            yield f"{inside}{key}"
