"""Whether the parts of one rule fit each other."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from handrail.transfer.mapping.rules import Action, ColumnRule, Fault

PRODUCERS = ("from", "sql", "constant", "lookup", "generated")
BESIDE_GENERATED = {"generated", "reason"}
VALUE = "{value}"
FORMATTED = {"date", "time"}
DAY_FIRST = re.compile("DD[/-]MM")
# What an action needs beside it: the word, and how it is written.
NEEDS = {
    Action.QUARANTINE: ("reason", "keeps rows out without a reason", "add `reason: …`"),
    Action.KEEP: ("reason", "keeps what is malformed without a reason", "add `reason: …`"),
    Action.PLACEHOLDER: ("placeholder", "names no placeholder", 'add `placeholder: "x-{id}"`'),
    Action.SENTINEL: ("sentinel", "names no sentinel", "add `sentinel: <value>`"),
}


@dataclass(frozen=True)
class Discord:
    """Parts of a rule that do not fit; `words` are those that were looked at."""

    words: frozenset[str]
    what: str
    fix: str


def discords(rule: ColumnRule, written: frozenset[str]) -> Iterator[Discord]:
    """Find what does not fit.

    Args:
        rule: The rule.
        written: The words that stand in it.
    """
    yield from _producers(written)
    yield from _left(rule, written)
    yield from _absent(rule)
    yield from _actions(rule)
    yield from _pattern(rule)
    yield from _formats(rule)
    yield from _orders(rule)
    yield from _written(rule)


def _producers(written: frozenset[str]) -> Iterator[Discord]:
    producers = [word for word in PRODUCERS if word in written]
    if len(producers) > 1:
        words = " and ".join(producers)
        yield Discord(frozenset(producers), f"takes its value from {words}", "keep one")


def _left(rule: ColumnRule, written: frozenset[str]) -> Iterator[Discord]:
    others = ", ".join(sorted(written.difference(BESIDE_GENERATED, PRODUCERS)))
    if rule.generated and others:
        what = f"is left to the destination, and says {others}"
        yield Discord(written, what, "keep `generated: true` alone")


def _absent(rule: ColumnRule) -> Iterator[Discord]:
    if rule.optional and rule.source is None:
        what = "is optional and has no source column"
        yield Discord(frozenset({"optional", *PRODUCERS}), what, "remove `optional`")


def _actions(rule: ColumnRule) -> Iterator[Discord]:
    saying: defaultdict[Action, set[str]] = defaultdict(set)
    for fault, action in rule.when:
        saying[action].add(f"when_{fault}")
    for action in filter(NEEDS.get, saying):
        word, what, fix = NEEDS[action]
        if getattr(rule, word) is None:
            yield Discord(frozenset({word, *saying[action]}), what, fix)


def _pattern(rule: ColumnRule) -> Iterator[Discord]:
    if rule.action(Fault.MALFORMED) and rule.pattern is None:
        words = frozenset({"when_malformed", "pattern"})
        yield Discord(words, "says when_malformed but no pattern", "add `pattern: bcrypt`")


def _formats(rule: ColumnRule) -> Iterator[Discord]:
    words = frozenset({"cast", "formats"})
    if rule.cast in FORMATTED and not rule.formats:
        yield Discord(words, "declares no formats", "add `formats: [YYYY-MM-DD, …]`")
    if rule.formats and rule.cast not in FORMATTED:
        yield Discord(words, "has formats and no cast", "add `cast: date` or `cast: time`")


def _orders(rule: ColumnRule) -> Iterator[Discord]:
    written = " ".join(rule.formats)
    if rule.order is None and "MM/DD" in written and DAY_FIRST.search(written):
        fix = "add `order: month_first` or `order: day_first`"
        yield Discord(frozenset({"formats", "order"}), "reads 05/04/2025 in two ways", fix)


def _written(rule: ColumnRule) -> Iterator[Discord]:
    if rule.write is not None and rule.write.count(VALUE) != 1:
        what = f"writes `{rule.write}`, which does not hold the value exactly once"
        yield Discord(frozenset({"write"}), what, f'say where it goes: `write: "bcrypt${VALUE}"`')
