"""The cuts in a Blueprint's text that take services out, put others in, or hold one back."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

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
    gone = [each for each in mine if each.name in removed - new.keys()]
    replaced = [each for each in mine if each.data != new.get(each.name, each.data)]
    if not (gone or replaced or fresh):
        return
    if listing.node.flow_style:
        yield from _in_brackets(page, listing, mine, gone, fresh)
        yield from ((*span(each.node), json.dumps(new[each.name])) for each in replaced)
        return
    margin = page.dash(mine[0])[1]
    yield from ((*_block_of(page, each), "") for each in gone)
    yield from ((*_entry_of(page, each), block(new[each.name], margin)) for each in replaced)
    yield from _at_the_end(page, listing, mine, gone, [block(each, margin) for each in fresh])


def _entry_of(page: Lines, service: Service) -> tuple[int, int]:
    """Return where a service stands, from its dash on; the comment above it stays."""
    return page.of(page.dash(service)[0], last_line(service.node))


def _at_the_end(
    page: Lines, listing: Listing, mine: list[Service], gone: list[Service], fresh: list[str]
) -> Iterator[Cut]:
    """Yield the cuts behind the last service of a list: new ones, or that the list is empty."""
    end = page.of(0, last_line(mine[-1].node))[1]
    gap = "\n" if page.are_spaced(mine) else ""
    lead = gap if fresh and mine[-1] not in gone else ""
    yield (end, end, lead + gap.join(fresh))
    if len(gone) == len(mine) and not fresh:
        place = listing.key.end_mark.index + page.text[listing.key.end_mark.index :].index(":") + 1
        yield (place, place, " []")


def _block_of(page: Lines, service: Service) -> tuple[int, int]:
    """Return where a service stands with its comment above and the empty lines below it."""
    end = last_line(service.node)
    while end + 2 < len(page.lines) and not page.lines[end + 1].strip():
        end += 1
    return page.of(page.above(service), end)


def _in_brackets(
    page: Lines, listing: Listing, mine: list[Service], gone: list[Service], fresh: list[Entry]
) -> Iterator[Cut]:
    """Yield the cuts in a list that is written in brackets."""
    end = span(listing.node)[1]
    kept = [each for each in mine if each not in gone]
    if not kept:
        yield _all_new(page, listing, fresh)
        return
    for each, following in pairwise(mine):
        if each in gone and mine.index(each) < mine.index(kept[-1]):
            yield (each.node.start_mark.index, following.node.start_mark.index, "")
    if mine[-1] in gone:
        yield (kept[-1].node.end_mark.index, mine[-1].node.end_mark.index, "")
    yield (end - 1, end - 1, "".join(f", {json.dumps(each)}" for each in fresh))


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
    if trigger and switch:
        yield without(page, service, switch)
    if trigger and service.data[TRIGGER] != "off":
        yield (*value_span(page.text, trigger), OFF)
    elif switch and not trigger:
        yield (*span(switch[0]), TRIGGER)
        yield (*value_span(page.text, switch), OFF)
    elif not trigger:
        yield _trigger_added(page, service)


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
