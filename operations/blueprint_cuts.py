"""The cuts in a Blueprint's text that take services out, put others in, or hold one back."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import yaml

from .blueprint_nodes import Listing, Pair, Service, last_line, span, value_span

Cut = tuple[int, int, str]  # from, to, and what comes in place of it
Entry = dict[str, Any]  # Any: a service as it is wanted

OFF = '"off"'  # bare, YAML 1.1 reads it as a truth value and Render refuses it
DASH = re.compile(r"( *)-(?= |$)")
SWITCH, TRIGGER = "autoDeploy", "autoDeployTrigger"


class Lines:
    """A text that ends with a line end, by its lines.

    Args:
        text: The file.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def of(self, first: int, last: int) -> tuple[int, int]:
        """Return where lines begin and end, both counted."""
        return self.starts[first], min(self.starts[last + 1], len(self.text))

    def dash(self, service: Service) -> tuple[int, int]:
        """Return line and column of the dash before a service."""
        line = service.node.start_mark.line
        while not (found := DASH.match(self.lines[line])):
            line -= 1  # the dash stands alone on its line, or before a comment
        return line, found.end(1)

    def above(self, service: Service) -> int:
        """Return the first line of a service: its own, or that of the comment right above it."""
        line, column = self.dash(service)
        comment = re.compile(rf"[ ]{{{column}}}#")
        while line and comment.match(self.lines[line - 1]):
            line -= 1
        return line

    def are_spaced(self, services: list[Service]) -> bool:
        """Tell whether empty lines part the services of a list."""
        return any(not self.lines[self.above(each) - 1].strip() for each in services[1:])


@dataclass(frozen=True)
class _Change:
    """What becomes of a list: its services, those that go, what comes instead, what is added."""

    listing: Listing
    mine: list[Service]
    gone: list[Service]
    replaced: list[tuple[Service, Entry]]
    fresh: list[Entry]

    @classmethod
    def of(
        cls,
        listing: Listing,
        mine: list[Service],
        removed: set[str],
        new: Mapping[str, Entry],
        fresh: list[Entry],
    ) -> Self:
        """Tell what becomes of a list; the arguments are those of `relisted`."""
        gone = [each for each in mine if each.name in removed - new.keys()]
        replaced = [(e, new[e.name]) for e in mine if e.data != new.get(e.name, e.data)]
        return cls(listing, mine, gone, replaced, fresh)

    @property
    def kept(self) -> list[Service]:
        return [each for each in self.mine if each not in self.gone]


def relisted(
    page: Lines,
    listing: Listing,
    mine: list[Service],
    removed: set[str],
    new: Mapping[str, Entry],
    fresh: list[Entry],
) -> Iterator[Cut]:
    """Yield the cuts that bring one list to what is wanted.

    Args:
        page: The text.
        listing: The list.
        mine: Its services.
        removed: Names of those that go.
        new: Entries by name, for those that are replaced where they stand.
        fresh: Entries that come at the end.
    """
    change = _Change.of(listing, mine, removed, new, fresh)
    if change.gone or change.replaced or change.fresh:
        written = _in_brackets if listing.node.flow_style else _in_lines
        yield from written(page, change)


def _in_lines(page: Lines, change: _Change) -> Iterator[Cut]:
    """Yield the cuts in a list that has its services below each other."""
    margin = page.dash(change.mine[0])[1]
    yield from ((*_block_of(page, each), "") for each in change.gone)
    yield from ((*_entry_of(page, each), block(new, margin)) for each, new in change.replaced)
    yield from _at_the_end(page, change, [block(each, margin) for each in change.fresh])


def _entry_of(page: Lines, service: Service) -> tuple[int, int]:
    """Return where a service stands, from its dash on; the comment above it stays."""
    return page.of(page.dash(service)[0], last_line(service.node))


def _at_the_end(page: Lines, change: _Change, fresh: list[str]) -> Iterator[Cut]:
    """Yield the cuts behind the last service of a list: new ones, or that the list is empty."""
    last, key = change.mine[-1], change.listing.key
    end = page.of(0, last_line(last.node))[1]
    gap = "\n" if page.are_spaced(change.mine) else ""
    lead = gap if fresh and last not in change.gone else ""
    yield (end, end, lead + gap.join(fresh))
    if not (change.kept or fresh):
        place = key.end_mark.index + page.text[key.end_mark.index :].index(":") + 1
        yield (place, place, " []")


