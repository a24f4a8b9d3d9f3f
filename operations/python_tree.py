"""What a Python file may do to a name, told from its syntax tree: nothing of it is run."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import libcst as cst

from .python_nodes import dotted, within

# Calls by which a module can write names that its text does not show.
REACHING = {"globals", "locals", "vars", "exec", "eval", "setattr", "delattr", "__import__"}

READING = ("os.environ.get", "environ.get", "os.getenv", "getenv")
TARGETED = cst.AssignTarget | cst.AnnAssign | cst.AugAssign | cst.NamedExpr | cst.For | cst.Del
REAL = object()  # stands for `os`, `environ` or `getenv` where it is the library's


Names = Mapping[str, object]  # values that are known, by name
Variables = Mapping[str, str]  # what `os.environ` would hold


class Unknown(Exception):
    """A value cannot be told without running the file."""


def statements(module: cst.Module) -> list[cst.BaseStatement]:
    """Return the statements of a module's top level."""
    return [each for each in module.body if isinstance(each, cst.BaseStatement)]


def small(statement: cst.BaseStatement) -> list[cst.BaseSmallStatement]:
    """Return the small statements of a line; none for a compound one."""
    return list(statement.body) if isinstance(statement, cst.SimpleStatementLine) else []


def assigned(statement: cst.BaseStatement) -> tuple[str, cst.BaseExpression] | None:
    """Return name and value where a line assigns one name, and does nothing else."""
    parts = small(statement)
    if len(parts) != 1:
        return None
    part = parts[0]
    if isinstance(part, cst.Assign) and len(part.targets) == 1:
        target, value = part.targets[0].target, part.value
    elif isinstance(part, cst.AnnAssign) and part.value is not None:
        target, value = part.target, part.value
    else:
        return None
    return (target.value, value) if isinstance(target, cst.Name) else None


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
    if isinstance(node, cst.AnnAssign) and node.value is None:
        return set()
    target: cst.BaseExpression | None = None
    if isinstance(node, cst.AsName | cst.MatchAs | cst.MatchStar):
        target = node.name
    elif isinstance(node, TARGETED):
        target = node.target
    return {each.value for each in within(target, cst.Name)} if target else set()


def known(module: cst.Module, environment: Mapping[str, str]) -> dict[str, object]:
    """Return the names whose values at the end of a module can be told.

    Args:
        module: The file.
        environment: What `os.environ` would hold; any other variable is not set.
    """
    values: dict[str, object] = {}
    functions = [each for each in statements(module) if isinstance(each, cst.FunctionDef)]
    anywhere, reaching = declared_global(module), any(map(reaches, functions))
    for each in statements(module):
        called = calls_something(each)
        gone = _bound(each) | (anywhere if called else set()) | _mentioned_lists(each, values)
        if reaches(each) or (reaching and called):
            gone |= values.keys()
        values = {name: value for name, value in values.items() if name not in gone}
        values |= dict.fromkeys(_from_os(each), REAL) | _told_by(each, values, environment)
    return values


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
    is_os = part.module is not None and dotted(part.module) == "os"
    return _plain_names(part.names) & {"environ", "getenv"} if is_os else set()


def _plain_names(aliases: Sequence[cst.ImportAlias]) -> set[str]:
    """Return what is imported under its own name."""
    return {dotted(each.name) for each in aliases if each.asname is None}


def value_of(node: cst.CSTNode, names: Names, environment: Variables) -> object:
    """Return the value of an expression made of constants, known names and the environment.

    Raises:
        Unknown: it is made of something else, or would fail.
    """
    for kind, read in READERS.items():
        if isinstance(node, kind):
            return read(node, names, environment)
    raise Unknown


def _text(node: cst.FormattedString, names: Names, environment: Variables) -> str:
    return "".join(_part(each, names, environment) for each in node.parts)


def _list(node: cst.List | cst.Tuple, names: Names, environment: Variables) -> list[object]:
    return [value_of(each.value, names, environment) for each in node.elements]


