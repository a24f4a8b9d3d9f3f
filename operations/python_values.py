"""The value of a Python expression, told from its syntax tree: nothing of it is run."""

from collections.abc import Callable, Mapping
from typing import Any

import libcst as cst

from .python_nodes import dotted

READING = ("os.environ.get", "environ.get", "os.getenv", "getenv")
REAL = object()  # stands for `os`, `environ` or `getenv` where it is the library's
Names = Mapping[str, object]  # values that are known, by name
Variables = Mapping[str, str]  # what `os.environ` would hold


class Unknown(Exception):
    """A value cannot be told without running the file."""


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
    match operator, left, right:
        case cst.Add(), str(first), str(second):
            return first + second
        case cst.Add(), int(one), int(other):
            return one + other
        case cst.Multiply(), int(one), int(other):
            return one * other
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
    given = _given(node, names, environment)
    called = dotted(node.func)
    if called in READING and _is_real(called, names) and given:
        return environment.get(str(given[0]), (*given, None)[1])
    if called in CONVERTING and len(given) == 1:
        return CONVERTING[called](str(given[0]))
    raise Unknown


def _given(node: cst.Call, names: Names, environment: Variables) -> list[object]:
    """Return the arguments of a call that has none by keyword, and no star."""
    if any(each.keyword or each.star for each in node.args):
        raise Unknown
    return [value_of(each.value, names, environment) for each in node.args]


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
