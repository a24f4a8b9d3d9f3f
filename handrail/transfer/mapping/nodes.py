"""YAML nodes with their lines, so that every finding can say where it stands."""

from collections.abc import Callable, Iterator
from typing import Any

import yaml

from handrail.transfer.mapping.rules import Given, Place, Problem


class NodeReader:
    """Read values out of YAML nodes, which know their lines, and gather problems."""

    def __init__(self, file: str, loader: yaml.SafeLoader) -> None:
        self.file = file
        self.loader = loader
        self.problems: list[Problem] = []

    def place(self, node: yaml.Node) -> Place:
        """Return the line a node stands on."""
        return Place(self.file, node.start_mark.line + 1)

    def problem(self, node: yaml.Node | None, what: str, fix: str) -> None:
        """Note something wrong at a node."""
        place = self.place(node) if node is not None else Place(self.file, 1)
        self.problems.append(Problem(place, what, fix))

    def plain(self, node: yaml.Node) -> Any:  # Any: whatever the YAML file holds
        """Return what a node holds."""
        return self.loader.construct_object(node, deep=True)

    def text(self, node: yaml.Node, what: str) -> str:
        """Read a text that is not blank."""
        found = self.plain(node)
        if isinstance(found, str) and found.strip():
            return found
        self.problem(node, f"{what} is not a text", "write a text there")
        return ""

    def flag(self, node: yaml.Node, what: str) -> bool:
        """Read true or false."""
        found = self.plain(node)
        if not isinstance(found, bool):
            self.problem(node, f"{what} is neither true nor false", "write `true` or leave it out")
        return found is True

    def texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        """Read a list of texts."""
        found = self.plain(node)
        if isinstance(found, list) and all(isinstance(item, str) for item in found):
            return tuple(found)
        self.problem(
            node, f"{what} is not a list of texts", "write `[a, b]`, each in quotes if need be"
        )
        return ()

    def entries(
        self, node: yaml.Node | None, what: str, known: set[str] | None = None
    ) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Yield key, key node and value node of a mapping, without doubles and unknown keys."""
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, f"{what} is not a mapping", "write `key: value` lines there")
            return
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in seen:
                self.problem(key_node, f"`{key}` stands twice in {what}", "remove one of the two")
            elif known is not None and key not in known:
                choice = ", ".join(sorted(known))
                self.problem(key_node, f"unknown key `{key}` in {what}", f"known keys: {choice}")
            else:
                seen.add(key)
                yield key, key_node, value_node

    def one_of(self, *choices: str) -> Callable[[yaml.Node, str], str]:
        """Make a reader of one of several words."""

        def read(node: yaml.Node, what: str) -> str:
            found = self.plain(node)
            if found not in choices:
                self.problem(node, f"{what} is `{found}`", f"choose one of {', '.join(choices)}")
            return str(found)

        return read

    def given(self, node: yaml.Node, _what: str) -> Given:
        """Read any value, null included."""
        return Given(self.plain(node))
