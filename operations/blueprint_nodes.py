"""What a Blueprint holds, and where each part of it lies in the text."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import yaml

Pair = tuple[yaml.Node, yaml.Node]  # a key and its value


def refuse_repeated(node: yaml.Node | None) -> None:
    """Raise where a mapping holds a key twice: YAML's readers take either, Render one of them.

    Raises:
        ValueError: naming the key and both lines.
    """
    if isinstance(node, yaml.MappingNode):
        _refuse_twice(key for key, _ in node.value if isinstance(key, yaml.ScalarNode))
    for each in _children_of(node):
        refuse_repeated(each)


def _refuse_twice(keys: Iterable[yaml.ScalarNode]) -> None:
    lines: dict[str, int] = {}
    for key in keys:
        line = key.start_mark.line + 1
        if (first := lines.setdefault(key.value, line)) < line:
            raise ValueError(f"`{key.value}` stands twice, in line {first} and line {line}")


@dataclass(frozen=True)
class Listing:
    """A list of services: values, node, the key before it, and whether it stands in braces."""

    values: list[Any]  # Any: YAML
    node: yaml.SequenceNode
    key: yaml.Node
    in_braces: bool


@dataclass(frozen=True)
class Service:
    """A service of a Blueprint: its data, its node, and the list that holds it."""

    data: dict[str, Any]  # Any: YAML
    node: yaml.MappingNode
    listing: Listing

    @property
    def name(self) -> str:
        """Return its name on Render."""
        return str(self.data.get("name"))

    @property
    def runtime(self) -> str:
        """Return its runtime, under the deprecated key too."""
        return str(self.data.get("runtime", self.data.get("env", "")))

    def pair(self, key: str) -> Pair | None:
        """Return the nodes of a key and its value."""
        return next((each for each in self.node.value if each[0].value == key), None)


def listings_of(data: object, node: yaml.Node | None, *, braces: bool = False) -> Iterator[Listing]:
    """Yield each list of services: at the top, in the environments of projects, in `ungrouped`."""
    if not isinstance(data, dict) or not isinstance(node, yaml.MappingNode):
        return
    braces = braces or bool(node.flow_style)
    for key, value in node.value:
        match key.value, data.get(key.value):
            case "services", list(inside):
                yield Listing(inside, value, key, braces)
            case "ungrouped", inside:
                yield from listings_of(inside, value, braces=braces)
            case "projects" | "environments", list(inside):
                yield from _listings_within(inside, value, braces=braces)


def _listings_within(
    data: list[Any],  # Any: YAML
    node: yaml.CollectionNode,
    *,
    braces: bool,
) -> Iterator[Listing]:
    """Yield the lists of services in each of a list of projects or environments."""
    for each, child in zip(data, node.value, strict=True):
        yield from listings_of(each, child, braces=braces or bool(node.flow_style))


def services_of(listing: Listing) -> Iterator[Service]:
    """Yield the services of a list.

    Raises:
        TypeError: one is not a mapping.
        ValueError: one stands elsewhere.
    """
    start = listing.node.start_mark.index
    for value, node in zip(listing.values, listing.node.value, strict=True):
        if not isinstance(value, dict) or not isinstance(node, yaml.MappingNode):
            raise TypeError("a service in it is not a mapping")
        if node.start_mark.index < start:
            raise ValueError("a service in it is an alias of another part")
        yield Service(value, node, listing)


def lasting(service: Service, *, held: bool) -> dict[str, Any]:
    """Return a service's data without what an edit may change in one that stays."""
    switches = {"env", "runtime", *(("autoDeploy", "autoDeployTrigger") if held else ())}
    plain = {key: value for key, value in service.data.items() if key not in switches}
    return plain | {"runtime": service.runtime}


def beside_services(data: object) -> object:
    """Return all that a Blueprint holds but its services."""
    if isinstance(data, dict):
        return {key: beside_services(each) for key, each in data.items() if key != "services"}
    return [beside_services(each) for each in data] if isinstance(data, list) else data


def sources_of(data: object) -> Iterator[str]:
    """Yield the names of services that something takes a value from."""
    source = data.get("fromService") if isinstance(data, dict) else None
    if isinstance(source, dict):
        yield str(source.get("name"))
    for each in _inside(data):
        yield from sources_of(each)


def _inside(data: object) -> list[object]:
    """Return what a dictionary or a list holds; nothing of anything else."""
    if isinstance(data, dict):
        return list(data.values())
    return data if isinstance(data, list) else []


def texts_of(data: object) -> Iterator[str]:
    """Yield every text in something."""
    if isinstance(data, str):
        yield data
    for each in _inside(data):
        yield from texts_of(each)


def last_line(node: yaml.Node) -> int:
    """Return the number of the last line that holds something of a node."""
    # An alias is a node that stands elsewhere, above.
    start = node.start_mark.index
    lines = [last_line(each) for each in parts_of(node) if each.start_mark.index >= start]
    return max(lines) if lines else _line_of_end(node)


def _line_of_end(node: yaml.Node) -> int:
    end: int = node.end_mark.line
    return end - 1 if node.end_mark.column == 0 and end > node.start_mark.line else end


def parts_of(node: yaml.Node) -> Iterable[yaml.Node]:
    """Return what a node written as a block holds, keys and values alike; in brackets, nothing."""
    in_brackets = isinstance(node, yaml.CollectionNode) and node.flow_style
    return () if in_brackets else _children_of(node)


def _children_of(node: yaml.Node | None) -> Iterable[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return chain.from_iterable(node.value)
    return node.value if isinstance(node, yaml.SequenceNode) else ()


def span(node: yaml.Node) -> tuple[int, int]:
    """Return where a node begins and ends in the text."""
    return node.start_mark.index, node.end_mark.index


def value_span(text: str, pair: Pair) -> tuple[int, int]:
    """Return where the value of a key stands; an alias stands elsewhere than its node."""
    key, value = pair
    alias = re.compile(r"\s*:\s*(\*[^\s,}\]]+)").match(text, key.end_mark.index)
    return alias.span(1) if alias else span(value)
