"""Which columns are shown nowhere: those that a rule calls secret, and whatever is made of them."""

import dataclasses
from collections.abc import Iterable, Mapping

from handrail.transfer.mapping.rules import ColumnRule, TableRule
from handrail.transfer.sql.built import Built
from handrail.transfer.sql.named import names_in
from handrail.transfer.sql.parts import ColumnPlan, FaultPlan
from handrail.transfer.sql.plan import TablePlan

WITHHELD = "'withheld'::text"
# Of columns that nobody calls secret because they are moved nowhere.
SOUNDS_SECRET = ("password", "passwd", "pwd", "hash", "secret", "token", "api_key", "apikey")


def read_by(rules: Iterable[TableRule], source: str) -> frozenset[str]:
    """Return the columns of a source table that a secret rule reads, whichever table it fills."""
    secret = (c for rule in rules if rule.source == source for c in rule.columns if c.secret)
    return frozenset(name for column in secret for name in _read(column))


def sounds_secret(name: str) -> bool:
    """Say whether a column has the name of one that holds secrets."""
    return any(word in name.lower() for word in SOUNDS_SECRET)


def _read(rule: ColumnRule) -> Iterable[str]:
    if rule.source is not None:
        yield rule.source
    yield from names_in(rule.sql)


def spread(
    parts: Iterable[Built], secrets: frozenset[str], done: Mapping[str, TablePlan]
) -> Iterable[Built]:
    """Make secret what reads a secret column, of this table or through a lookup of another."""
    for built in parts:
        plan = built.plan
        if plan is not None and (built.sources & secrets or _is_secret(plan, done)):
            built.plan = dataclasses.replace(plan, secret=True)
            built.faults = [_withheld(fault) for fault in built.faults]
        yield built


def _is_secret(plan: ColumnPlan, done: Mapping[str, TablePlan]) -> bool:
    lookup = plan.rule.lookup
    there = done[lookup.table].columns if lookup and lookup.table in done else ()
    looked_up = any(each.secret for each in there if lookup and each.name == lookup.column)
    return plan.rule.secret or looked_up


def _withheld(fault: FaultPlan) -> FaultPlan:
    return dataclasses.replace(fault, old=WITHHELD, new=WITHHELD)
