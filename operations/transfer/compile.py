"""Hold a mapping against two live catalogs and compile it to SQL, or refuse with every reason."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import psycopg

from operations.transfer import catalog as catalogs
from operations.transfer import mapping as mappings
from operations.transfer.catalog import Catalog, Table
from operations.transfer.columns import WORDS, Builder, Built
from operations.transfer.evidence import recorded_catalog
from operations.transfer.mapping import MappingRefused
from operations.transfer.plan import ColumnPlan, FaultPlan, Plan, TablePlan
from operations.transfer.quoting import literal, quoted
from operations.transfer.rules import Action, ColumnRule, Fault, Mapping, Place, Problem, TableRule
from operations.transfer.session import Connection, connect, first_line, prepare

# Types whose order is the same on any two servers, so that a range of keys means the same rows.
ORDERED = {"smallint", "integer", "bigint", "uuid", "date", "timestamp with time zone"}


def open_plan(mapping: str | Path, source: str, destination: str) -> Plan:
    """Read the mapping and both catalogs, compile, and let the source parse every query.

    Args:
        mapping: Path of the mapping file.
        source: URL of the legacy database; only read.
        destination: URL of the new database; only read.

    Raises:
        MappingRefused: anything undeclared, unknown or contradicting either side, all of it.
        DatabaseUnreachable: a database did not answer.
    """
    rules = mappings.load(mapping)
    with connect(destination, name="destination") as session:
        wanted = recorded_catalog(session) or catalogs.read(session)
    with connect(source, name="source") as session:
        plan = compile(rules, catalogs.read(session), wanted)
        explain(plan, session)
    return plan


def compile(mapping: Mapping, source: Catalog, destination: Catalog) -> Plan:  # noqa: A001 - the plan's own word
    """Compile a mapping against two catalogs.

    Raises:
        MappingRefused: with every problem, each with its line and fix.
    """
    compiler = _Compiler(mapping, source, destination)
    plan = compiler.plan()
    if compiler.problems:
        raise MappingRefused(mapping.file, compiler.problems)
    return plan


def explain(plan: Plan, session: Connection) -> None:
    """Let the source plan every query, so that a wrong `sql:` is refused here and not mid-load.

    Raises:
        MappingRefused: with the line of each rule PostgreSQL did not accept.
    """
    prepare(session)
    problems: list[Problem] = []
    for table in plan.tables:
        if _refusal(session, table.rows()) is None:
            continue
        before = len(problems)
        for column in table.columns:
            alone = dataclasses.replace(
                table,
                columns=(column,),
                parsed=tuple(item for item in table.parsed if item[0].endswith(f":{column.name}")),
                faults=(),
            )
            if (error := _refusal(session, alone.rows())) is not None:
                what = f"`{table.name}.{column.name}`: PostgreSQL says {error}"
                problems.append(Problem(column.rule.place, what, "mend its `sql:` or values"))
        if len(problems) == before:
            error = _refusal(session, table.rows())
            problems.append(
                Problem(table.place, f"`{table.name}`: PostgreSQL says {error}", "mend its rules")
            )
    if problems:
        raise MappingRefused(plan.file, problems)


def _refusal(session: Connection, query: str) -> str | None:
    try:
        session.execute(f"explain {query}")
    except psycopg.Error as error:
        return first_line(error)
    return None


class _Compiler:
    """One compilation; `problems` grows, and the plan counts only when it stayed empty."""

    def __init__(self, mapping: Mapping, source: Catalog, destination: Catalog) -> None:
        self.mapping = mapping
        self.source = source
        self.destination = destination
        self.problems: list[Problem] = []
        self.done: dict[str, TablePlan] = {}
        self.rules = {rule.name: rule for rule in mapping.tables}

    def plan(self) -> Plan:
        self._account_for_source()
        usable = [rule for rule in self.mapping.tables if self._both_sides_exist(rule)]
        order, cyclic = self._order(usable)
        for rule in order:
            self.done[rule.name] = self._table(rule)
        shapes = [self._shape(self.source, {rule.source for rule in usable})]
        shapes.append(self._shape(self.destination, {rule.name for rule in usable}))
        digest = hashlib.sha256(" ".join([self.mapping.digest, *shapes]).encode()).hexdigest()
        return Plan(
            self.mapping.file,
            digest,
            tuple(self.done.values()),
            tuple(cyclic),
            tuple(note for table in self.done.values() for note in table.notes),
            self.source,
            self.destination,
        )

    def _shape(self, catalog: Catalog, names: Iterable[str]) -> str:
        tables = [asdict(catalog.by_name[name]) for name in sorted(names)]
        return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()

    def _account_for_source(self) -> None:
        """Every source table is mapped or dropped; every drop exists, unless optional."""
        dropped = {drop.name: drop for drop in self.mapping.drops}
        mapped = {rule.source for rule in self.mapping.tables if not rule.also}
        for name in sorted(set(self.source.by_name) - set(dropped) - mapped):
            from_file = self.mapping.tables[0].place if self.mapping.tables else None
            place = (
                dataclasses.replace(from_file, line=1) if from_file else Place(self.mapping.file, 1)
            )
            fix = f"map it, or add `drop_tables: {{{name}: <why>}}`"
            self.problems.append(Problem(place, f"source table `{name}` is not declared", fix))
        for drop in dropped.values():
            if drop.name not in self.source.by_name and not drop.optional:
                fix = "remove the line, or write `{reason: …, optional: true}`"
                self.problems.append(
                    Problem(drop.place, f"there is no source table `{drop.name}`", fix)
                )
            if drop.name in mapped:
                self.problems.append(
                    Problem(drop.place, f"`{drop.name}` is mapped and dropped", "keep one")
                )

    def _both_sides_exist(self, rule: TableRule) -> bool:
        missing = False
        for side, catalog, name in (
            ("source", self.source, rule.source),
            ("destination", self.destination, rule.name),
        ):
            if name not in catalog.by_name:
                fix = f"tables of `{catalog.database}`: {', '.join(sorted(catalog.by_name))}"
                self.problems.append(Problem(rule.place, f"there is no {side} table `{name}`", fix))
                missing = True
        if rule.also and not any(
            r.source == rule.source and not r.also for r in self.mapping.tables
        ):
            fix = f"add a table with `from: {rule.source}`"
            self.problems.append(Problem(rule.place, f"nothing else maps `{rule.source}`", fix))
            missing = True
        return not missing

    def _parents(self, rule: TableRule) -> set[str]:
        keys = self.destination.by_name[rule.name].foreign_keys
        found = {key.target for key in keys if key.target and key.target != rule.name}
        found |= {column.lookup.table for column in rule.columns if column.lookup}
        if rule.also:
            found |= {r.name for r in self.mapping.tables if r.source == rule.source and not r.also}
        return found & set(self.rules)

    def _order(self, rules: list[TableRule]) -> tuple[list[TableRule], list[str]]:
        """Put referenced tables first; break a cycle at the first table of the file."""
        waiting = {
            rule.name: self._parents(rule) & {other.name for other in rules} for rule in rules
        }
        order: list[TableRule] = []
        cyclic: list[str] = []
        while waiting:
            free = [name for name, parents in waiting.items() if not parents & set(waiting)]
            if not free:
                free = [next(iter(waiting))]
                cyclic += free
            for name in free:
                del waiting[name]
                order.append(self.rules[name])
        return order, cyclic

    def _table(self, rule: TableRule) -> TablePlan:
        source, target = self.source.by_name[rule.source], self.destination.by_name[rule.name]
        key = source.primary_key[0] if len(source.primary_key) == 1 else None
        builder = Builder(source, self.source.schema, target, self.source.server_version, key)
        parts: list[Built] = []
        for column in rule.columns:
            known = target.by_name.get(column.name)
            if known is None or known.generated:
                what = "is computed by the destination" if known else "is no destination column"
                fix = f"columns of `{rule.name}`: {', '.join(target.by_name)}"
                self.problems.append(
                    Problem(column.place, f"`{rule.name}.{column.name}` {what}", fix)
                )
                continue
            parts.append(builder.build(column, self._lookup(rule, column)))
        for built in parts:
            self.problems += built.problems
        columns = {built.plan.name: built.plan for built in parts if built.plan}
        faults = [fault for built in parts for fault in built.faults]
        joins = [join for built in parts for join in built.joins]
        used = {name for built in parts for name in built.sources}
        orphans, more_joins = self._orphans(rule, target, source, columns)
        rows = Built()
        for row_rule in rule.quarantine:
            at = ColumnRule("quarantine", row_rule.place)
            condition = builder.interpolate(row_rule.condition, at, rows)
            faults.append(
                FaultPlan("", Fault.MALFORMED, f"coalesce({condition}, false)", Action.QUARANTINE,
                          row_rule.reason, row_rule.place)
            )  # fmt: skip
        self.problems += rows.problems
        self._account_for_columns(rule, source, target, columns, used | rows.sources)
        kept = self._kept(rule, key, joins)
        chunk = next((c for c in columns.values() if key and self._is_key(c, key)), None)
        secrets = {name for c in rule.columns if c.secret for name in (c.source,) if name}
        texts = [f"s.{quoted(name)}::text" for name in source.primary_key]
        return TablePlan(
            name=rule.name, source=rule.source, schema=self.destination.schema,
            source_schema=self.source.schema, place=rule.place, also=rule.also,
            key=chunk.name if chunk else None, key_source=key if chunk else None,
            key_type=chunk.type if chunk else None,
            key_text=f"concat_ws(',', {', '.join(texts)})" if texts else f"s.{quoted('row:place')}::text",
            source_columns=tuple(source.by_name), secrets=tuple(sorted(secrets)),
            columns=tuple(columns.values()),
            parsed=tuple(item for built in parts for item in built.parsed),
            joins=tuple([*joins, *more_joins]), faults=(*faults, *orphans), excluded=kept,
            uniques=target.uniques, parents=tuple(sorted(self._parents(rule))),
            limit=rule.limit, replace=rule.replace, notes=tuple(self._notes(rule, source, target, columns)),
        )  # fmt: skip

    @staticmethod
    def _is_key(column: ColumnPlan, key: str) -> bool:
        changed = column.rule.when or column.rule.default or column.rule.lookup
        return column.source == key and column.exact and column.type in ORDERED and not changed

    def _lookup(self, rule: TableRule, column: ColumnRule) -> tuple[str, str, str] | None:
        if column.lookup is None:
            return None
        wanted, label = column.lookup, f"`{rule.name}.{column.name}`"
        parent = self.done.get(wanted.table)
        through = wanted.through in self.source.by_name[rule.source].by_name
        found = {item.name: item for item in parent.columns} if parent else {}
        if parent is None or parent.key is None or wanted.column not in found or not through:
            what = f"{label} looks up `{wanted.table}.{wanted.column}` through `{wanted.through}`"
            fix = "name a mapped table with a copied key, one of its columns, and a column of this source"
            self.problems.append(Problem(column.place, what + ", which is not there", fix))
            return None
        name = quoted(f"lookup:{column.name}")
        join = f"left join ({parent.pairs(parent.key, wanted.column)}) {name} on {name}.k = s.{quoted(wanted.through)}"
        wire = self.destination.by_name[rule.name].by_name[column.name].type
        return join, f"({name}.v)::{wire}", wire

    def _kept(self, rule: TableRule, key: str | None, joins: list[str]) -> str | None:
        """Keep a second destination from holding rows that the first does not."""
        if not rule.also:
            return None
        primary = next(
            (
                t
                for t in self.done.values()
                if t.source == rule.source and not t.also and t.key == key
            ),
            None,
        )
        if primary is None or primary.reason is None or primary.key is None:
            return None
        joins.append(
            f"left join ({primary.keys(primary.key)}) {quoted('kept')} on kept.k = s.{quoted(primary.key)}"
        )
        return "kept.k is null"

    def _orphans(
        self, rule: TableRule, target: Table, source: Table, columns: dict[str, ColumnPlan]
    ) -> tuple[list[FaultPlan], list[str]]:
        faults: list[FaultPlan] = []
        joins: list[str] = []
        bound: set[str] = set()
        for key in target.foreign_keys:
            if len(key.columns) != 1 or key.columns[0] not in columns or not key.target:
                continue
            column = columns[key.columns[0]]
            bound.add(column.name)
            if key.target not in self.rules:
                if column.rule.constant is None or column.rule.constant.value is not None:
                    what = (
                        f"`{rule.name}.{column.name}` refers to `{key.target}`, which is not mapped"
                    )
                    self.problems.append(
                        Problem(column.rule.place, what, f"map `{key.target}` too")
                    )
                continue
            parent = self.done.get(key.target)
            names = {item.name for item in parent.columns} if parent else set()
            if parent is None or key.target_columns[0] not in names:
                continue
            if self._cannot_be_orphan(column, source, parent, key.target_columns[0]):
                continue
            name = quoted(f"ref:{column.name}")
            joins.append(
                f"left join ({parent.keys(key.target_columns[0])}) {name} on {name}.k = {column.sql}"
            )
            action = column.rule.action(Fault.ORPHAN) or Action.REFUSE
            said = WORDS[Fault.ORPHAN].format(column=column.source or column.name)
            reason = f"{said}: {column.rule.reason}" if column.rule.reason else said
            condition = f"coalesce({column.sql} is not null and {name}.k is null, false)"
            new = "null::text"
            faults.append(
                FaultPlan(column.name, Fault.ORPHAN, condition, action, reason, column.rule.place,
                          f"({column.sql})::text", new)
            )  # fmt: skip
            if action is Action.NULL:
                sql = f"(case when {name}.k is not null then {column.sql} end)"
                columns[column.name] = dataclasses.replace(column, sql=sql)
        for column_rule in rule.columns:
            if (
                column_rule.action(Fault.ORPHAN)
                and column_rule.name not in bound
                and column_rule.name in columns
            ):
                what = f"`{rule.name}.{column_rule.name}` has no foreign key on the destination"
                self.problems.append(Problem(column_rule.place, what, "remove `when_orphan`"))
        return faults, joins

    @staticmethod
    def _cannot_be_orphan(
        column: ColumnPlan, source: Table, parent: TablePlan, target: str
    ) -> bool:
        """Say whether the source's own foreign key and a parent kept in full exclude orphans."""
        goal = next(item for item in parent.columns if item.name == target)
        if (
            parent.reason
            or parent.excluded
            or not column.exact
            or not goal.exact
            or column.rule.when
        ):
            return False
        return any(
            key.validated and key.columns == (column.source,)
            and key.target == parent.source and key.target_columns == (goal.source,)
            for key in source.foreign_keys
        )  # fmt: skip

    def _account_for_columns(
        self,
        rule: TableRule,
        source: Table,
        target: Table,
        columns: dict[str, ColumnPlan],
        used: set[str],
    ) -> None:
        """Every source column is used or dropped, every NOT NULL destination column filled."""
        used |= {column.lookup.through for column in rule.columns if column.lookup}
        used |= {column.source for column in rule.columns if column.source}
        if not rule.also:
            dropped = {drop.name for drop in rule.drops}
            for name in [name for name in source.by_name if name not in used | dropped]:
                fix = f"give it a destination column, or add `drop: {{{name}: <why>}}`"
                self.problems.append(
                    Problem(
                        rule.place, f"source column `{rule.source}.{name}` is not declared", fix
                    )
                )
        for drop in rule.drops:
            if drop.name not in source.by_name and not drop.optional:
                fix = "remove the line, or write `{reason: …, optional: true}`"
                self.problems.append(
                    Problem(drop.place, f"there is no source column `{drop.name}`", fix)
                )
            elif drop.name in used:
                self.problems.append(
                    Problem(drop.place, f"`{drop.name}` is used and dropped", "keep one")
                )
        declared = {column.name for column in rule.columns}
        for column in target.columns:
            fills_itself = column.generated or column.nullable
            if column.name not in declared and not fills_itself:
                fix = f"add a rule for `{column.name}`: from, constant, sql, lookup"
                self.problems.append(
                    Problem(
                        rule.place,
                        f"destination column `{rule.name}.{column.name}` is NOT NULL and has no rule",
                        fix,
                    )
                )

    def _notes(
        self, rule: TableRule, source: Table, target: Table, columns: dict[str, ColumnPlan]
    ) -> Iterable[str]:
        """Name what the destination no longer guards, and what it leaves empty."""
        origin = {column.name: column.source for column in columns.values()}
        moved = set(origin.values())
        if rule.also:
            return
        guarded = {frozenset(origin.get(name) for name in own) for own in target.uniques}
        for unique in source.uniques:
            if set(unique) <= moved and frozenset(unique) not in guarded:
                yield f"{rule.name}: the source holds ({', '.join(unique)}) unique, the destination does not"
        bound = {tuple(origin.get(name) for name in own.columns) for own in target.foreign_keys}
        for key in source.foreign_keys:
            if set(key.columns) <= moved and key.columns not in bound:
                yield f"{rule.name}: ({', '.join(key.columns)}) refers to `{key.target}` on the source only"
        empty = [c.name for c in target.columns if c.name not in columns and c.nullable]
        if empty:
            yield f"{rule.name}: no source for {', '.join(empty)}: NULL"


__all__ = ["compile", "explain", "literal", "open_plan"]
