"""Assignments in the text of a Python file, changed without touching what stands around them."""

import ast
import re

from operations.clients.errors import ClientError

LINE_END = re.compile(r"\r\n|\r|\n")  # as Python counts lines; `splitlines` knows more ends


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
    if not any(binds(node, "os") for node in nodes):
        place = max((node.end_lineno or 0 for node in nodes if comes_first(node)), default=0)
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
