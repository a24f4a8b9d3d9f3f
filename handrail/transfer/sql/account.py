"""Whether a mapping accounts for everything: no column or table is left to chance."""

import itertools
from collections import defaultdict
from collections.abc import Iterator

from handrail.transfer.mapping.rules import ColumnRule, MappingFile, Place, Problem, TableRule
from handrail.transfer.sql.catalog import Catalog, Column, Table
from handrail.transfer.sql.parts import ColumnPlan, DropPlan

LEFT = {False: "no source for {}: NULL", True: "left to the destination's own default: {}"}
OPTIONAL = "remove the line, or write `{reason: …, optional: true}`"


def tables(mapping: MappingFile, source: Catalog) -> Iterator[Problem]:
    """Find source tables that are neither mapped nor dropped, and drops of what is not there."""
    dropped = {drop.name for drop in mapping.drops}
    for name in sorted(set(source.by_name) - dropped - mapping.accounted):
        fix = f"map it, or add `drop_tables: {{{name}: <why>}}`"
        yield Problem(Place(mapping.file, 1), f"source table `{name}` is not declared", fix)
    yield from _wrong_table_drops(mapping, source)


def _wrong_table_drops(mapping: MappingFile, source: Catalog) -> Iterator[Problem]:
    """Find drops of tables that are absent, or mapped."""
    for drop in mapping.drops:
        if drop.name not in source.by_name and not drop.optional:
            yield Problem(drop.place, f"there is no source table `{drop.name}`", OPTIONAL)
        if drop.name in mapping.accounted:
            yield Problem(drop.place, f"`{drop.name}` is mapped and dropped", "keep one")


def drops(mapping: MappingFile, source: Catalog) -> Iterator[DropPlan]:
    """Name what is left behind on purpose and is there."""
    for drop in mapping.drops:
        if (table := source.by_name.get(drop.name)) is not None:
            yield DropPlan(drop.name, None, table.rows, drop.place, drop.reason)
    for rule in mapping.tables:
        if (table := source.by_name.get(rule.source)) is not None:
            yield from _column_drops(rule, table)


def _column_drops(rule: TableRule, table: Table) -> Iterator[DropPlan]:
    for drop in rule.drops:
        if drop.name in table.by_name:
            yield DropPlan(rule.source, drop.name, table.rows, drop.place, drop.reason)


def both_sides(
    mapping: MappingFile, rule: TableRule, source: Catalog, destination: Catalog
) -> Iterator[Problem]:
    """Find a table rule whose tables are not there."""
    for side, catalog, name in (
        ("source", source, rule.source),
        ("destination", destination, rule.name),
    ):
        if name not in catalog.by_name:
            what = f"there is no {side} table `{name}`"
            yield Problem(rule.place, what, _elsewhere(side, catalog, name))
    yield from _out_of_reach(rule, destination)
    if rule.also and rule.source not in mapping.accounted:
        fix = f"add a table with `from: {rule.source}`"
        yield Problem(rule.place, f"nothing else maps `{rule.source}`", fix)


def _out_of_reach(rule: TableRule, destination: Catalog) -> Iterator[Problem]:
    """Find a table that is there, and not where the destination's role looks for tables."""
    there = destination.by_name.get(rule.name)
    if there is not None and there.schema != destination.schema:
        what = f"`{rule.name}` lies in another schema than `{destination.schema}`, where the"
        fix = f"give its role `search_path = {there.schema}`, and map these tables by themselves"
        yield Problem(rule.place, f"{what} destination's role finds its tables", fix)


def _elsewhere(side: str, catalog: Catalog, name: str) -> str:
    """Say where a table of that name is, or which names there are."""
    for other in catalog.tables:
        if other.relation == name:
            return f"give the {side}'s role `search_path = {other.schema}`, where there is one"
    return f"tables of `{catalog.database}`: {', '.join(sorted(catalog.by_name))}"


def columns(rule: TableRule, source: Table, target: Table, used: set[str]) -> Iterator[Problem]:
    """Find source columns left out, drops of what is used or absent, and gaps in the destination.

    Args:
        rule: The table's rule.
        source: Its source table.
        target: Its destination table.
        used: Source columns that some expression reads.
    """
    read = used | {lookup.through for lookup in rule.lookups} | _named(rule, source)
    yield from _undeclared(rule, source, read)
    yield from _wrong_drops(rule, source, read)
    for column in target.columns:
        if column.name in rule.by_name:
            yield from _unfilled(rule, rule.by_name[column.name], column, source)
        else:
            yield from _unruled(rule, column)


