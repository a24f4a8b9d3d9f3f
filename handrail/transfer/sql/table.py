"""Compile the rules of one destination table."""

import dataclasses
from collections.abc import Iterable

from handrail.transfer.mapping.rules import ColumnRule, Problem, TableRule
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql import account, secret
from handrail.transfer.sql.built import Built
from handrail.transfer.sql.catalog import Catalog
from handrail.transfer.sql.columns import Builder
from handrail.transfer.sql.cut import TEXTS, Cut
from handrail.transfer.sql.guard import provided
from handrail.transfer.sql.origin import Origin
from handrail.transfer.sql.parts import ColumnPlan
from handrail.transfer.sql.plan import TablePlan
from handrail.transfer.sql.references import References

# Types whose order is the same on any two servers, so that a range of keys means the same rows.
ORDERED = {"smallint", "integer", "bigint", "uuid", "date", "timestamp with time zone"}


class TableCompiler:
    """One table on its way to a plan, which counts only where `problems` stayed empty.

    Args:
        rule: The table's rule; both its tables are there.
        source: Catalog of the source.
        destination: Catalog of the destination.
        mapped: Destination tables that have a rule.
        done: Plans of the tables before it.
        secrets: Source columns that are shown nowhere.
        moment: When the load began.
    """

    def __init__(
        self,
        rule: TableRule,
        source: Catalog,
        destination: Catalog,
        mapped: frozenset[str],
        done: dict[str, TablePlan],
        secrets: frozenset[str],
        moment: str,
    ) -> None:
        self.rule = rule
        self.schema = destination.schema
        self.source = source.by_name[rule.source]
        self.target = destination.by_name[rule.name]
        self.problems: list[Problem] = []
        self.secrets = secrets
        self.done = done
        self.references = References(rule, self.source, self.target, mapped, done)
        self.key = self.source.key
        self.first = next(iter(self.source.primary_key), None)
        self.origin = Origin(self.source, self.target, moment)
        self.builder = Builder(self.origin, source.server_version, self.key)

    def plan(self, parents: Iterable[str]) -> TablePlan:
        """Compile; `parents` are the tables that must come first."""
        parts, rows = self._columns(), self._rows()
        columns = {built.plan.name: built.plan for built in parts if built.plan}
        orphans = self.references.orphans(columns)
        excluded = self.references.kept()
        whole = Built.of_all([*parts, rows])
        self._account(whole)
        self._refuse_unfilled(columns)
        key, key_source, key_type = self._key(columns.values())
        joins = (*whole.joins, *self.references.joins)
        given = provided(tuple(whole.parsed), joins, (*whole.faults, *orphans), excluded)
        return TablePlan(
            name=self.rule.name,
            source=self.rule.source,
            schema=self.schema,
            origin=self.source.qualified,
            source_rows=self.source.rows,
            target_rows=self.target.rows,
            place=self.rule.place,
            also=self.rule.also,
            key=key,
            key_source=key_source,
            key_type=key_type,
            cut=self._cut(columns.values()),
            key_text=self._key_text(),
            source_types={column.name: column.type for column in self.source.columns},
            secrets=tuple(sorted(self.secrets)),
            columns=tuple(columns.values()),
            parsed=given.parsed,
            joins=given.joins,
            faults=given.faults,
            excluded=excluded,
            guard=given.guard,
            uniques=self.target.uniques,
            parents=tuple(sorted(parents)),
            limit=self.rule.limit,
            replace=self.rule.replace,
            notes=tuple(account.notes(self.rule, self.source, self.target, columns)),
        )

    def _refuse_unfilled(self, columns: dict[str, ColumnPlan]) -> None:
        """Note a table of which no column is filled, where nothing else is wrong with it."""
        if not columns and not self.problems:
            what = f"no column of `{self.rule.name}` is filled, so that no row can be moved"
            fix = f"take it out, and name `{self.rule.source}` in `drop_tables:` with a reason"
            self.problems.append(Problem(self.rule.place, what, fix))

    def _key(self, columns: Iterable[ColumnPlan]) -> tuple[str | None, str | None, str | None]:
        """Return name, source and type of the column that tells rows apart, if there is one."""
        found = _copied(columns, self.key, ORDERED)
        return (found.name, found.source, found.type) if found else (None, None, None)

    def _cut(self, columns: Iterable[ColumnPlan]) -> Cut | None:
        found = _copied(columns, self.first, ORDERED | TEXTS)
        return Cut(found.name, found.source, found.type) if found and found.source else None

    def _columns(self) -> list[Built]:
        parts = (
            self.builder.build(self._present(column), self.references.lookup(column))
            for column in self.rule.columns
            if self._is_writable(column) and not account.is_left(column, self.source)
        )
        return list(secret.spread(parts, self.secrets, self.done))

    def _present(self, column: ColumnRule) -> ColumnRule:
        """Return a rule whose column is not there as one of its default."""
        if not account.is_absent(column, self.source):
            return column
        return dataclasses.replace(column, source=None, constant=column.default, when=())

    def _rows(self) -> Built:
        """Return what the rules come to that keep rows out by a condition."""
        rows = Built()
        rows.faults = [self.origin.row_fault(rule, rows) for rule in self.rule.quarantine]
        return rows

    def _account(self, whole: Built) -> None:
        self.problems += whole.problems
        self.problems += self.references.problems
        self.problems += account.columns(self.rule, self.source, self.target, whole.sources)

    def _key_text(self) -> str:
        """Return an expression that names a row of the source: by a key, or by where it lies."""
        key = self.source.primary_key or self._telling()
        texts = ", ".join(f"s.{quoted(name)}::text" for name in key)
        return f"concat_ws(',', {texts})" if texts else 's."row:place"::text'

    def _telling(self) -> tuple[str, ...]:
        """Return columns that tell rows apart, are never NULL and may be shown, if there are."""
        nullable = {column.name for column in self.source.columns if column.nullable}
        return next(filter((self.secrets | nullable).isdisjoint, self.source.uniques), ())

    def _is_writable(self, column: ColumnRule) -> bool:
        known = self.target.by_name.get(column.name)
        if known is not None and (column.generated or not known.generated):
            return True
        self.problems.append(self._unwritable(column))
        return False

    def _unwritable(self, column: ColumnRule) -> Problem:
        there = column.name in self.target.by_name
        what = "is computed by the destination" if there else "is no destination column"
        fix = f"columns of `{self.rule.name}`: {', '.join(self.target.by_name)}"
        return Problem(column.place, f"`{self.rule.name}.{column.name}` {what}", fix)


def _copied(
    columns: Iterable[ColumnPlan], source: str | None, types: set[str]
) -> ColumnPlan | None:
    """Return the column that is a source column unchanged, if its type is one of these."""
    same = filter(lambda column: column.source == source and column.is_same, columns)
    return next((column for column in same if column.type in types), None)
