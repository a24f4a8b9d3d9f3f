"""What ties rows of one table to another: foreign keys, lookups, second destinations."""

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from handrail.transfer.mapping.rules import Action, ColumnRule, Fault, Lookup, Problem, TableRule
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql.catalog import Constraint, Table
from handrail.transfer.sql.parsed import Join
from handrail.transfer.sql.parts import ColumnPlan, FaultPlan
from handrail.transfer.sql.plan import TablePlan
from handrail.transfer.sql.treatment import worded


@dataclass
class References:
    """The references of one table; `done` are the plans of the tables before it."""

    rule: TableRule
    source: Table
    target: Table
    mapped: frozenset[str]
    done: dict[str, TablePlan]
    problems: list[Problem] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)

    def lookup(self, column: ColumnRule) -> tuple[Join, str, str] | None:
        """Return join, expression and type of a value taken from another table's plan."""
        wanted = column.lookup
        if wanted is None:
            return None
        parent = self.done.get(wanted.table)
        values = self._values(parent, wanted)
        if values is None:
            label = f"`{self.rule.name}.{column.name}`"
            what = f"{label} looks up `{wanted.table}.{wanted.column}` through `{wanted.through}`"
            why, fix = _unfound(parent, wanted)
            self.problems.append(Problem(column.place, f"{what}, {why}", fix))
            return None
        wire = self.target.by_name[column.name].type
        # `offset 0`: the value is computed once for each row there, not once for each row here
        join = Join(f"lookup:{column.name}", f"{values} offset 0", f"s.{quoted(wanted.through)}")
        return join, f"({join.alias}.v)::{wire}", wire

    def _values(self, parent: TablePlan | None, wanted: Lookup) -> str | None:
        """Return a SELECT of a parent's keys and the wanted values; None where one is missing."""
        if parent is None or parent.column(wanted.column) is None:
            return None
        key = _key(parent)
        if key is None or wanted.through not in self.source.by_name:
            return None
        return parent.pairs(key, wanted.column)

    def kept(self) -> str | None:
        """Keep a second destination from holding rows that the first does not."""
        if not self.rule.also:
            return None
        for primary in filter(self._is_first, self.done.values()):
            if primary.reason and primary.key and primary.key_source:
                keys = primary.keys(primary.key)
                join = Join("kept", keys, f"s.{quoted(primary.key_source)}")
                self.joins.append(join)
                return f"{join.alias}.k is null"
        return None

    def _is_first(self, other: TablePlan) -> bool:
        return other.source == self.rule.source and not other.also

    def orphans(self, columns: dict[str, ColumnPlan]) -> list[FaultPlan]:
        """Return the fault of each foreign key; a column set to NULL for it is changed in place."""
        keys = [key for key in self.target.foreign_keys if key.column in columns]
        self._refuse_unbound(columns.keys() - {key.column for key in keys})
        return list(itertools.chain.from_iterable(self._orphan(key, columns) for key in keys))

    def _refuse_unbound(self, free: set[str]) -> None:
        """Note the rules about orphans of columns that refer to nothing."""
        for rule in self.rule.columns:
            if rule.name in free and rule.action(Fault.ORPHAN):
                what = f"`{self.rule.name}.{rule.name}` has no foreign key on the destination"
                self.problems.append(Problem(rule.place, what, "remove `when_orphan`"))

    def _orphan(self, key: Constraint, columns: dict[str, ColumnPlan]) -> Iterator[FaultPlan]:
        """Yield the fault of one key of one column, unless none of its parents can be missing."""
        column = columns[key.columns[0]]
        keys = self._keys(key, column, columns)
        if keys is None:
            return
        join = Join(f"ref:{column.name}", keys, column.sql, column.needs)
        needs = column.needs | {join.name}
        self.joins.append(join)
        action = column.rule.action(Fault.ORPHAN) or Action.REFUSE
        yield FaultPlan(
            column.name,
            Fault.ORPHAN,
            f"coalesce({column.sql} is not null and {join.alias}.k is null, false)",
            action,
            worded(column.rule, Fault.ORPHAN),
            column.rule.place,
            "'withheld'::text" if column.secret else f"({column.sql})::text",
            needs=needs,
        )
        if action is Action.NULL:
            sql = f"(case when {join.alias}.k is not null then {column.sql} end)"
            columns[column.name] = dataclasses.replace(column, sql=sql, needs=needs)

    def _keys(
        self, key: Constraint, column: ColumnPlan, columns: dict[str, ColumnPlan]
    ) -> str | None:
        """Return a SELECT of the keys that may be referred to; None where none can be missing."""
        if key.target == self.rule.name:
            return self._own_keys(columns.get(key.target_columns[0]))
        if key.target not in self.mapped:
            self._refuse_untold(key, column)
            return None  # held against the rows that are there, in the preflight
        if key.target not in self.done:
            return None  # a circle of keys: the load validates it when it puts the keys back
        parent = self.done[key.target]
        found = parent.column(key.target_columns[0])
        if found is None or self._is_held(column, parent, found):
            return None
        return parent.keys(found.name)

    def _own_keys(self, own: ColumnPlan | None) -> str | None:
        """Return a SELECT of the keys of this table itself, where they are copied."""
        if own is None or not own.exact or own.source is None:
            return None
        return f"select p.{quoted(own.source)} as k from {self.source.rows} p"

    def _refuse_untold(self, key: Constraint, column: ColumnPlan) -> None:
        """Note a rule about orphans of rows that are on the destination only."""
        if column.rule.action(Fault.ORPHAN):
            what = f"`{self.rule.name}.{column.name}` refers to `{key.target}`, which is not mapped"
            fix = (
                f"map `{key.target}` too, or remove `when_orphan`: the preflight asks for its rows"
            )
            self.problems.append(Problem(column.rule.place, what, fix))

    def _is_held(self, column: ColumnPlan, parent: TablePlan, goal: ColumnPlan) -> bool:
        """Say whether the source's own foreign key and a parent kept in full exclude orphans."""
        if parent.reason or parent.excluded or not (column.is_copied and goal.exact):
            return False
        bound = (True, (column.source,), parent.source, (goal.source,))
        return bound in {
            (key.validated, key.columns, key.target, key.target_columns)
            for key in self.source.foreign_keys
        }


def _key(parent: TablePlan) -> str | None:
    """Return the copied key by which rows of a table are found; a text as well as a number."""
    if parent.key is None and parent.cut and (parent.cut.name,) in parent.uniques:
        return parent.cut.name
    return parent.key


def _unfound(parent: TablePlan | None, wanted: Lookup) -> tuple[str, str]:
    """Say why nothing can be looked up, and what to write."""
    if parent is None or parent.column(wanted.column) is not None:
        fix = "name a mapped table with a copied key, a column of it, and a source column here"
        return "which is not there", fix
    number = f"(select count(*) from {parent.origin} o where o.KEY <= {{KEY}})"
    fix = f"give each row there its number by a rule, as `{wanted.column}: {{sql: '{number}'}}`"
    return "which no rule fills; what the destination numbers by itself nobody knows before", fix
