"""Whether the parts of one rule fit each other."""

import re
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
    yield from _producers(rule, written)
    yield from _actions(rule)
    yield from _formats(rule)
    yield from _orders(rule)
    yield from _written(rule)


def _producers(rule: ColumnRule, written: frozenset[str]) -> Iterator[Discord]:
    producers = [word for word in PRODUCERS if word in written]
    others = ", ".join(sorted(written - BESIDE_GENERATED - set(producers)))
    if len(producers) > 1:
        words = " and ".join(producers)
        yield Discord(frozenset(producers), f"takes its value from {words}", "keep one")
    if rule.generated and others:
        what = f"is left to the destination, and says {others}"
        yield Discord(written, what, "keep `generated: true` alone")
    if rule.optional and rule.source is None:
        what = "is optional and has no source column"
        yield Discord(frozenset({"optional", *PRODUCERS}), what, "remove `optional`")


def _actions(rule: ColumnRule) -> Iterator[Discord]:
    given = {"reason": rule.reason, "placeholder": rule.placeholder, "sentinel": rule.sentinel}
    for needed in dict.fromkeys(action for _, action in rule.when if action in NEEDS):
        word, what, fix = NEEDS[needed]
        faults = [f"when_{fault}" for fault, action in rule.when if action is needed]
        if given[word] is None:
            yield Discord(frozenset({word, *faults}), what, fix)
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