def _block_of(page: Lines, service: Service) -> tuple[int, int]:
    """Return where a service stands with its comment above and the empty lines below it."""
    end = last_line(service.node)
    while end + 2 < len(page.lines) and not page.lines[end + 1].strip():
        end += 1
    return page.of(page.above(service), end)


def _in_brackets(page: Lines, change: _Change) -> Iterator[Cut]:
    """Yield the cuts in a list that is written in brackets."""
    yield from ((*span(each.node), json.dumps(new)) for each, new in change.replaced)
    if not change.kept:
        yield _all_new(page, change.listing, change.fresh)
        return
    yield from _out_of_brackets(change)
    end = span(change.listing.node)[1]
    yield (end - 1, end - 1, "".join(f", {json.dumps(each)}" for each in change.fresh))


def _out_of_brackets(change: _Change) -> Iterator[Cut]:
    """Yield the cuts that take services out of brackets, each with its comma."""
    mine, last = change.mine, change.kept[-1]
    for each, following in pairwise(mine[: mine.index(last) + 1]):
        if each in change.gone:
            yield (each.node.start_mark.index, following.node.start_mark.index, "")
    if mine[-1] in change.gone:
        yield (last.node.end_mark.index, mine[-1].node.end_mark.index, "")


def _all_new(page: Lines, listing: Listing, fresh: list[Entry]) -> Cut:
    """Return the cut that puts a list in the place of one in brackets that nothing is left of."""
    start, end = span(listing.node)
    followed = page.text[end:].split("\n", 1)[0].strip()
    if listing.in_braces or followed or not fresh:
        return (start, end, f"[{', '.join(map(json.dumps, fresh))}]")
    lines = "".join(block(each, listing.key.start_mark.column + 2) for each in fresh)
    return (start, end, "\n" + lines.rstrip("\n"))


def block(entry: Entry, margin: int) -> str:
    """Return a service as lines of a list."""
    dumped = yaml.safe_dump(entry, sort_keys=False, allow_unicode=True, width=10_000)
    first, *others = dumped.splitlines()
    lines = [f"{' ' * margin}- {first}", *(f"{' ' * margin}  {each}" for each in others)]
    return "".join(f"{line}\n" for line in lines)


def renamed(service: Service) -> Iterator[Cut]:
    """Yield the cut that puts `runtime` in place of the deprecated `env`."""
    old = service.pair("env")
    if old and not service.pair("runtime"):
        yield (*span(old[0]), "runtime")


def held(page: Lines, service: Service) -> Iterator[Cut]:
    """Yield the cuts after which pushes no longer deploy a service."""
    trigger, switch = service.pair(TRIGGER), service.pair(SWITCH)
    if trigger:
        yield from _off(page, service, trigger, switch)
    elif switch:
        yield (*span(switch[0]), TRIGGER)
        yield (*value_span(page.text, switch), OFF)
    else:
        yield _trigger_added(page, service)


def _off(page: Lines, service: Service, trigger: Pair, switch: Pair | None) -> Iterator[Cut]:
    """Yield the cuts that turn a trigger off, and take away the switch that it stands in for."""
    if switch:
        yield without(page, service, switch)
    if service.data[TRIGGER] != "off":
        yield (*value_span(page.text, trigger), OFF)


def _trigger_added(page: Lines, service: Service) -> Cut:
    """Return the cut that puts the key that holds pushes back behind a service's name."""
    first = service.pair("name") or service.node.value[0]
    if service.node.flow_style:
        end = value_span(page.text, first)[1]
        return (end, end, f", {TRIGGER}: {OFF}")
    end = page.of(0, max(last_line(first[1]), first[0].end_mark.line))[1]
    return (end, end, f"{' ' * first[0].start_mark.column}{TRIGGER}: {OFF}\n")


def without(page: Lines, service: Service, pair: Pair) -> Cut:
    """Return the cut that takes one of several keys out of a service."""
    pairs: list[Pair] = service.node.value
    number = pairs.index(pair)
    start = pair[0].start_mark.index
    if number + 1 < len(pairs):
        return start, pairs[number + 1][0].start_mark.index, ""
    if service.node.flow_style:
        before = value_span(page.text, pairs[number - 1])[1]
        return before, value_span(page.text, pair)[1], ""
    return (*page.of(pair[0].start_mark.line, last_line(pair[1])), "")
