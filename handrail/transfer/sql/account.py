"""Whether a mapping accounts for everything: no column or table is left to chance."""

from collections.abc import Iterator

from handrail.transfer.mapping.rules import ColumnRule, MappingFile, Place, Problem, TableRule
from handrail.transfer.sql.catalog import Catalog, Column, Table
from handrail.transfer.sql.parts import ColumnPlan, DropPlan

OPTIONAL = "remove the line, or write `{reason: …, optional: true}`"


def tables(mapping: MappingFile, source: Catalog) -> Iterator[Problem]:
    """Find source tables that are neither mapped nor dropped, and drops of what is not there."""
    dropped = {drop.name for drop in mapping.drops}
    mapped = {rule.source for rule in mapping.tables if not rule.also}
    for name in sorted(set(source.by_name) - dropped - mapped):
        fix = f"map it, or add `drop_tables: {{{name}: <why>}}`"
        yield Problem(Place(mapping.file, 1), f"source table `{name}` is not declared", fix)
    for drop in mapping.drops:
        if drop.name not in source.by_name and not drop.optional:
            yield Problem(drop.place, f"there is no source table `{drop.name}`", OPTIONAL)
        if drop.name in mapped:
            yield Problem(drop.place, f"`{drop.name}` is mapped and dropped", "keep one")


def drops(mapping: MappingFile, source: Catalog) -> Iterator[DropPlan]:
    """Name what is left behind on purpose and is there."""
    for drop in mapping.drops:
        if (table := source.by_name.get(drop.name)) is not None:
            yield DropPlan(drop.name, None, table.rows, drop.place, drop.reason)
    for rule in mapping.tables:
        table = source.by_name.get(rule.source)
        for drop in rule.drops:
            if table is not None and drop.name in table.by_name:
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
    there = destination.by_name.get(rule.name)
    if there is not None and there.schema != destination.schema:
        what = f"`{rule.name}` lies in another schema than `{destination.schema}`, where the"
        fix = f"give its role `search_path = {there.schema}`, and map these tables by themselves"
        yield Problem(rule.place, f"{what} destination's role finds its tables", fix)
    if rule.also and rule.source not in {each.source for each in mapping.tables if not each.also}:
        fix = f"add a table with `from: {rule.source}`"
        yield Problem(rule.place, f"nothing else maps `{rule.source}`", fix)


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
    read = used | {column.lookup.through for column in rule.columns if column.lookup}
    read |= {c.source for c in rule.columns if c.source and not is_left(c, source)}
    yield from _undeclared(rule, source, read)
    yield from _wrong_drops(rule, source, read)
    declared = {column.name: column for column in rule.columns}
    for column in target.columns:
        named = declared.get(column.name)
        found = _unruled(rule, column) if named is None else _unfilled(rule, named, column, source)
        if found is not None:
            yield found


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


def _unruled(rule: TableRule, column: Column) -> Problem | None:
    """Tell where a destination column that no rule is about cannot be left empty."""
    if column.generated or column.nullable:
        return None
    what = f"destination column `{rule.name}.{column.name}` is NOT NULL and has no rule"
    left = ", or `generated: true` to leave it there" if fills_itself(column) else ""
    fix = f"add a rule for `{column.name}`: from, constant, sql or lookup{left}"
    return Problem(rule.place, what, fix)


def _unfilled(rule: TableRule, named: ColumnRule, column: Column, source: Table) -> Problem | None:
    """Tell where a rule leaves a column to a destination that has nothing for it."""
    if not is_left(named, source) or column.nullable or fills_itself(column):
        return None
    what = f"`{rule.name}.{column.name}` is left to the destination, which has no default"
    return Problem(named.place, what, "give the rule a `default: …`, or the column one")


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
    yield from _unguarded(rule, source, target, planned)
    left = [c for c in target.columns if c.name not in planned and not c.generated]
    for names, what in (
        ([c.name for c in left if c.nullable and not fills_itself(c)], "no source for {}: NULL"),
        ([c.name for c in left if fills_itself(c)], "left to the destination's own default: {}"),
    ):
        if names:
            yield f"{rule.name}: {what.format(', '.join(names))}"


def _unguarded(
    rule: TableRule, source: Table, target: Table, planned: dict[str, ColumnPlan]
) -> Iterator[str]:
    """Name the keys of moved columns that the source holds and the destination does not."""
    origin = {column.name: column.source for column in planned.values()}
    moved = set(origin.values())
    guarded = {frozenset(map(origin.get, own)) for own in target.uniques}
    for unique in filter(moved.issuperset, source.uniques):
        if frozenset(unique) not in guarded:
            names = ", ".join(unique)
            yield f"{rule.name}: the source holds ({names}) unique, the destination does not"
    bound = {tuple(map(origin.get, own.columns)) for own in target.foreign_keys}
    for key in source.foreign_keys:
        if moved.issuperset(key.columns) and key.columns not in bound:
            names = ", ".join(key.columns)
            yield f"{rule.name}: ({names}) refers to `{key.target}` on the source only"