def _named(rule: TableRule, source: Table) -> set[str]:
    """Name the source columns of rules that take them."""
    return {c.source for c in rule.columns if c.source and not is_left(c, source)}


def _undeclared(rule: TableRule, source: Table, read: set[str]) -> Iterator[Problem]:
    """Find source columns of which nobody says where they go."""
    if rule.also:
        return  # the first rule of the source table accounts for them
    declared = read | {drop.name for drop in rule.drops}
    for name in filter(lambda each: each not in declared, source.by_name):
        fix = f"give it a destination column, or add `drop: {{{name}: <why>}}`"
        yield Problem(rule.place, f"source column `{rule.source}.{name}` is not declared", fix)


def _wrong_drops(rule: TableRule, source: Table, read: set[str]) -> Iterator[Problem]:
    """Find drops of what is absent, or used."""
    for drop in rule.drops:
        if drop.name not in source.by_name and not drop.optional:
            yield Problem(drop.place, f"there is no source column `{drop.name}`", OPTIONAL)
        elif drop.name in read:
            yield Problem(drop.place, f"`{drop.name}` is used and dropped", "keep one")


def _unruled(rule: TableRule, column: Column) -> Iterator[Problem]:
    """Tell where a destination column that no rule is about cannot be left empty."""
    if column.generated or column.nullable:
        return
    what = f"destination column `{rule.name}.{column.name}` is NOT NULL and has no rule"
    left = ", or `generated: true` to leave it there" if fills_itself(column) else ""
    fix = f"add a rule for `{column.name}`: from, constant, sql or lookup{left}"
    yield Problem(rule.place, what, fix)


def _unfilled(
    rule: TableRule, named: ColumnRule, column: Column, source: Table
) -> Iterator[Problem]:
    """Tell where a rule leaves a column to a destination that has nothing for it."""
    if is_left(named, source) and not column.nullable and not fills_itself(column):
        what = f"`{rule.name}.{column.name}` is left to the destination, which has no default"
        yield Problem(named.place, what, "give the rule a `default: …`, or the column one")


def is_left(rule: ColumnRule, source: Table) -> bool:
    """Say whether a column is left to the destination: it says so, or its source is absent."""
    return rule.generated or (is_absent(rule, source) and rule.default is None)


def is_absent(rule: ColumnRule, source: Table) -> bool:
    """Say whether a column is one that may be absent, and is."""
    return rule.optional and rule.source not in source.by_name


def fills_itself(column: Column) -> bool:
    """Say whether the destination gives a column a value where none is given."""
    return bool(column.generated or column.identity or column.default is not None)


def notes(
    rule: TableRule, source: Table, target: Table, planned: dict[str, ColumnPlan]
) -> Iterator[str]:
    """Name what the destination no longer guards, and what it leaves empty."""
    if rule.also:
        return
    origin = {column.name: column.source for column in planned.values()}
    for said in itertools.chain(
        _once_unique(source, target, origin),
        _once_bound(source, target, origin),
        _left(target, planned),
    ):
        yield f"{rule.name}: {said}"


def _once_unique(source: Table, target: Table, origin: dict[str, str | None]) -> Iterator[str]:
    """Name what moved columns hold unique on the source, and not on the destination."""
    guarded = {frozenset(map(origin.get, own)) for own in target.uniques}
    for unique in filter(set(origin.values()).issuperset, source.uniques):
        if frozenset(unique) not in guarded:
            yield f"the source holds ({', '.join(unique)}) unique, the destination does not"


def _once_bound(source: Table, target: Table, origin: dict[str, str | None]) -> Iterator[str]:
    """Name what moved columns refer to on the source, and not on the destination."""
    moved = set(origin.values())
    bound = {tuple(map(origin.get, own.columns)) for own in target.foreign_keys}
    for key in source.foreign_keys:
        if moved.issuperset(key.columns) and key.columns not in bound:
            yield f"({', '.join(key.columns)}) refers to `{key.target}` on the source only"


def _left(target: Table, planned: dict[str, ColumnPlan]) -> Iterator[str]:
    """Name what is left to the destination: NULL, but where it fills the column itself."""
    left: defaultdict[str, list[str]] = defaultdict(list)
    for column in target.columns:
        if column.name not in planned and not column.generated:
            left[LEFT[fills_itself(column)]].append(column.name)
    for what in filter(left.get, LEFT.values()):
        yield what.format(", ".join(left[what]))
