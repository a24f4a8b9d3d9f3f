"""What a syntax tree holds, looked for by kind."""

from typing import TypeVar

import libcst as cst

Node = TypeVar("Node", bound=cst.CSTNode)


def within(node: cst.CSTNode, kind: type[Node]) -> list[Node]:
    """Return the nodes of a kind that a node is or holds.

    libcst's own matchers would do, and take longer to import than all of libcst.
    """
    found = [node] if isinstance(node, kind) else []
    for child in node.children:
        found += within(child, kind)
    return found


def dotted(node: cst.BaseExpression) -> str:
    """Return `a.b.c` as text, or nothing where it is something else."""
    if isinstance(node, cst.Attribute):
        return f"{dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""
