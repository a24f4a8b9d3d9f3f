"""What makes two runs the same plan: the code that ran, and the shape of the inventory's data."""

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from handrail.engine.needs import ENGINE_KEYS, ROLLBACK
from handrail.ledger.location import project_of

LIBRARY = Path(__file__).parents[1]
_LEVELLED = {ast.AnnAssign, ast.If, ast.Expr}
# Whether what stands in it is local to a function; elsewhere as around it.
_LOCAL: dict[type, bool] = {
    ast.FunctionDef: True,
    ast.AsyncFunctionDef: True,
    ast.ClassDef: False,
}
_OUTSIDE = {"site-packages", "dist-packages", ".venv", ".tox", "node_modules"}


@cache
def code_of(runbook: Path) -> dict[str, str]:
    """Return what a runbook is made of.

    Args:
        runbook: Its file, already read: what it imports is among Python's modules.

    Returns:
        By the path of each file, from the project's folder, a digest of what Python carries out of
        it: comments, white space and hints of local variables do not count; hints of a signature
        do, for steps read their arguments by them. Whole packages are taken, with the files in
        them that are not Python's, for a step may be imported or read late. The library counts as
        one, under ``handrail``, by the bytes of its files.
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
    """Yield every file of the packages and modules imported from a project's folder."""
    whole = [module for name, module in list(sys.modules.items()) if "." not in name]
    for file in (Path(getattr(module, "__file__", None) or "/") for module in whole):
        if file.suffix == ".py" and _is_of(file, project):
            yield from _package(file.parent) if file.name == "__init__.py" else [file]


def _package(folder: Path) -> Iterator[Path]:
    """Yield the files of a package, but what programs leave there for themselves."""
    for each in sorted(folder.rglob("*")):
        if each.is_file() and not any(map(_is_left, each.relative_to(folder).parts)):
            yield each


def _is_left(part: str) -> bool:
    """Tell by a part of its path what is none of the package's own."""
    return part.startswith((".", "__pycache__")) or part.endswith("~") or part in _OUTSIDE


def _is_of(file: Path, project: Path) -> bool:
    inside = file.is_relative_to(project) and not _OUTSIDE & {*file.relative_to(project).parts}
    return inside and not file.is_relative_to(LIBRARY)


def _meaning(file: Path) -> str:
    """Return a digest of what a file says to Python; of its bytes, where it is none of Python's."""
    content = file.read_bytes()
    if file.suffix == ".py":
        with suppress(SyntaxError, ValueError):
            said = _executed(ast.parse(content), local=False)
            content = repr(said).encode("utf-8", "backslashreplace")
    return hashlib.sha256(content).hexdigest()


def _executed(node: object, *, local: bool) -> object:
    """Return what is carried out of a piece of syntax, as plain data.

    Left out are the hints of local variables, which are never evaluated (PEP 526), what stands
    under `if TYPE_CHECKING:`, and the white space of docstrings; also what a later Python says by
    an empty list and an earlier one not at all.
    """
    if type(node) in _LEVELLED:
        node = _levelled(node, local=local)
    if type(node) is list:
        return [_executed(each, local=local) for each in node if not _is_idle(each, local=local)]
    if not isinstance(node, ast.AST):
        return node
    local = _LOCAL.get(type(node), local)
    said = [(name, _executed(each, local=local)) for name, each in _parts(node)]
    return type(node).__name__, said


def _parts(node: ast.AST) -> Iterator[tuple[str, object]]:
    """Yield what a piece of syntax is made of; a name's use, read or written, shows elsewhere."""
    for name in node._fields:
        each = getattr(node, name, None)
        if name != "ctx" and each not in (None, []):
            yield name, each


def _levelled(node: object, *, local: bool) -> object:
    """Return a piece of syntax without what is not carried out of it."""
    match node:
        case ast.AnnAssign(target=ast.Name()) if local:
            return ast.Assign([node.target], node.value or node.target)
        case ast.If() if _is_for_checkers(node):
            return ast.If(ast.Constant(value=False), [], node.orelse)
        case ast.Expr(value=ast.Constant(value=str() as said)):
            return " ".join(said.split())
    return node


def _is_idle(node: object, *, local: bool) -> bool:
    """Tell whether a statement does nothing at all."""
    match node:
        case ast.AnnAssign(value=None):
            return local
        case ast.If(orelse=[]):
            return _is_for_checkers(node)
    return False


def _is_for_checkers(node: ast.If) -> bool:
    return "TYPE_CHECKING" in (getattr(node.test, "id", ""), getattr(node.test, "attr", ""))


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
