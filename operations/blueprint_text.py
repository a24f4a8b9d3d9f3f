"""A Blueprint edited where it stands: only the lines of the services that change are touched.

A YAML library that writes the whole file again would lose what it cannot tell apart (`+63912` and
`63912`, spaces inside braces, mixed margins), so the file is read for where things lie, and its
text is cut there.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from handrail.clients.errors import ClientError

from .blueprint_nodes import (
    Service,
    beside_services,
    last_line,
    lasting,
    lists_of,
    sources_of,
    span,
)

OFF = '"off"'  # bare, YAML 1.1 reads it as a truth value and Render refuses it
BOM = "\ufeff"


class Blueprint:
    """A Blueprint's text with what lies where.

    Args:
        text: The file.
        path: Its path, for errors.

    Raises:
        ClientError: not YAML, or without a list of services.
    """

    def __init__(self, text: str, path: str) -> None:
        self.text, self.path = text.removeprefix(BOM), path
        self.mark = BOM if text.startswith(BOM) else ""
        try:
            self.data = yaml.safe_load(self.text)
            self.root = yaml.compose(self.text, Loader=yaml.SafeLoader)
            self.services = list(self._services(self.data, self.root))
        except (yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
            raise self._unread(str(error)) from None
        if not isinstance(self.data, dict) or not self._lists(self.data, self.root):
            raise self._unread("it lists no services")

    def edited(
        self, removed: set[str], wanted: list[dict[str, Any]], held: set[str]
    ) -> "Blueprint":
        """Return the Blueprint without some services, with others as they are wanted.

        What stands there under a wanted name is replaced in its place; new ones come where the
        first removed one was listed, else at the end of the first list. Of the services that are
        held, pushes no longer deploy; `runtime` stands in for the deprecated `env`.

        Raises:
            ClientError: something else would read otherwise afterwards.
        """
        new = {each["name"]: each for each in wanted}
        there = {each.name for each in self.services}
        home = self._home(removed)
        cuts = []
        for among in self._lists(self.data, self.root):
            mine = [each for each in self.services if each.among is among]
            fresh = [each for name, each in new.items() if name not in there and among is home]
            cuts += self._relisted(among, mine, removed, new, fresh)
        for each in self.services:
            if each.name not in removed and each.name not in new:
                cuts += self._kept(each, hold=each.name in held)
        text = self.text
        for start, end, instead in sorted(cuts, reverse=True):
            text = text[:start] + instead + text[end:]
        made = Blueprint(self.mark + text, self.path)
        self._refuse_changed(made, removed, set(new), held)
        return made

    def references(self, names: set[str]) -> list[str]:
        """Return where services that stay take something from services of these names."""
        return [
            f"`{each.name}` takes it from `{found}`"
            for each in self.services
            if each.name not in names
            for found in sources_of(each.data)
            if found in names
        ]

    def _home(self, removed: set[str]) -> yaml.SequenceNode:
        listed = [each.among for each in self.services if each.name in removed]
        return listed[0] if listed else self._lists(self.data, self.root)[0]

    def _lists(self, data: object, root: yaml.Node | None) -> list[yaml.SequenceNode]:
        """Return the lists of services: at the top, in projects, and under `ungrouped`."""
        return [node for _, node in lists_of(data, root)]

    def _services(self, data: object, root: yaml.Node | None) -> Iterator[Service]:
        for values, node in lists_of(data, root):
            for value, each in zip(values, node.value, strict=True):
                if not isinstance(value, dict) or not isinstance(each, yaml.MappingNode):
                    raise self._unread("a service in it is no mapping")
                yield Service(value, each, node)

    def _relisted(
        self,
        among: yaml.SequenceNode,
        mine: list[Service],
        removed: set[str],
        new: Mapping[str, dict[str, Any]],
        fresh: list[dict[str, Any]],
    ) -> list[tuple[int, int, str]]:
        """Return the cuts that bring one list to what is wanted."""
        replaced = [each for each in mine if each.name in new and each.data != new[each.name]]
        gone = [each for each in mine if each.name in removed and each.name not in new]
        if not (replaced or gone or fresh):
            return []
        if among.flow_style or not mine:
            kept = [each for each in mine if each not in gone]
            texts = [
                self._flow(each, new.get(each.name) if each in replaced else None) for each in kept
            ]
            return [self._as_flow(among, texts, fresh)]
        margin = self._dash(mine[0])[1]
        cuts = [(*self._lines_of(each, comments=True), "") for each in gone]
        cuts += [
            (*self._lines_of(each, comments=False), self._block(new[each.name], margin))
            for each in replaced
        ]
        end = self._line_end(last_line(mine[-1].node))
        if fresh:
            ended = self.text[:end].endswith("\n") or mine[-1] in gone
            gap = self._newline if self._is_spaced(mine) else ""
            blocks = gap.join(self._block(each, margin) for each in fresh)
            lead = gap if len(gone) < len(mine) else ""
            cuts.append((end, end, ("" if ended else self._newline) + lead + blocks))
        if len(gone) == len(mine) and not fresh:
            cuts.append((end, end, f"{' ' * margin}[]{self._newline}"))
        return cuts

    def _kept(self, service: Service, *, hold: bool) -> Iterator[tuple[int, int, str]]:
        """Return the cuts in a service that stays."""
        old = service.pair("env")
        if old and not service.pair("runtime"):
            yield (*span(old[0]), "runtime")
        if not hold or service.data.get("autoDeployTrigger") == "off":
            return
        trigger, switch = service.pair("autoDeployTrigger"), service.pair("autoDeploy")
        if trigger:
            yield (*self._value_span(*trigger), OFF)
        elif switch:
            yield (*span(switch[0]), "autoDeployTrigger")
            yield (*self._value_span(*switch), OFF)
        else:
            key, value = service.pair("name") or service.node.value[0]
            end = self._value_span(key, value)[1]
            if service.node.flow_style:
                yield (end, end, f", autoDeployTrigger: {OFF}")
            else:
                place = self._line_end(value.end_mark.line)
                margin = " " * key.start_mark.column
                yield (place, place, f"{margin}autoDeployTrigger: {OFF}{self._newline}")
        if trigger and switch:
            yield (*self._whole_lines(switch), "")

    def _whole_lines(self, pair: tuple[yaml.Node, yaml.Node]) -> tuple[int, int]:
        return self._line_start(pair[0].start_mark.line), self._line_end(pair[1].end_mark.line)

    def _value_span(self, key: yaml.Node, value: yaml.Node) -> tuple[int, int]:
        """Return where a value stands; an alias stands elsewhere than its node."""
        alias = re.compile(r"\s*:\s*(\*[^\s,}\]]+)").match(self.text, key.end_mark.index)
        return alias.span(1) if alias else span(value)

    def _refuse_changed(
        self, made: "Blueprint", removed: set[str], new: set[str], held: set[str]
    ) -> None:
        """Raise where the edit reached something that it was not meant for."""
        ours = removed | new
        kept = [
            [
                lasting(each, held=each.name in held)
                for each in side.services
                if each.name not in ours
            ]
            for side in (self, made)
        ]
        beside = [beside_services(side.data) for side in (self, made)]
        if kept[0] != kept[1] or beside[0] != beside[1]:
            raise ClientError(
                f"`{self.path}` was not changed",
                "another part of it would read otherwise afterwards",
                f"write the services into `{self.path}` by hand, commit, push, then the same "
                "command again",
            )

    def _flow(self, service: Service, instead: dict[str, Any] | None) -> str:
        start, end = span(service.node)
        return self.text[start:end] if instead is None else json.dumps(instead)

    def _as_flow(
        self, among: yaml.SequenceNode, texts: list[str], fresh: list[dict[str, Any]]
    ) -> tuple[int, int, str]:
        start, end = span(among)
        if texts:
            return start, end, f"[{', '.join([*texts, *map(json.dumps, fresh)])}]"
        line = self.text.rfind("\n", 0, start) + 1
        margin = len(self.text[line:start]) - len(self.text[line:start].lstrip(" ")) + 2
        blocks = "".join(self._block(each, margin) for each in fresh)
        return start, end, f"{self._newline}{blocks}".rstrip("\r\n") if fresh else "[]"

    def _block(self, entry: dict[str, Any], margin: int) -> str:
        """Return a service as lines of a list."""
        dumped = yaml.safe_dump(entry, sort_keys=False, allow_unicode=True, width=10_000)
        first, *others = dumped.splitlines()
        lines = [f"{' ' * margin}- {first}", *(f"{' ' * margin}  {each}" for each in others)]
        return "".join(f"{line}{self._newline}" for line in lines)

    def _lines_of(self, service: Service, *, comments: bool) -> tuple[int, int]:
        """Return where the lines of a service begin and end, with the comment right above it."""
        lines = self.text.split("\n")
        line, end = self._dash(service)[0], last_line(service.node) + 1
        if comments:
            line = self._lines_above(service)
            while end < len(lines) - 1 and not lines[end].strip():
                end += 1
        return self._line_start(line), self._line_end(end - 1)

    def _is_spaced(self, mine: list[Service]) -> bool:
        """Tell whether empty lines part the services of a list."""
        lines = self.text.split("\n")
        return any(not lines[self._lines_above(each) - 1].strip() for each in mine[1:])

    def _lines_above(self, service: Service) -> int:
        """Return the line of a service, or of the comment right above it."""
        line, column = self._dash(service)
        lines = self.text.split("\n")
        above = re.compile(rf"[ ]{{{column}}}#")
        while line and above.match(lines[line - 1]):
            line -= 1
        return line

    def _dash(self, service: Service) -> tuple[int, int]:
        """Return line and column of the dash before a service."""
        place = self.text.rindex("-", 0, service.node.start_mark.index)
        return self.text.count("\n", 0, place), place - self.text.rfind("\n", 0, place) - 1

    def _line_start(self, line: int) -> int:
        place = 0
        for _ in range(line):
            place = self.text.index("\n", place) + 1
        return place

    def _line_end(self, line: int) -> int:
        found = self.text.find("\n", self._line_start(line))
        return len(self.text) if found < 0 else found + 1

    @property
    def _newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def _unread(self, why: str) -> ClientError:
        return ClientError(f"`{self.path}` was not read", why, f"correct `{self.path}`")
