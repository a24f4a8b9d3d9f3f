"""Hold a mapping against two live catalogs and compile it to SQL, or refuse with every reason."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import psycopg

from handrail.transfer.mapping import mapping as mappings
from handrail.transfer.mapping.mapping import MappingRefused
from handrail.transfer.mapping.rules import ColumnRule, Mapping, Problem, TableRule
from handrail.transfer.session.connection import Connection, connect, first_line, prepare
from handrail.transfer.session.quoting import quoted
from handrail.transfer.sql import account
from handrail.transfer.sql import catalog as catalogs
from handrail.transfer.sql.catalog import Catalog, Table
from handrail.transfer.sql.columns import Builder, Built
from handrail.transfer.sql.cut import TEXTS, Cut
from handrail.transfer.sql.evidence import recorded_catalog
from handrail.transfer.sql.plan import ColumnPlan, Plan, TablePlan
from handrail.transfer.sql.references import References

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
                parsed=tuple(p for p in table.parsed if p.name.endswith(f":{column.name}")),
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
        self.problems += account.tables(self.mapping, self.source)
        usable = [rule for rule in self.mapping.tables if self._is_usable(rule)]
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

    def _is_usable(self, rule: TableRule) -> bool:
        found = list(account.both_sides(self.mapping, rule, self.source, self.destination))
        self.problems += found
        return not found

    def _parents(self, rule: TableRule) -> set[str]:
        keys = self.destination.by_name[rule.name].foreign_keys
        found = {key.target for key in keys if key.target and key.target != rule.name}
        found |= {column.lookup.table for column in rule.columns if column.lookup}
        if rule.also:
            found |= {r.name for r in self.mapping.tables if r.source == rule.source and not r.also}
        return found & set(self.rules)

    def _refers_to_itself(self, rule: TableRule) -> bool:
        keys = self.destination.by_name[rule.name].foreign_keys
        declared = {column.name for column in rule.columns}
        return any(key.target == rule.name and set(key.columns) & declared for key in keys)

    def _order(self, rules: list[TableRule]) -> tuple[list[TableRule], list[str]]:
        """Put referenced tables first; break a cycle at the first table of the file."""
        waiting = {
            rule.name: self._parents(rule) & {other.name for other in rules} for rule in rules
        }
        order: list[TableRule] = []
        # rows of a later chunk may be referred to by an earlier one
        cyclic = [rule.name for rule in rules if self._refers_to_itself(rule)]
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
        references = References(
            rule, source, self.source.schema, target, frozenset(self.rules), self.done
        )
        parts = [
            builder.build(column, references.lookup(column))
            for column in rule.columns
            if self._is_writable(rule, column, target)
        ]
        rows = Built()
        faults = [fault for built in parts for fault in built.faults]
        faults += [builder.row_fault(row_rule, rows) for row_rule in rule.quarantine]
        parts.append(rows)
        columns = {built.plan.name: built.plan for built in parts if built.plan}
        joins = [join for built in parts for join in built.joins]
        faults += references.orphans(columns)
        excluded = references.kept()
        used = {name for built in parts for name in built.sources}
        self.problems += [problem for built in parts for problem in built.problems]
        self.problems += references.problems
        self.problems += account.columns(rule, source, target, used)
        chunk = next((c for c in columns.values() if key and self._is_key(c, key)), None)
        first = source.primary_key[0] if source.primary_key else None
        cut = next((c for c in columns.values() if first and self._is_cut(c, first)), None)
        texts = [f"s.{quoted(name)}::text" for name in source.primary_key]
        whole_key = f"concat_ws(',', {', '.join(texts)})" if texts else 's."row:place"::text'
        return TablePlan(
            name=rule.name,
            source=rule.source,
            schema=self.destination.schema,
            source_schema=self.source.schema,
            place=rule.place,
            also=rule.also,
            key=chunk.name if chunk else None,
            key_source=key if chunk else None,
            key_type=chunk.type if chunk else None,
            cut=Cut(cut.name, first, cut.type) if cut and first else None,
            key_text=whole_key,
            source_columns=tuple(source.by_name),
            secrets=tuple(sorted({c.source for c in rule.columns if c.secret and c.source})),
            columns=tuple(columns.values()),
            parsed=tuple(item for built in parts for item in built.parsed),
            joins=(*joins, *references.joins),
            faults=tuple(faults),
            excluded=excluded,
            uniques=target.uniques,
            parents=tuple(sorted(self._parents(rule))),
            limit=rule.limit,
            replace=rule.replace,
            notes=tuple(account.notes(rule, source, target, columns)),
        )

    def _is_writable(self, rule: TableRule, column: ColumnRule, target: Table) -> bool:
        known = target.by_name.get(column.name)
        if known is not None and not known.generated:
            return True
        what = "is computed by the destination" if known else "is no destination column"
        fix = f"columns of `{rule.name}`: {', '.join(target.by_name)}"
        self.problems.append(Problem(column.place, f"`{rule.name}.{column.name}` {what}", fix))
        return False

    @staticmethod
    def _is_cut(column: ColumnPlan, first: str) -> bool:
        changed = column.rule.when or column.rule.default or column.rule.lookup
        ordered = column.type in ORDERED | TEXTS
        return column.source == first and column.exact and ordered and not changed

    def _is_key(self, column: ColumnPlan, key: str) -> bool:
        return self._is_cut(column, key) and column.type in ORDERED
