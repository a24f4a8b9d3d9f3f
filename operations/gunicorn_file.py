"""A gunicorn configuration file, edited and judged by its syntax tree; nothing of it is run."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import filterfalse

import libcst as cst

from handrail.clients.errors import ClientError

from .python_tree import (
    assigned,
    binds,
    calls_something,
    declared_global,
    imports_os,
    known,
    loads,
    reaches,
    small,
    statements,
)

BOM = "\ufeff"
IMPORT = "import os"


def told(text: str, environment: Mapping[str, str]) -> dict[str, object]:
    """Return the names that the file leaves behind, those whose values can be told.

    Raises:
        ClientError: it is not Python.
    """
    return known(parsed(text), environment)


def with_settings(text: str, values: Mapping[str, str]) -> str:
    """Return the file in which top-level names are assigned these expressions.

    An assignment is changed where it stands, so that what follows may use it; a name that is not
    assigned, or that something else may change afterwards, is assigned at the end, after all else
    has had its say. `os` is imported where the expressions need it.

    Raises:
        ClientError: it is not Python.
    """
    module = parsed(text)
    if is_so(module, values):
        return text
    body, missing = _changed_where_they_stand(module, values)
    needing = [name for name in values if _needs_os(values[name])]
    again = not missing.keys().isdisjoint(needing) and not os_is_sure(module)
    body += _lines([IMPORT] if again else [], module)
    body += _lines(_assignments(missing), module)
    if not (again or imported_before(module, needing, missing)):
        place = _place_of_imports(body)
        body[place:place] = _lines([IMPORT], module)
    made = module.with_changes(body=body, has_trailing_newline=True)
    return (BOM if text.startswith(BOM) else "") + made.code


def _needs_os(expression: str) -> bool:
    return loads(cst.parse_expression(expression), "os")


def _assignments(values: Mapping[str, str]) -> list[str]:
    return [f"{name} = {value}" for name, value in values.items()]


def _place_of_imports(body: Sequence[cst.BaseStatement]) -> int:
    """Return before which statement an import may stand: behind what has to come first."""
    return next((n for n, each in enumerate(body) if not comes_first(each)), len(body))


def _changed_where_they_stand(
    module: cst.Module, values: Mapping[str, str]
) -> tuple[list[cst.SimpleStatementLine | cst.BaseCompoundStatement], dict[str, str]]:
    """Return the statements with the values in place, and those values that have no place yet."""
    body = list(module.body)
    missing = {}
    for name, value in values.items():
        place = settled_at(module, name, value)
        if place is None:
            missing[name] = value
        else:
            body[place] = _assigning(body[place], value)
    return body, missing


def is_so(module: cst.Module, values: Mapping[str, str]) -> bool:
    """Tell whether the file leaves these values behind, with PORT set and without."""
    wanted = cst.Module(_lines([IMPORT, *_assignments(values)], module))
    return all(
        _agree(known(module, environment), known(wanted, environment), values)
        for environment in ({"PORT": "1"}, {})
    )


def _agree(here: Mapping[str, object], there: Mapping[str, object], names: Iterable[str]) -> bool:
    return all(name in here and here[name] == there[name] for name in names)


def parsed(text: str) -> cst.Module:
    """Return the syntax tree of a file.

    Raises:
        ClientError: it is not Python.
    """
    try:
        compile(text.removeprefix(BOM), "gunicorn.conf.py", "exec", dont_inherit=True)
        return cst.parse_module(text.removeprefix(BOM))
    except (SyntaxError, ValueError, cst.ParserSyntaxError) as error:
        what = "a Python file was not changed"
        fix = "correct it, commit, push, then the same command again"
        why = str(error).splitlines()[0]
        raise ClientError(what, f"it is not Python: {why}", fix) from None


def settled_at(module: cst.Module, name: str, value: str) -> int | None:
    """Return which statement settles a name for good, and may be changed where it stands."""
    lines = list(enumerate(statements(module)))
    place, last = next((each for each in reversed(lines) if binds(each[1], name)), (0, None))
    there = assigned(last) if last else None
    if there is None or there[0] != name or _changes_later(module, name, place):
        return None
    return place if _is_free(module, place, there, value) else None


def _is_free(
    module: cst.Module, place: int, there: tuple[str, cst.BaseExpression], value: str
) -> bool:
    """Tell whether nothing that uses a name minds that it gets its value where it stands."""
    name, old = there
    lines = statements(module)
    used = any(loads(each, name) for each in lines[:place] + lines[place + 1 :])
    if used and not alike(module, old, value):
        return False
    return os_is_sure(module) or not _needs_os(value)


def _changes_later(module: cst.Module, name: str, place: int) -> bool:
    """Tell whether what is called after a statement may give the name another value."""
    lines = statements(module)
    is_global = name in declared_global(module) or any(map(reaches, lines))
    return is_global and any(map(calls_something, lines[place + 1 :]))


def alike(module: cst.Module, old: cst.BaseExpression, new: str) -> bool:
    """Tell whether what uses the old value can use the new one: both are of one kind."""
    kinds = []
    for value in (old, cst.parse_expression(new)):
        alone = cst.Module(
            body=[*_lines([IMPORT, f"x = {cst.Module([]).code_for_node(value)}"], module)]
        )
        found = known(alone, {"PORT": "1"})
        kinds.append(type(found["x"]) if "x" in found else None)
    return kinds[0] is not None and kinds[0] is kinds[1]


def os_is_sure(module: cst.Module) -> bool:
    """Tell whether `os`, once it is imported at the top, is the module wherever it is used."""
    strange = [each for each in statements(module) if binds(each, "os") and not imports_os(each)]
    return not strange and "os" not in declared_global(module)


def imported_before(module: cst.Module, needing: list[str], missing: Mapping[str, str]) -> bool:
    """Tell whether the top level imports `os` before the first of these names is assigned.

    Where there are no such names, nothing has to be imported.
    """
    own = list(filterfalse(missing.__contains__, needing))
    for each in statements(module) if needing else ():
        if any(binds(each, name) for name in own):
            return False
        if imports_os(each):
            return True
    return not needing


def comes_first(node: cst.CSTNode) -> bool:
    """Tell a docstring and imports from the future, which nothing may precede."""
    parts = small(node) if isinstance(node, cst.BaseStatement) else []
    return bool(parts) and all(_is_text(each) or _is_of_the_future(each) for each in parts)


def _is_text(part: cst.CSTNode) -> bool:
    text = cst.SimpleString | cst.ConcatenatedString
    return isinstance(part, cst.Expr) and isinstance(part.value, text)


def _is_of_the_future(part: cst.CSTNode) -> bool:
    module = part.module if isinstance(part, cst.ImportFrom) else None
    return isinstance(module, cst.Name) and module.value == "__future__"


def _assigning(statement: cst.CSTNode, value: str) -> cst.SimpleStatementLine:
    """Return a line that assigns a name with another value; comment and layout stay."""
    line = cst.ensure_type(statement, cst.SimpleStatementLine)
    part = line.body[0]
    return line.with_changes(body=[part.with_changes(value=cst.parse_expression(value))])


def _lines(texts: list[str], module: cst.Module) -> list[cst.SimpleStatementLine]:
    config = module.config_for_parsing
    return [
        cst.ensure_type(cst.parse_statement(each, config), cst.SimpleStatementLine)
        for each in texts
    ]
