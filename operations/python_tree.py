"""What a Python file may do to a name, told from its syntax tree: nothing of it is run."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import libcst as cst

from .python_nodes import dotted, within
from .python_values import REAL, Unknown, value_of

# Calls by which a module can write names that its text does not show.
REACHING = {"globals", "locals", "vars", "exec", "eval", "setattr", "delattr", "__import__"}

OF_MODULE = {"os": {"environ", "getenv"}}
TARGETED = cst.AssignTarget | cst.AnnAssign | cst.AugAssign | cst.NamedExpr | cst.For | cst.Del


def statements(module: cst.Module) -> list[cst.BaseStatement]:
    """Return the statements of a module's top level."""
    return [each for each in module.body if isinstance(each, cst.BaseStatement)]


def small(statement: cst.BaseStatement) -> list[cst.BaseSmallStatement]:
    """Return the small statements of a line; none for a compound one."""
    return list(statement.body) if isinstance(statement, cst.SimpleStatementLine) else []


def assigned(statement: cst.BaseStatement) -> tuple[str, cst.BaseExpression] | None:
    """Return name and value where a line assigns one name, and does nothing else."""
    parts = small(statement)
    target, value = _sides(parts[0]) if len(parts) == 1 else (None, None)
    return (target.value, value) if isinstance(target, cst.Name) and value else None


def _sides(part: cst.CSTNode) -> tuple[cst.BaseExpression | None, cst.BaseExpression | None]:
    """Return what is assigned to, and the value, where one thing is assigned to one."""
    if isinstance(part, cst.Assign) and len(part.targets) == 1:
        return part.targets[0].target, part.value
    if isinstance(part, cst.AnnAssign):
        return part.target, part.value
    return None, None


def binds(statement: cst.CSTNode, name: str) -> bool:
    """Tell whether a statement, or one inside of it, may give a name another value or none."""
    return name in _bound(statement) or reaches(statement)


def reaches(node: cst.CSTNode) -> bool:
    """Tell whether a statement may write names that it does not show."""
    return (
        any(dotted(each.func) in REACHING for each in within(node, cst.Call))
        or bool(within(node, cst.ImportStar))
        or any(
            each.attr.value == "__dict__" or dotted(each) == "sys.modules"
            for each in within(node, cst.Attribute)
        )
    )


def calls_something(node: cst.CSTNode) -> bool:
    """Tell whether a statement calls a function; to define one calls its decorators only."""
    if isinstance(node, cst.FunctionDef):
        return bool(node.decorators)
    return bool(within(node, cst.Call))


def declared_global(module: cst.Module) -> set[str]:
    """Return the names that functions of a module may write."""
    return {each.name.value for node in within(module, cst.Global) for each in node.names}


def loads(node: cst.CSTNode, name: str) -> bool:
    """Tell whether a name is mentioned, in whatever way."""
    return any(each.value == name for each in within(node, cst.Name))


def _bound(node: cst.CSTNode) -> set[str]:
    """Return the names of the module that a statement writes, deletes, imports or defines.

    What a function does to its own names is its own affair.
    """
    if isinstance(node, cst.FunctionDef | cst.ClassDef):
        return {node.name.value}
    if isinstance(node, cst.Lambda):
        return set()
    return _written(node).union(*map(_bound, node.children))


def _written(node: cst.CSTNode) -> set[str]:
    """Return the names that a node itself writes: of `a.b` and `a[b]` the `a` that changes."""
    if isinstance(node, cst.ImportAlias):
        return set() if node.asname else {dotted(node.name).partition(".")[0]}
    target = _target(node)
    return {each.value for each in within(target, cst.Name)} if target else set()


def _target(node: cst.CSTNode) -> cst.CSTNode | None:
    """Return what a node writes; an annotation without a value writes nothing."""
    if isinstance(node, cst.AsName | cst.MatchAs | cst.MatchStar):
        return node.name
    if isinstance(node, cst.AnnAssign) and node.value is None:
        return None
    return node.target if isinstance(node, TARGETED) else None


def known(module: cst.Module, environment: Mapping[str, str]) -> dict[str, object]:
    """Return the names whose values at the end of a module can be told.

    Args:
        module: The file.
        environment: What `os.environ` would hold; any other variable is not set.
    """
    values: dict[str, object] = {}
    anywhere, reaching = declared_global(module), _functions_reach(module)
    for each in statements(module):
        if reaches(each) or (reaching and calls_something(each)):
            values = {}
        gone = _changed_by(each, values, anywhere)
        values = {name: value for name, value in values.items() if name not in gone}
        values |= dict.fromkeys(_from_os(each), REAL) | _told_by(each, values, environment)
    return values


def _functions_reach(module: cst.Module) -> bool:
    """Tell whether a function of a module may write names that it does not show."""
    return any(isinstance(each, cst.FunctionDef) and reaches(each) for each in statements(module))


def _changed_by(
    statement: cst.BaseStatement, values: Mapping[str, object], anywhere: set[str]
) -> set[str]:
    """Return the names that a statement may change, itself or by what it calls."""
    called = anywhere if calls_something(statement) else set()
    return _bound(statement) | called | _mentioned_lists(statement, values)


def _mentioned_lists(statement: cst.BaseStatement, values: Mapping[str, object]) -> set[str]:
    """Return the lists that a statement mentions: wherever it does, one may change in place."""
    lists = [name for name, value in values.items() if isinstance(value, list)]
    return {name for name in lists if loads(statement, name)}


def _told_by(
    statement: cst.BaseStatement, values: Mapping[str, object], environment: Mapping[str, str]
) -> dict[str, object]:
    """Return the name that a statement assigns, with its value, where that can be told."""
    found = assigned(statement)
    with suppress(Unknown):
        return {found[0]: value_of(found[1], values, environment)} if found else {}
    return {}


def imports_os(statement: cst.BaseStatement) -> bool:
    """Tell whether a line makes `os` the module."""
    return "os" in _from_os(statement)


def _from_os(statement: cst.BaseStatement) -> set[str]:
    """Return which of `os`, `environ` and `getenv` a line imports under its own name."""
    return set().union(*map(_imported_of_os, small(statement)))


def _imported_of_os(part: cst.CSTNode) -> set[str]:
    if isinstance(part, cst.Import):
        return {"os"} if _plain_names(part.names) & {"os", "os.path"} else set()
    if not isinstance(part, cst.ImportFrom) or isinstance(part.names, cst.ImportStar):
        return set()
    module = dotted(part.module) if part.module else ""
    return _plain_names(part.names) & OF_MODULE.get(module, set())


def _plain_names(aliases: Sequence[cst.ImportAlias]) -> set[str]:
    """Return what is imported under its own name."""
    return {dotted(each.name) for each in aliases if each.asname is None}
