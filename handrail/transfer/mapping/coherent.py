"""Whether the parts of one rule fit each other."""

from collections.abc import Iterator
from dataclasses import dataclass

from handrail.transfer.mapping.rules import Action, ColumnRule, Fault

PRODUCERS = ("from", "sql", "constant", "lookup", "generated")
BESIDE_GENERATED = {"generated", "reason"}
VALUE = "{value}"
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
    producers = [word for word in PRODUCERS if word in written]
    if len(producers) > 1:
        words = " and ".join(producers)
        yield Discord(frozenset(producers), f"takes its value from {words}", "keep one")
    if rule.generated and written - BESIDE_GENERATED - set(producers):
        others = ", ".join(sorted(written - BESIDE_GENERATED - set(producers)))
        what = f"is left to the destination, and says {others}"
        yield Discord(written, what, "keep `generated: true` alone")
    if rule.optional and rule.source is None:
        what = "is optional and has no source column"
        yield Discord(frozenset({"optional", *PRODUCERS}), what, "remove `optional`")
    yield from _actions(rule)
    yield from _forms(rule)


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


def _forms(rule: ColumnRule) -> Iterator[Discord]:
    if rule.cast in {"date", "time"} and not rule.formats:
        words = frozenset({"cast", "formats"})
        yield Discord(words, "declares no formats", "add `formats: [YYYY-MM-DD, …]`")
    if rule.formats and rule.cast not in {"date", "time"}:
        what, fix = "has formats and no cast", "add `cast: date` or `cast: time`"
        yield Discord(frozenset({"cast", "formats"}), what, fix)
    day_first = any("DD/MM" in text or "DD-MM" in text for text in rule.formats)
    if day_first and any("MM/DD" in text for text in rule.formats) and rule.order is None:
        fix = "add `order: month_first` or `order: day_first`"
        yield Discord(frozenset({"formats", "order"}), "reads 05/04/2025 in two ways", fix)
    if rule.write is not None and rule.write.count(VALUE) != 1:
        what = f"writes `{rule.write}`, which does not hold the value exactly once"
        yield Discord(frozenset({"write"}), what, f'say where it goes: `write: "bcrypt${VALUE}"`')
