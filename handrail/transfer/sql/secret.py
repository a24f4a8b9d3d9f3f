"""Which columns are shown nowhere: those that a rule calls secret, and whatever is made of them."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping

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
    found = (_secrets(rule) for rule in rules if rule.source == source)
    return frozenset(itertools.chain.from_iterable(found))


def _secrets(rule: TableRule) -> Iterator[str]:
    for column in rule.columns:
        if column.secret:
            yield from _read(column)


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
    if lookup is None or lookup.table not in done:
        return plan.rule.secret
    looked_up = done[lookup.table].column(lookup.column)
    return plan.rule.secret or (looked_up is not None and looked_up.secret)


def _withheld(fault: FaultPlan) -> FaultPlan:
    return dataclasses.replace(fault, old=WITHHELD, new=WITHHELD)