def _sum(node: cst.BinaryOperation, names: Names, environment: Variables) -> object:
    left = value_of(node.left, names, environment)
    return _combined(node.operator, left, value_of(node.right, names, environment))


def _either(node: cst.BooleanOperation, names: Names, environment: Variables) -> object:
    left = value_of(node.left, names, environment)
    decided = bool(left) is isinstance(node.operator, cst.Or)
    return left if decided else value_of(node.right, names, environment)


def _constant(node: cst.CSTNode) -> object:
    if isinstance(node, cst.ConcatenatedString):
        both = [_constant(node.left), _constant(node.right)]
        if all(isinstance(each, str) for each in both):
            return "".join(map(str, both))
        raise Unknown
    if isinstance(node, cst.SimpleString | cst.Integer | cst.Float):
        return node.evaluated_value
    raise Unknown


def _named(name: str, names: Names) -> object:
    constants: dict[str, object] = {"True": True, "False": False, "None": None}
    if name in names:
        return names[name]
    if name in constants:
        return constants[name]
    raise Unknown


def _part(
    part: cst.BaseFormattedStringContent,
    names: Names,
    environment: Variables,
) -> str:
    if isinstance(part, cst.FormattedStringText) and "\\" not in part.value:
        return part.value.replace("{{", "{").replace("}}", "}")
    if isinstance(part, cst.FormattedStringExpression) and not (
        part.format_spec or part.conversion
    ):
        return str(value_of(part.expression, names, environment))
    raise Unknown


def _combined(operator: cst.BaseBinaryOp, left: object, right: object) -> object:
    if isinstance(operator, cst.Add) and isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, int) and isinstance(right, int):
        if isinstance(operator, cst.Add):
            return left + right
        if isinstance(operator, cst.Multiply):
            return left * right
    raise Unknown


def _subscripted(node: cst.Subscript, names: Names, environment: Variables) -> object:
    place = dotted(node.value)
    if place not in ("os.environ", "environ") or not _is_real(place, names) or len(node.slice) != 1:
        raise Unknown
    index = node.slice[0].slice
    key = value_of(index.value, names, environment) if isinstance(index, cst.Index) else None
    if key not in environment:
        raise Unknown
    return environment[str(key)]


def _called(node: cst.Call, names: Names, environment: Variables) -> object:
    if any(each.keyword or each.star for each in node.args):
        raise Unknown
    given = [value_of(each.value, names, environment) for each in node.args]
    called = dotted(node.func)
    if called in READING and _is_real(called, names) and given:
        return environment.get(str(given[0]), given[1] if len(given) > 1 else None)
    if called in CONVERTING and len(given) == 1:
        return CONVERTING[called](str(given[0]))
    raise Unknown


def _number(text: str) -> int:
    """Return what `int(…)` makes of digits."""
    if not text.isdecimal():
        raise Unknown
    return int(text)


CONVERTING: Mapping[str, Callable[[str], object]] = {"str": str, "int": _number}
# How the value of an expression is told, by its kind. Any: each takes a node of its own kind.
READERS: Mapping[type[cst.CSTNode], Callable[[Any, Names, Variables], object]] = {
    cst.SimpleString: lambda node, *_: _constant(node),
    cst.ConcatenatedString: lambda node, *_: _constant(node),
    cst.Integer: lambda node, *_: _constant(node),
    cst.Float: lambda node, *_: _constant(node),
    cst.Name: lambda node, names, _: _named(node.value, names),
    cst.FormattedString: _text,
    cst.List: _list,
    cst.Tuple: _list,
    cst.BinaryOperation: _sum,
    cst.BooleanOperation: _either,
    cst.Subscript: _subscripted,
    cst.Call: _called,
}


def _is_real(called: str, names: Names) -> bool:
    """Tell whether a dotted name begins with what was imported from `os`, and nothing else."""
    return names.get(called.partition(".")[0]) is REAL
